#include "serve/open_inference.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <map>

#include "base/utf8.h"
#include "serve/outputs.h"

namespace san::serve {
namespace {

static_assert(std::endian::native == std::endian::little, "tensors are little-endian");

constexpr const char* kBad = "bad_inference";

struct Tensor {
  std::string name, type;
  std::vector<std::int64_t> shape;
  std::int64_t elements = 1;
  const Json* data = nullptr;              // or
  std::optional<std::string_view> binary;  // little-endian
};

/// The JSON and, behind it, the tensors.
std::pair<std::string_view, std::string_view> split_body(const HttpRequest& request) {
  const std::string length = request.header("inference-header-content-length");
  if (length.empty()) return {request.body, ""};
  std::size_t bytes = 0;
  const auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), bytes);
  expect(error == std::errc() && end == length.data() + length.size() && bytes <= request.body.size(), 400,
         kBad, "", "Inference-Header-Content-Length: expected a length of at most the body's {} bytes",
         request.body.size());
  const std::string_view body = request.body;
  return {body.substr(0, bytes), body.substr(bytes)};
}

Tensor read_tensor(const Json& entry, std::size_t index, std::string_view& binary) {
  const std::string where = fmt::format("inputs[{}]", index);
  expect(entry.is_object(), 400, kBad, where, "{}: expected an object", where);
  const Fields fields(entry, where);
  Tensor t{fields.text("name", 64), fields.text("datatype", 16), {}, 1, nullptr, std::nullopt};
  const auto shape = entry.find("shape");
  expect(shape != entry.end() && shape->is_array() && !shape->empty() && shape->size() <= 4, 400, kBad, where,
         "{}: expected a shape of 1 to 4 sizes", where);
  for (const Json& size : *shape) {
    constexpr std::int64_t kMost = 1 << 30;
    const bool fits = size.is_number_unsigned() && size.get<std::uint64_t>() <= kMost;
    expect(fits && t.elements * std::max<std::int64_t>(1, size.get<std::int64_t>()) <= kMost, 400, kBad,
           where, "{}: a size is no whole number, or the tensor has more than {} elements", where, kMost);
    t.shape.push_back(size.get<std::int64_t>());
    t.elements *= t.shape.back();
  }
  if (const Json* parameters = fields.object("parameters");
      parameters != nullptr && parameters->contains("binary_data_size")) {
    const auto bytes = static_cast<std::size_t>(
        Fields(*parameters, where)
            .integer("binary_data_size", 0, static_cast<std::int64_t>(binary.size()), 0));
    t.binary = binary.substr(0, bytes);
    binary.remove_prefix(bytes);
    return t;
  }
  const auto data = entry.find("data");
  expect(data != entry.end() && data->is_array(), 400, kBad, where, "{}: expected data, or binary_data_size",
         where);
  t.data = &*data;
  return t;
}

/// Calls `take` with every value of nested lists, row by row.
template <class Take>
void each_value(const Json& data, Take&& take) {
  if (!data.is_array()) return take(data);
  for (const Json& inner : data) each_value(inner, take);
}

std::vector<std::string> texts_of(const Tensor& t) {
  expect(t.type == "BYTES" && t.elements <= 1 << 20, 422, kBad, t.name, "input {}: expected BYTES, got {}",
         t.name, printable(t.type, 16));
  std::vector<std::string> texts;
  if (t.data != nullptr) {
    each_value(*t.data, [&](const Json& value) {
      expect(value.is_string(), 422, kBad, t.name, "input {}: expected texts", t.name);
      texts.push_back(value.get<std::string>());
    });
  } else {
    for (std::string_view rest = *t.binary; !rest.empty();) {
      std::uint32_t length = 0;
      expect(rest.size() >= sizeof length, 400, kBad, t.name, "input {}: ends within a length", t.name);
      std::memcpy(&length, rest.data(), sizeof length);
      rest.remove_prefix(sizeof length);
      expect(length <= rest.size(), 400, kBad, t.name, "input {}: an element of {} bytes, but {} are left",
             t.name, length, rest.size());
      texts.emplace_back(rest.substr(0, length));
      rest.remove_prefix(length);
    }
  }
  expect(static_cast<std::int64_t>(texts.size()) == t.elements, 400, kBad, t.name,
         "input {}: {} elements for a shape of {}", t.name, texts.size(), t.elements);
  return texts;
}

