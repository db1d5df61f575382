#include "backend/onnx/onnx_graph.h"

#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <onnx/checker.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <set>

#include "base/atomic_file.h"
#include "base/error.h"
#include "tensor/host_array.h"

namespace san {
namespace {

// onnx's IR version that belongs to operator set 17 (onnx 1.12); newer runtimes read it with newer sets.
constexpr int kIrVersion = 8;
// The last operator set that Debian 12's onnx knows.
constexpr int kCheckedOpset = 17;
// Protobuf's limit is 2 GiB for the whole message; what is not weights takes a few hundred kilobytes.
constexpr std::int64_t kMaxInside = 2'000'000'000;
constexpr std::int64_t kAlignment = 64;  // of a weight in the file beside
// Smaller ones stay in the graph: runtimes read some of them while they infer shapes.
constexpr std::int64_t kSmall = 1024;

/// Whether a weight counts as a matrix: vectors stay float32 where others are float16.
bool is_matrix(const Shape& shape) {
  return std::ranges::count_if(shape, [](std::int64_t extent) { return extent > 1; }) >= 2;
}

onnx::TensorProto::DataType proto_type(OnnxType type) {
  switch (type) {
    case OnnxType::kFloat:
      return onnx::TensorProto::FLOAT;
    case OnnxType::kHalf:
      return onnx::TensorProto::FLOAT16;
    case OnnxType::kInt64:
      return onnx::TensorProto::INT64;
    case OnnxType::kInt32:
      return onnx::TensorProto::INT32;
    case OnnxType::kUInt8:
      return onnx::TensorProto::UINT8;
    case OnnxType::kInt8:
      return onnx::TensorProto::INT8;
    case OnnxType::kBool:
      return onnx::TensorProto::BOOL;
  }
  return onnx::TensorProto::UNDEFINED;
}

void describe(onnx::ValueInfoProto& info, const std::string& name, OnnxType type,
              const std::vector<OnnxExtent>& shape) {
  info.set_name(name);
  auto* tensor = info.mutable_type()->mutable_tensor_type();
  tensor->set_elem_type(proto_type(type));
  tensor->mutable_shape();
  for (const OnnxExtent& extent : shape) {
    auto* dimension = tensor->mutable_shape()->add_dim();
    if (extent.name.empty())
      dimension->set_dim_value(extent.value);
    else
      dimension->set_dim_param(extent.name);
  }
}

/// Protobuf's way into an AtomicFile.
class FileStream final : public google::protobuf::io::CopyingOutputStream {
 public:
  explicit FileStream(AtomicFile& file) : file_(file) {}
  bool Write(const void* buffer, int size) override {
    file_.write(std::span(static_cast<const std::byte*>(buffer), static_cast<std::size_t>(size)));
    return true;
  }

 private:
  AtomicFile& file_;
};

struct Weight {
  std::string name;
  Shape shape;
  OnnxType type = OnnxType::kFloat;
  std::function<std::vector<float>()> values;

