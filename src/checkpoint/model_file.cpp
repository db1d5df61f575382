#include "checkpoint/model_file.h"

#include <algorithm>
#include <cmath>

#include "base/bounded_json.h"
#include "base/error.h"
#include "base/reader_limit.h"
#include "checkpoint/int8_source.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/torch_file.h"
#include "tensor/int8_rows.h"

namespace san {
namespace {

using nlohmann::json;

constexpr std::string_view kFormat = "san.cpp-model-1", kInt8Format = "san.cpp-model-2",
                           kFormatFamily = "san.cpp-model-";
constexpr const char *kFormatKey = "format", *kConfigKey = "config", *kMergesKey = "merges",
                     *kTemplatesKey = "templates", *kActivationKey = "activation", *kLicenseKey = "license",
                     *kModelCardKey = "model_card", *kArchitectureKey = "architecture",
                     *kExtraPrefix = "extra.";
constexpr std::size_t kMaxTemplates = 10'000;

bool is_plain_name(const std::string& name) {
  constexpr std::size_t kLongest = 40;
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  return !name.empty() && name.size() <= kLongest && std::ranges::all_of(name, plain);
}

void check(const ModelMetadata& metadata, const std::string& where) {
  require(parse_bounded_json(metadata.config, where + ": config").is_object(),
          "{}: config is not a JSON object", where);
  require(!metadata.merges.empty(), "{}: the tokenizer merges are missing", where);
  require(!metadata.templates.empty(), "{}: the prompt templates are missing", where);
  for (const auto& text : metadata.templates)
    require(text.find("{}") != std::string::npos, "{}: prompt template \"{}\" has no {{}} for the class name",
            where, text);
  const bool clip = metadata.architecture == "san";
  require(metadata.activation == "quick_gelu" || metadata.activation == "gelu" ||
              (!clip && metadata.activation.empty()),
          "{}: activation \"{}\", expected quick_gelu or gelu", where, metadata.activation);
  require(is_plain_name(metadata.architecture),
          "{}: the architecture's name is damaged; expected up to 40 of a-z, 0-9, - and _", where);
}

std::vector<std::string> parse_templates(const std::string& text, const std::string& where) {
  const json list = parse_bounded_json(text, where + ": templates");
  std::vector<std::string> templates;
  require(list.is_array(), "{}: templates is not a JSON array", where);
  ReaderLimit(kMaxTemplates).check(list.size(), where, "templates");
  for (const auto& item : list) {
    require(item.is_string(), "{}: a prompt template is not a string", where);
    templates.push_back(item.get<std::string>());
  }
  return templates;
}

ModelMetadata read_metadata(const SafetensorsFile& file) {
  const std::string where = file.description();
  require(file.metadata(kFormatKey) == kFormat || file.metadata(kFormatKey) == kInt8Format,
          "{}: format \"{}\", this program reads \"{}\" and \"{}\"; is it too new?", where,
          file.metadata(kFormatKey), kFormat, kInt8Format);
  ModelMetadata metadata;
  metadata.config = file.metadata(kConfigKey);
  metadata.merges = file.metadata(kMergesKey);
  metadata.templates = parse_templates(file.metadata(kTemplatesKey), where);
  metadata.activation = file.metadata(kActivationKey);
  metadata.license = file.metadata(kLicenseKey);
  metadata.model_card = file.metadata(kModelCardKey);
  if (const auto found = file.metadata().find(kArchitectureKey); found != file.metadata().end())
    metadata.architecture = found->second;
  for (const auto& [key, value] : file.metadata())
    if (key.starts_with(kExtraPrefix))
      metadata.extra.emplace(key.substr(std::string_view(kExtraPrefix).size()), value);
  check(metadata, where);
  return metadata;
}

bool is_model_file(const SafetensorsFile& file) {
  const auto found = file.metadata().find(kFormatKey);
  return found != file.metadata().end() && found->second.starts_with(kFormatFamily);
}

SourceFormat format_of(TorchFile::Container container) {
  switch (container) {
    case TorchFile::Container::kZip:
      return SourceFormat::kTorchZip;
    case TorchFile::Container::kLegacy:
      return SourceFormat::kTorchLegacy;
    case TorchFile::Container::kTorchScript:
      return SourceFormat::kTorchScript;
  }
  return SourceFormat::kTorchZip;
}

HostArray convert(const HostArray& array, DType dtype, const std::string& where) {
  if (array.dtype == dtype) return array;
  HostArray converted = array.cast(DType::kF32).cast(dtype);
  if (dtype != DType::kF16) return converted;
  const auto* half = reinterpret_cast<const std::uint16_t*>(converted.data.get());
  const std::vector<float> exact = array.to_f32();
  for (std::size_t i = 0; i < exact.size(); ++i)
    require(!std::isfinite(exact[i]) || std::isfinite(half_to_float(half[i])),
            "{} has the value {}, which float16 cannot hold; write float32", where, exact[i]);
  return converted;
}

// The bytes of a matrix, or their scales.
HostArray int8_part(const HostArray& array, bool scales, const std::string& where) {
  const std::int64_t rows = array.shape[0];
  Int8Rows q;
  try {
    q = quantize_rows(array.to_f32(), rows, rows > 0 ? array.elements() / rows : 0);
  } catch (const Error& error) {
    fail("{}: {}; write float32", where, error.what());
  }
  if (scales) return HostArray::from({rows}, std::move(q.scales));
  auto bytes = std::make_shared<std::vector<std::int8_t>>(std::move(q.values));
  return {DType::kI8, array.shape, {bytes, reinterpret_cast<const std::byte*>(bytes->data())}};
}

}  // namespace

std::string_view format_name(SourceFormat format) {
  switch (format) {
    case SourceFormat::kModelFile:
      return "san.cpp model";
    case SourceFormat::kSafetensors:
      return "safetensors";
    case SourceFormat::kTorchZip:
      return "PyTorch checkpoint";
    case SourceFormat::kTorchLegacy:
      return "PyTorch checkpoint (before 1.6)";
    case SourceFormat::kTorchScript:
      return "TorchScript archive";
  }
  return "";
}

ModelSource open_model_source(FileBytes file) {
  if (TorchFile::looks_like(file)) {
    auto torch = std::make_shared<TorchFile>(std::move(file));
    const SourceFormat format = format_of(torch->container());
    return {std::move(torch), format, std::nullopt};
  }
  require(SafetensorsFile::looks_like(file),
          "{}: neither a safetensors file nor a PyTorch checkpoint (.pth, .pt, .bin)", file.description());
  auto safetensors = std::make_shared<SafetensorsFile>(std::move(file));
  if (!is_model_file(*safetensors)) return {std::move(safetensors), SourceFormat::kSafetensors, std::nullopt};
  ModelMetadata metadata = read_metadata(*safetensors);
  if (safetensors->metadata(kFormatKey) == kInt8Format) {
    auto parameters = std::make_shared<Int8Source>(std::move(safetensors));
    const std::set<std::string> int8 = parameters->int8();
    return {std::move(parameters), SourceFormat::kModelFile, std::move(metadata), int8};
  }
  return {std::move(safetensors), SourceFormat::kModelFile, std::move(metadata)};
}

ModelSource open_model_source(const std::filesystem::path& path) {
  return open_model_source(FileBytes::open(path));
}

ModelSource open_model_file(FileBytes file) {
  const std::string where = file.description();
  ModelSource source = open_model_source(std::move(file));
  require(
      source.format == SourceFormat::kModelFile,
      "{}: a {} without configuration and tokenizer, so it cannot be run as it is; turn it into a model with "
      "`san convert`",
      where, format_name(source.format));
  return source;
}

ModelSource open_model_file(const std::filesystem::path& path) {
  return open_model_file(FileBytes::open(path));
}

void write_model_file(const std::filesystem::path& path, const ParameterSource& source,
                      const ModelMetadata& metadata, DType dtype, const std::set<std::string>& int8) {
  require(dtype == DType::kF32 || dtype == DType::kF16, "{}: models are written as f32 or f16, not {}",
          path.string(), dtype_name(dtype));
  check(metadata, path.string());
  std::map<std::string, std::string> entries = {
      {kFormatKey, std::string(int8.empty() ? kFormat : kInt8Format)},
      {kConfigKey, metadata.config},
      {kMergesKey, metadata.merges},
      {kActivationKey, metadata.activation},
      {kLicenseKey, metadata.license},
      {kModelCardKey, metadata.model_card},
      {kArchitectureKey, metadata.architecture}};
  try {
    entries[kTemplatesKey] = json(metadata.templates).dump();
  } catch (const json::exception&) {
    fail("{}: a prompt template is not valid UTF-8", path.string());
  }
  for (const auto& [key, value] : metadata.extra) entries[kExtraPrefix + key] = value;
  std::vector<TensorInfo> tensors;
  for (const auto& name : source.names()) {
    const Shape shape = source.shape(name);
    const bool bytes = int8.contains(name);
    tensors.push_back({name, bytes ? DType::kI8 : shape.rank() < 2 ? DType::kF32 : dtype, shape});
    if (!bytes) continue;
    require(shape.rank() >= 2, "{}: \"{}\" {} is no matrix and cannot be int8", path.string(), name, shape);
    tensors.push_back({name + kInt8ScaleSuffix, DType::kF32, {shape[0]}});
  }
  for (const auto& name : int8)
    require(source.contains(name), "{}: no parameter \"{}\" to write as int8", path.string(), name);
  write_safetensors(path, std::move(tensors), entries, [&](const TensorInfo& tensor) {
    const bool scales = tensor.dtype == DType::kF32 && tensor.name.ends_with(kInt8ScaleSuffix);
    const std::string of =
        scales ? tensor.name.substr(0, tensor.name.size() - std::string_view(kInt8ScaleSuffix).size())
               : tensor.name;
    if (int8.contains(of))
      return int8_part(source.load(of), scales, fmt::format("{}: \"{}\"", path.string(), of));
    return convert(source.load(tensor.name), tensor.dtype,
                   fmt::format("{}: \"{}\"", path.string(), tensor.name));
  });
}

}  // namespace san