std::shared_ptr<const Image> pixels_of(const Tensor& t, const Limits& limits, bool& batched) {
  batched = t.shape.size() == 4;
  const std::size_t first = batched ? 1 : 0;
  expect(t.type == "UINT8" && t.shape.size() - first == 3 && t.shape.back() == 3 && t.elements > 0 &&
             (!batched || t.shape[0] == 1),
         422, kBad, t.name, "input {}: expected UINT8 of [height, width, 3] or [1, height, width, 3]",
         t.name);
  expect(t.elements / 3 <= limits.pixels, 422, kBad, t.name, "input {}: {} pixels, more than {}", t.name,
         t.elements / 3, limits.pixels);
  Image image;
  image.height = static_cast<int>(t.shape[first]);
  image.width = static_cast<int>(t.shape[first + 1]);
  if (t.data != nullptr) {
    each_value(*t.data, [&](const Json& value) {
      expect(value.is_number_unsigned() && value.get<std::uint64_t>() <= 255, 422, kBad, t.name,
             "input {}: expected numbers from 0 to 255", t.name);
      image.rgb.push_back(value.get<std::uint8_t>());
    });
  } else {
    image.rgb.assign(t.binary->begin(), t.binary->end());
  }
  expect(static_cast<std::int64_t>(image.rgb.size()) == t.elements, 400, kBad, t.name,
         "input {}: {} values for a shape of {}", t.name, image.rgb.size(), t.elements);
  return std::make_shared<const Image>(std::move(image));
}

void read_parameters(const Json* object, const Limits& limits, const std::vector<std::string>& classes,
                     InferenceRequest& r, bool& binary_outputs) {
  static const Json kNone = Json::object();
  const Json& parameters = object != nullptr ? *object : kNone;
  const Fields fields(parameters, "parameters", true);
  Json words = Json::object();
  for (const char* name : {"vocabulary", "label_set", "distractors"})
    if (fields.has(name)) words[name] = fields.text(name, limits.name_bytes * limits.classes);
  if (!classes.empty()) words["classes"] = classes;
  r.segment.words = read_words(Fields(words), limits);
  r.segment.other = fields.choice("background", {"none", "other"}, "none") == "other";
  r.segment.short_side = static_cast<int>(fields.integer("short_side", 0, limits.short_side, 0));
  if (fields.choice("preprocess", {"evaluation", "demo"}, "evaluation") == "demo")
    r.segment.preprocessing = Preprocessing::kDemo;
  if (fields.has("refine")) r.segment.refine = fields.flag("refine", false);
  r.segment.bank = read_bank_choice(fields);
  binary_outputs = fields.flag("binary_data_output", false);
}

void read_outputs(const Json& document, bool binary, InferenceRequest& r) {
  static const std::vector<std::string> kNames{"labels", "scores", "areas", "names"};
  const auto outputs = document.find("outputs");
  if (outputs == document.end() || outputs->is_null()) {
    for (const std::string& name : kNames) r.outputs.push_back({name, binary});
    return;
  }
  expect(outputs->is_array() && outputs->size() <= kNames.size(), 400, kBad, "outputs",
         "outputs: expected a list of at most {}", kNames.size());
  for (const Json& entry : *outputs) {
    expect(entry.is_object(), 400, kBad, "outputs", "outputs: expected objects");
    const Fields fields(entry, "outputs");
    InferenceOutput out{fields.text("name", 64), binary};
    expect(std::ranges::find(kNames, out.name) != kNames.end(), 422, kBad, "outputs", "outputs: there are {}",
           fmt::join(kNames, ", "));
    if (const Json* parameters = fields.object("parameters"))
      out.binary = Fields(*parameters, "outputs").flag("binary_data", binary);
    r.outputs.push_back(std::move(out));
  }
}

/// One output's bytes, and its text in JSON.
struct Values {
  const char* type;
  std::vector<std::size_t> shape;
  std::string bytes, text;
};

template <class Number>
Values numbers(const char* type, std::vector<std::size_t> shape, std::span<const Number> values,
               bool binary) {
  Values v{type, std::move(shape), "", ""};
  if (binary) {
    v.bytes.assign(reinterpret_cast<const char*>(values.data()), values.size_bytes());
  } else {
    v.text.reserve(values.size() * 4);
    for (const Number value : values)
      fmt::format_to(std::back_inserter(v.text), "{}{}", v.text.empty() ? "" : ",", value);
  }
  return v;
}

Values texts(const std::vector<std::string>& values, bool binary) {
  Values v{"BYTES", {values.size()}, "", ""};
  for (const std::string& value : values) {
    if (binary) {
      const auto length = static_cast<std::uint32_t>(value.size());
      v.bytes.append(reinterpret_cast<const char*>(&length), sizeof length).append(value);
    } else {
      v.text +=
          (v.text.empty() ? "" : ",") + Json(value).dump(-1, ' ', false, Json::error_handler_t::replace);
    }
  }
  return v;
}

