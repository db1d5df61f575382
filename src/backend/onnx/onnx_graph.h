#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "tensor/shape.h"

namespace san {

/// The versions of the standard operator set that graphs can be written for. 17 brings LayerNormalization, 20
/// Gelu.
inline constexpr int kFirstOnnxOpset = 17, kLastOnnxOpset = 21;

enum class OnnxType : std::uint8_t { kFloat, kHalf, kInt64, kInt32, kUInt8, kInt8, kBool };

/// An extent of an input or output: a number, or where `name` is given whatever the caller brings.
struct OnnxExtent {
  std::int64_t value = 0;
  std::string name;
};

struct OnnxSaveOptions {
  bool external_data = false;  ///< weights in PATH.data; done anyway beyond what protobuf can hold (2 GB)
  /// Called with bytes written so far and in all.
  std::function<void(std::int64_t done, std::int64_t total)> progress;
};

/// A graph of ONNX operators under construction, and its file. Values are known by their names.
class OnnxGraph {
 public:
  using Attribute = std::variant<std::int64_t, float, std::string, std::vector<std::int64_t>>;
  using Attributes = std::initializer_list<std::pair<const char*, Attribute>>;

  /// Throws Error on an operator set that is not among those above. With `half`, matrices and larger
  /// weights are stored as float16; arithmetic stays float32.
  OnnxGraph(std::string name, int opset, bool half = false);
  ~OnnxGraph();
  OnnxGraph(const OnnxGraph&) = delete;
  OnnxGraph& operator=(const OnnxGraph&) = delete;

  int opset() const;
  /// Adds a node and returns the name of its first result. `scope` begins the node's name.
  std::string node(const std::string& scope, const char* op, const std::vector<std::string>& inputs,
                   Attributes attributes = {});
  /// A node that reduces one axis and keeps it with extent 1: where the axis stands depends on the version.
  std::string reduce(const std::string& scope, const char* op, const std::string& x, std::int64_t axis);
  /// Constants of the graph; equal ones are one.
  std::string integers(const std::vector<std::int64_t>& values);
  std::string integer(std::int64_t value);  ///< without dimensions
  std::string number(float value);          ///< without dimensions
  std::string zero_point();                 ///< an int8 zero without dimensions

  /// A weight whose values are asked for when the graph is saved. Returns the name to use, `name` with a
  /// suffix if that is taken.
  std::string weight(const std::string& name, const Shape& shape, std::function<std::vector<float>()> values);
  /// The same of whole numbers in [−128, 127], stored as int8.
  std::string int8_weight(const std::string& name, const Shape& shape,
                          std::function<std::vector<float>()> values);

  std::string input(const std::string& name, OnnxType type, const std::vector<OnnxExtent>& shape);
  /// Makes `value` known to callers as `name`.
  void output(const std::string& name, const std::string& value, OnnxType type,
              const std::vector<OnnxExtent>& shape);
  void metadata(const std::string& key, const std::string& value);

  std::size_t nodes() const;
  std::int64_t weight_bytes() const;
  /// How often each operator is used.
  std::map<std::string, int> operators() const;

  /// Checks the graph with onnx's own checker (Debian's knows operator set 17: of later ones it sees what
  /// they have not changed) and writes it; with weights beside it, both files are whole before either
  /// appears. Throws Error naming the weight where a value is not a number, or too large for float16; then
  /// nothing has been written.
  void save(const std::filesystem::path& path, const OnnxSaveOptions& options = {});

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace san
