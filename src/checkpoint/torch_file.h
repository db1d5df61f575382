#pragma once
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "checkpoint/file_bytes.h"
#include "checkpoint/unpickler.h"
#include "checkpoint/zip_archive.h"
#include "tensor/parameter_source.h"

namespace san {

/// The state dict in a file written by PyTorch: torch.save (zip since 1.6, and the format before) of
/// {"model": …},
/// {"state_dict": …} or a bare state dict, or a TorchScript archive, whose modules' tensors are named by
/// their path. Nothing in it is executed. Tensors are read when loaded. Limits: those of the pickle and the
/// zip archive, 100 000 tensors, 100 000 modules in 32 levels with a million attributes and 32 MiB of names,
/// and values of 16 times the file plus 256 MiB in all (views may share values, so that a small file could
/// claim any amount of work).
class TorchFile : public ParameterSource {
 public:
  enum class Container { kZip, kLegacy, kTorchScript };

  /// Throws Error naming the file on damage, foreign formats and files without a state dict.
  explicit TorchFile(FileBytes file);
  static std::shared_ptr<TorchFile> open(const std::filesystem::path& path);
  /// Whether the content can be such a file, judged by its first bytes.
  static bool looks_like(const FileBytes& file);

  Container container() const { return container_; }
  /// Key of the state dict at the top of the file ("model"), empty for a bare one.
  const std::string& state_dict_key() const { return key_; }
  /// Names in the state dict whose values are not tensors, sorted.
  const std::vector<std::string>& ignored() const { return ignored_; }
  /// Python callables ("module.name") met anywhere in the file and not called.
  std::vector<std::string> opaque_makers() const { return pickle_.opaque_makers(); }
  /// Integer or float values beside the state dict ("iteration"), by key, as text.
  std::optional<std::string> top_level(std::string_view key) const;

  std::vector<std::string> names() const override;
  bool contains(const std::string& name) const override { return tensors_.contains(name); }
  Shape shape(const std::string& name) const override;
  HostArray load(const std::string& name) const override;
  std::string description() const override { return file_.description(); }

 private:
  struct Range {
    std::uint64_t begin, size;
  };
  void open_zip();
  void open_legacy();
  void require_printable(const std::string& name) const;
  void choose_state_dict();
  bool take_state_dict(const Pickle::Node& dict);
  void flatten_modules();
  void limit_work() const;
  const PickledTensor& tensor(const std::string& name) const;
  HostArray load_from_zip(const PickledTensor& tensor, const PickledStorage& storage,
                          const std::string& where) const;
  OwnedBytes inflated(const std::string& record, std::uint64_t limit_bytes) const;

  FileBytes file_;
  Container container_ = Container::kZip;
  std::optional<ZipArchive> zip_;
  std::string record_prefix_;
  std::map<std::string, Range> legacy_records_;
  Pickle pickle_;
  std::string key_;
  std::map<std::string, std::size_t> tensors_;
  std::vector<std::string> ignored_;
  mutable std::mutex mutex_;
  mutable std::set<std::string> verified_;  // stored records whose checksum is right
  // Compressed records are decompressed as a whole: the last one is kept for its next tensor.
  mutable std::string last_inflated_;
  mutable OwnedBytes last_bytes_;
  mutable std::uint64_t inflated_bytes_ = 0;
};

}  // namespace san
