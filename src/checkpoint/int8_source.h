#pragma once
#include <memory>
#include <set>
#include <string>

#include "checkpoint/safetensors.h"

namespace san {

/// Behind the name of a tensor of bytes in a model file: its scales, one per index of its first axis.
inline constexpr const char* kInt8ScaleSuffix = ".int8_scale";

/// The tensors of a safetensors file, those of bytes multiplied by their scales: whoever loads them gets
/// float32. The scales are no names of their own.
class Int8Source : public ParameterSource {
 public:
  /// Throws Error, naming the tensor, on bytes without scales, scales without bytes, and other shapes or
  /// types.
  explicit Int8Source(std::shared_ptr<const SafetensorsFile> file);

  /// Names of the tensors that are bytes in the file.
  const std::set<std::string>& int8() const { return int8_; }

  std::vector<std::string> names() const override { return names_; }
  bool contains(const std::string& name) const override;
  Shape shape(const std::string& name) const override;
  /// Throws Error on scales that are negative, not finite, or so large that a value would not be.
  HostArray load(const std::string& name) const override;
  std::optional<StoredRows> stored_rows(const std::string& name) const override;
  std::string description() const override { return file_->description(); }

 private:
  void require_known(const std::string& name) const;
  /// As load() says of them.
  std::vector<float> scales(const std::string& name) const;

  std::shared_ptr<const SafetensorsFile> file_;
  std::vector<std::string> names_;
  std::set<std::string> int8_;
};

}  // namespace san