  std::int64_t bytes() const {
    return shape.elements() * (type == OnnxType::kFloat ? 4 : type == OnnxType::kHalf ? 2 : 1);
  }
};

std::string raw_bytes(const Weight& w) {
  const std::vector<float> values = w.values();
  require(static_cast<std::int64_t>(values.size()) == w.shape.elements(), "{}: {} values for shape {}",
          w.name, values.size(), w.shape);
  for (std::size_t i = 0; i < values.size(); ++i)
    require(!std::isnan(values[i]), "{}: value {} is not a number", w.name, i);
  std::string bytes(static_cast<std::size_t>(w.bytes()), '\0');
  if (w.type == OnnxType::kFloat) {
    std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
  }
  if (w.type == OnnxType::kInt8) {
    std::ranges::transform(values, bytes.begin(), [&](float v) {
      require(v >= -128 && v <= 127, "{}: {} is no value of int8", w.name, v);
      return static_cast<char>(v);
    });
    return bytes;
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint16_t half = float_to_half(values[i]);
    require((half & 0x7fff) < 0x7c00 || std::isinf(values[i]),
            "{}: value {} is {}, more than float16 holds (65504); export with --precision fp32", w.name, i,
            values[i]);
    std::memcpy(bytes.data() + 2 * i, &half, 2);
  }
  return bytes;
}

/// Makes of a node of a later operator set the one of set 17 that it was. Of the operators used here, sets 18
/// to 21 changed only these: reductions take their axes as an input, Resize can smooth, GELU is an operator.
/// The others accept what they accepted.
void as_of_set_17(onnx::NodeProto& node) {
  const std::string& op = node.op_type();
  if (op == "Gelu") node.set_op_type("Erf");
  if (op.starts_with("Reduce") && op != "ReduceSum" && node.input_size() == 2) {
    node.mutable_input()->RemoveLast();
    onnx::AttributeProto& axes = *node.add_attribute();
    axes.set_name("axes"), axes.set_type(onnx::AttributeProto::INTS), axes.add_ints(0);
  }
  if (op != "Resize") return;
  for (int i = node.attribute_size() - 1; i >= 0; --i)
    if (node.attribute(i).name() == "antialias") node.mutable_attribute()->DeleteSubrange(i, 1);
}

/// onnx's own checker on the graph, its weights as further inputs: nothing needs to be written for it.
void check(const onnx::ModelProto& model, const std::vector<Weight>& weights, int opset,
           const std::filesystem::path& path) {
  onnx::GraphProto graph = model.graph();
  for (const Weight& w : weights) {
    std::vector<OnnxExtent> shape;
    for (const std::int64_t extent : w.shape) shape.push_back({extent, ""});
    describe(*graph.add_input(), w.name, w.type, shape);
  }
  if (opset > kCheckedOpset)
    for (onnx::NodeProto& node : *graph.mutable_node()) as_of_set_17(node);
  try {
    onnx::checker::CheckerContext context;
    context.set_ir_version(kIrVersion);
    context.set_opset_imports({{"", std::min(opset, kCheckedOpset)}});
    onnx::checker::check_graph(graph, context, {});
  } catch (const std::exception& e) {
    fail("{}: onnx's checker refuses the graph: {}", path.string(), e.what());
  }
}

}  // namespace

struct OnnxGraph::Parts {
  onnx::ModelProto model;
  int opset = 0;
  bool half = false;
  std::map<std::string, int> counters;
  std::set<std::string> names;
  std::map<std::string, std::string> constants;  // by type and value
  std::vector<Weight> weights;

