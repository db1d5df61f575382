#pragma once
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "checkpoint/file_bytes.h"
#include "tensor/parameter_source.h"

namespace san {

/// A safetensors file: 8 bytes header length, a JSON header, then raw little-endian values.
/// load() reads a tensor from the file, or borrows it where the file is in memory and the values are aligned;
/// large matrices of a file can be read by rows.
class SafetensorsFile : public ParameterSource {
 public:
  /// Throws Error on whatever is not a well-formed file: header longer than the file or 32 MiB, more
  /// than 100 000 tensors or metadata entries, names over 4096 bytes, duplicate or malformed entries, unknown
  /// types, sizes that disagree with shapes, ranges outside the file or overlapping. Unused bytes between
  /// tensors are tolerated (other writers align with them).
  explicit SafetensorsFile(FileBytes file);
  static std::shared_ptr<SafetensorsFile> open(const std::filesystem::path& path);
  /// Whether the content can be such a file, judged by its first bytes.
  static bool looks_like(const FileBytes& file);

  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  /// The metadata entry, or throws Error naming the file and the key.
  const std::string& metadata(const std::string& key) const;
  DType dtype(const std::string& name) const { return entry(name).dtype; }

  std::vector<std::string> names() const override;
  bool contains(const std::string& name) const override { return entries_.contains(name); }
  Shape shape(const std::string& name) const override { return entry(name).shape; }
  HostArray load(const std::string& name) const override;
  std::optional<StoredRows> stored_rows(const std::string& name) const override;
  std::string description() const override { return file_.description(); }

 private:
  struct Entry {
    DType dtype;
    Shape shape;
    std::uint64_t begin, end;  // from the start of the file
  };
  void parse_header();
  const Entry& entry(const std::string& name) const;

  FileBytes file_;
  std::map<std::string, Entry> entries_;
  std::map<std::string, std::string> metadata_;
};

/// What a tensor to be written is; its values come later.
struct TensorInfo {
  std::string name;
  DType dtype = DType::kF32;
  Shape shape;
};

/// Writes a safetensors file tensor by tensor: `load` is called once for each, in file order, and must return
/// what was announced, so that one tensor at a time is in memory. The bytes depend on the content alone.
/// Values start on multiples of 64 bytes as far as sizes are such multiples; the odd-sized come last, without
/// gaps, because strict readers refuse those. The file appears when complete; throws Error with the path.
void write_safetensors(const std::filesystem::path& path, std::vector<TensorInfo> tensors,
                       const std::map<std::string, std::string>& metadata,
                       const std::function<HostArray(const TensorInfo&)>& load);
/// The same bytes, handed on piece by piece; `where` begins messages.
void write_safetensors(const std::string& where, std::vector<TensorInfo> tensors,
                       const std::map<std::string, std::string>& metadata,
                       const std::function<HostArray(const TensorInfo&)>& load,
                       const std::function<void(std::span<const std::byte>)>& write);

}  // namespace san