Values values_of(const InferenceOutput& output, const InferenceRequest& request, const Outcome& outcome) {
  const Segmentation& r = outcome.result;
  std::vector<std::size_t> map{static_cast<std::size_t>(r.labels.height),
                               static_cast<std::size_t>(r.labels.width)};
  if (request.batched) map.insert(map.begin(), 1);
  if (output.name == "labels") {  // the service takes no list whose labels need more bits
    const std::vector<std::uint16_t> narrow(r.labels.labels.begin(), r.labels.labels.end());
    return numbers<std::uint16_t>("UINT16", map, narrow, output.binary);
  }
  if (output.name == "scores") return numbers<float>("FP32", map, r.label_scores, output.binary);
  if (output.name == "names") return texts(r.classes(), output.binary);
  return numbers<std::int64_t>("INT64", {r.areas.size()}, r.areas, output.binary);
}

}  // namespace

InferenceRequest read_inference(const HttpRequest& request, const Limits& limits) {
  auto [text, binary] = split_body(request);
  const Json document = parse_json(text);
  expect(document.is_object(), 400, kBad, "", "the body: expected an object");
  const auto inputs = document.find("inputs");
  expect(inputs != document.end() && inputs->is_array() && !inputs->empty() && inputs->size() <= 8, 400, kBad,
         "inputs", "inputs: expected a list of 1 to 8 tensors");
  InferenceRequest r;
  const Fields fields(document);
  if (fields.has("id")) r.id = fields.text("id", 1024);
  std::vector<std::string> classes;
  for (std::size_t i = 0; i < inputs->size(); ++i) {
    const Tensor t = read_tensor((*inputs)[i], i, binary);
    if (t.name == "image") {
      const std::vector<std::string> files = texts_of(t);
      expect(files.size() == 1, 422, kBad, "image", "input image: {} pictures; one is taken at a time",
             files.size());
      r.segment.image = t.data != nullptr ? read_base64(files[0], "image") : files[0];
    } else if (t.name == "pixels") {
      r.segment.pixels = pixels_of(t, limits, r.batched);
    } else if (t.name == "classes") {
      classes = texts_of(t);
    } else {
      refuse(422, kBad, "inputs", "there is no input of that name; there are image, pixels and classes");
    }
  }
  expect(binary.empty(), 400, kBad, "", "{} bytes behind the last tensor", binary.size());
  expect(r.segment.image.empty() != (r.segment.pixels == nullptr), 422, kBad, "inputs",
         "expected one of the inputs image and pixels");
  bool binary_outputs = false;
  read_parameters(fields.object("parameters"), limits, classes, r, binary_outputs);
  read_outputs(document, binary_outputs, r);
  const auto is_scores = [](const InferenceOutput& o) { return o.name == "scores"; };
  if (std::ranges::any_of(r.outputs, is_scores)) r.segment.outputs = {Output::kScores};
  return r;
}

HttpAnswer write_inference(const InferenceRequest& request, const Outcome& outcome,
                           const std::string& model) {
  std::string text = fmt::format("{{\"model_name\":{},\"model_version\":\"1\"", Json(model).dump());
  if (request.id) text += ",\"id\":" + Json(*request.id).dump(-1, ' ', false, Json::error_handler_t::replace);
  text += ",\"outputs\":[";
  std::string behind;
  bool first = true;
  for (const InferenceOutput& output : request.outputs) {
    const Values v = values_of(output, request, outcome);
    text += fmt::format("{}{{\"name\":\"{}\",\"datatype\":\"{}\",\"shape\":[{}],", first ? "" : ",",
                        output.name, v.type, fmt::join(v.shape, ","));
    text += output.binary ? fmt::format("\"parameters\":{{\"binary_data_size\":{}}}}}", v.bytes.size())
                          : "\"data\":[" + v.text + "]}";
    behind += v.bytes;
    first = false;
  }
  text += "]}";
  const bool binary = std::ranges::any_of(request.outputs, &InferenceOutput::binary);
  HttpAnswer answer{200, binary ? "application/octet-stream" : "application/json", std::move(text), {}};
  if (binary)
    answer.headers.emplace_back("Inference-Header-Content-Length", std::to_string(answer.body.size()));
  answer.body += behind;
  return answer;
}

OrderedJson inference_metadata(const std::string& model) {
  const auto tensor = [](const char* name, const char* type, std::vector<int> shape) {
    return OrderedJson{{"name", name}, {"datatype", type}, {"shape", std::move(shape)}};
  };
  return {{"name", model},
          {"versions", {"1"}},
          {"platform", "san"},
          {"inputs",
           {tensor("image", "BYTES", {1}), tensor("pixels", "UINT8", {-1, -1, 3}),
            tensor("classes", "BYTES", {-1})}},
          {"outputs",
           {tensor("labels", "UINT16", {-1, -1}), tensor("scores", "FP32", {-1, -1}),
            tensor("areas", "INT64", {-1}), tensor("names", "BYTES", {-1})}}};
}

}  // namespace san::serve