  onnx::GraphProto& graph() { return *model.mutable_graph(); }
  /// `name`, or with the lowest number behind it that makes it new.
  std::string fresh(const std::string& name) {
    std::string candidate = name;
    for (int i = 1; !names.insert(candidate).second; ++i) candidate = fmt::format("{}_{}", name, i);
    return candidate;
  }
  template <class Fill>
  std::string constant(const std::string& key, const std::string& name, const std::vector<std::int64_t>& dims,
                       onnx::TensorProto::DataType type, Fill&& fill) {
    const auto [at, added] = constants.try_emplace(key);
    if (added) {
      at->second = fresh(name);
      onnx::TensorProto& tensor = *graph().add_initializer();
      tensor.set_name(at->second);
      tensor.set_data_type(type);
      for (const std::int64_t extent : dims) tensor.add_dims(extent);
      fill(tensor);
    }
    return at->second;
  }
};

OnnxGraph::OnnxGraph(std::string name, int opset, bool half) : parts_(std::make_unique<Parts>()) {
  require(opset >= kFirstOnnxOpset && opset <= kLastOnnxOpset,
          "operator set {}: expected {} (the first with LayerNormalization) to {}", opset, kFirstOnnxOpset,
          kLastOnnxOpset);
  parts_->opset = opset;
  parts_->half = half;
  parts_->model.set_ir_version(kIrVersion);
  parts_->model.set_producer_name("san.cpp");
  onnx::OperatorSetIdProto& set = *parts_->model.add_opset_import();
  set.set_domain("");
  set.set_version(opset);
  parts_->graph().set_name(std::move(name));
}

OnnxGraph::~OnnxGraph() = default;

int OnnxGraph::opset() const {
  return parts_->opset;
}

std::string OnnxGraph::node(const std::string& scope, const char* op, const std::vector<std::string>& inputs,
                            Attributes attributes) {
  onnx::NodeProto& n = *parts_->graph().add_node();
  n.set_op_type(op);
  const std::string stem = scope.empty() ? std::string(op) : fmt::format("{}/{}", scope, op);
  const std::string name = parts_->fresh(fmt::format("{}_{}", stem, parts_->counters[stem]++));
  n.set_name(name);
  n.add_output(name);
  for (const std::string& input : inputs) n.add_input(input);
  for (const auto& [key, value] : attributes) {
    onnx::AttributeProto& a = *n.add_attribute();
    a.set_name(key);
    if (const auto* integer = std::get_if<std::int64_t>(&value)) {
      a.set_type(onnx::AttributeProto::INT), a.set_i(*integer);
    } else if (const auto* real = std::get_if<float>(&value)) {
      a.set_type(onnx::AttributeProto::FLOAT), a.set_f(*real);
    } else if (const auto* text = std::get_if<std::string>(&value)) {
      a.set_type(onnx::AttributeProto::STRING), a.set_s(*text);
    } else {
      a.set_type(onnx::AttributeProto::INTS);
      for (const std::int64_t i : std::get<std::vector<std::int64_t>>(value)) a.add_ints(i);
    }
  }
  return name;
}

std::string OnnxGraph::reduce(const std::string& scope, const char* op, const std::string& x,
                              std::int64_t axis) {
  // ReduceSum takes its axes as an input since 13, the others since 18.
  const bool as_input = parts_->opset >= 18 || std::string_view(op) == "ReduceSum";
  if (as_input) return node(scope, op, {x, integers({axis})}, {{"keepdims", std::int64_t{1}}});
  return node(scope, op, {x}, {{"axes", std::vector<std::int64_t>{axis}}, {"keepdims", std::int64_t{1}}});
}

std::string OnnxGraph::integers(const std::vector<std::int64_t>& values) {
  std::string key = "integers", name = "integers";
  for (const std::int64_t v : values) key += fmt::format(" {}", v);
  return parts_->constant(key, name, {static_cast<std::int64_t>(values.size())}, onnx::TensorProto::INT64,
                          [&](onnx::TensorProto& t) {
                            for (const std::int64_t v : values) t.add_int64_data(v);
                          });
}

std::string OnnxGraph::integer(std::int64_t value) {
  return parts_->constant(fmt::format("integer {}", value), "integer", {}, onnx::TensorProto::INT64,
                          [&](onnx::TensorProto& t) { t.add_int64_data(value); });
}

std::string OnnxGraph::number(float value) {
  return parts_->constant(fmt::format("number {}", value), "number", {}, onnx::TensorProto::FLOAT,
                          [&](onnx::TensorProto& t) { t.add_float_data(value); });
}

std::string OnnxGraph::zero_point() {
  return parts_->constant("zero point", "zero_point", {}, onnx::TensorProto::INT8,
                          [&](onnx::TensorProto& t) { t.add_int32_data(0); });
}

std::string OnnxGraph::int8_weight(const std::string& name, const Shape& shape,
                                   std::function<std::vector<float>()> values) {
  parts_->weights.push_back({parts_->fresh(name), shape, OnnxType::kInt8, std::move(values)});
  return parts_->weights.back().name;
}

std::string OnnxGraph::weight(const std::string& name, const Shape& shape,
                              std::function<std::vector<float>()> values) {
  const bool half = parts_->half && is_matrix(shape);
  parts_->weights.push_back(
      {parts_->fresh(name), shape, half ? OnnxType::kHalf : OnnxType::kFloat, std::move(values)});
  const std::string stored = parts_->weights.back().name;
  return half ? node(stored, "Cast", {stored}, {{"to", std::int64_t{onnx::TensorProto::FLOAT}}}) : stored;
}

std::string OnnxGraph::input(const std::string& name, OnnxType type, const std::vector<OnnxExtent>& shape) {
  require(parts_->names.insert(name).second, "two values of the graph are called {}", name);
  describe(*parts_->graph().add_input(), name, type, shape);
  return name;
}

void OnnxGraph::output(const std::string& name, const std::string& value, OnnxType type,
                       const std::vector<OnnxExtent>& shape) {
  require(parts_->names.insert(name).second, "two values of the graph are called {}", name);
  onnx::NodeProto& n = *parts_->graph().add_node();
  n.set_op_type("Identity");
  n.set_name(name);
  n.add_input(value);
  n.add_output(name);
  describe(*parts_->graph().add_output(), name, type, shape);
}

void OnnxGraph::metadata(const std::string& key, const std::string& value) {
  onnx::StringStringEntryProto& entry = *parts_->model.add_metadata_props();
  entry.set_key(key);
  entry.set_value(value);
}

std::size_t OnnxGraph::nodes() const {
  return static_cast<std::size_t>(parts_->graph().node_size());
}

std::int64_t OnnxGraph::weight_bytes() const {
  std::int64_t bytes = 0;
  for (const Weight& w : parts_->weights) bytes += w.bytes();
  return bytes;
}

std::map<std::string, int> OnnxGraph::operators() const {
  std::map<std::string, int> counts;
  for (const onnx::NodeProto& n : parts_->model.graph().node()) ++counts[n.op_type()];
  return counts;
}

void OnnxGraph::save(const std::filesystem::path& path, const OnnxSaveOptions& options) {
  check(parts_->model, parts_->weights, parts_->opset, path);
  const std::int64_t total = weight_bytes();
  const bool external = options.external_data || total > kMaxInside;
  const std::filesystem::path beside = path.string() + ".data";
  std::optional<AtomicFile> data;
  if (external) data.emplace(beside);
  // The graph itself stays without weights: it can be saved again, or not at all.
  onnx::ModelProto model = parts_->model;
  std::int64_t offset = 0, done = 0;
  for (const Weight& w : parts_->weights) {
    onnx::TensorProto& tensor = *model.mutable_graph()->add_initializer();
    tensor.set_name(w.name);
    tensor.set_data_type(proto_type(w.type));
    for (const std::int64_t extent : w.shape) tensor.add_dims(extent);
    std::string bytes = raw_bytes(w);
    done += w.bytes();
    if (external && w.bytes() >= kSmall) {
      const std::int64_t padding = (kAlignment - offset % kAlignment) % kAlignment;
      data->write(std::string(static_cast<std::size_t>(padding), '\0'));
      offset += padding;
      data->write(bytes);
      tensor.set_data_location(onnx::TensorProto::EXTERNAL);
      const auto entry = [&](const char* key, const std::string& value) {
        auto& e = *tensor.add_external_data();
        e.set_key(key), e.set_value(value);
      };
      entry("location", beside.filename().string());
      entry("offset", std::to_string(offset));
      entry("length", std::to_string(bytes.size()));
      offset += static_cast<std::int64_t>(bytes.size());
    } else {
      tensor.set_raw_data(std::move(bytes));
    }
    if (options.progress) options.progress(done, total);
  }
  AtomicFile file(path);
  FileStream stream(file);
  {
    google::protobuf::io::CopyingOutputStreamAdaptor adaptor(&stream);
    require(model.SerializeToZeroCopyStream(&adaptor), "{}: the graph cannot be written", path.string());
  }
  if (data) data->commit();  // once both are whole
  file.commit();
}

}  // namespace san
