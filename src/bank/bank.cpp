#include "bank/bank.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "base/atomic_file.h"
#include "base/bounded_json.h"
#include "base/error.h"
#include "base/labels.h"
#include "base/reader_limit.h"
#include "checkpoint/safetensors.h"
#include "text/class_names.h"

namespace san {
namespace {

constexpr const char *kFormat = "san bank 2", *kFormatWithoutGate = "san bank 1";
using Json = nlohmann::json;

Json metadata(const SafetensorsFile& file, const std::string& key) {
  return parse_bounded_json(file.metadata(key), fmt::format("{}: its \"{}\"", file.description(), key));
}

std::vector<std::string> read_classes(const SafetensorsFile& file) {
  const Json classes = metadata(file, "classes");
  require(classes.is_array() && !classes.empty() && classes.size() < kNoLabel,
          "{}: its list of classes is damaged", file.description());
  std::vector<std::string> names;
  for (const Json& entry : classes) {
    require(entry.is_string(), "{}: its list of classes is damaged", file.description());
    names.push_back(entry.get<std::string>());
  }
  try {
    make_classes(names);  // no empty, repeated or unprintable ones
  } catch (const Error& e) {
    fail("{}: its list of classes is damaged: {}", file.description(), e.what());
  }
  return names;
}

/// Throws Error unless the tensor is there with that shape and type.
HostArray tensor(const SafetensorsFile& file, const char* name, const Shape& shape, DType dtype) {
  require(file.contains(name) && file.shape(name) == shape && file.dtype(name) == dtype,
          "{}: expected \"{}\" of shape {} and type {}; the file is damaged, or no bank of examples",
          file.description(), name, shape.str(), dtype_name(dtype));
  return file.load(name);
}

std::vector<std::int32_t> indices(const SafetensorsFile& file, const char* name, std::int64_t count,
                                  std::int64_t below) {
  std::vector<std::int32_t> out;
  for (const std::int64_t value : tensor(file, name, {count}, DType::kI32).to_i64()) {
    require(value >= 0 && value < below, "{}: \"{}\" has an index {}; expected 0 to {}", file.description(),
            name, value, below - 1);
    out.push_back(static_cast<std::int32_t>(value));
  }
  return out;
}

/// A whole or decimal number of the metadata, in a range.
double number(const SafetensorsFile& file, const char* name, double low, double high) {
  const Json value = metadata(file, name);
  require(value.is_number() && value.get<double>() >= low && value.get<double>() <= high,
          "{}: its \"{}\" is no number from {} to {}", file.description(), name, low, high);
  return value.get<double>();
}

/// [open, closed], or null.
std::optional<PictureGate> read_gate(const SafetensorsFile& file) {
  const Json value = metadata(file, "gate");
  if (value.is_null()) return {};
  const auto distance = [&](std::size_t i) { return value[i].is_number() ? value[i].get<double>() : -1.0; };
  require(value.is_array() && value.size() == 2 && distance(0) >= 0 && distance(0) < distance(1) &&
              distance(1) <= BankLimits::kDistance,
          "{}: its \"gate\" is no two distances, the smaller first", file.description());
  return PictureGate{static_cast<float>(distance(0)), static_cast<float>(distance(1))};
}

void check_embeddings(const ExampleBank& bank, const std::string& where) {
  const auto dim = static_cast<std::size_t>(bank.dim);
  for (std::int64_t i = 0; i < bank.count(); ++i) {
    double square = 0;
    for (std::size_t d = 0; d < dim; ++d) {
      const double v = bank.examples[static_cast<std::size_t>(i) * dim + d];
      square += v * v;
    }
    // Written as float16: each value is off by at most 2^-11 of itself, and so is the length.
    require(std::abs(std::sqrt(square) - 1) < 2e-3, "{}: example {} is no embedding of length 1", where, i);
  }
}

/// Embeddings have length 1: no mean is longer, no covariance larger.
void check_covariance(const ExampleBank& bank, const std::string& where) {
  const auto within_one = [](float v) { return std::abs(v) <= 1.001f; };
  require(std::ranges::all_of(bank.mean, within_one) && std::ranges::all_of(bank.covariance, within_one),
          "{}: a mean or covariance that embeddings of length 1 cannot have", where);
  const auto dim = static_cast<std::size_t>(bank.dim);
  for (std::size_t a = 0; a < dim; ++a)
    for (std::size_t b = 0; b <= a; ++b)
      require(
          bank.covariance[a * dim + b] == bank.covariance[b * dim + a] && bank.covariance[a * dim + a] >= 0,
          "{}: its covariance is not symmetric", where);
}

}  // namespace

std::vector<std::int64_t> ExampleBank::pictures_of_classes() const {
  std::set<std::pair<std::int32_t, std::int32_t>> seen;
  std::vector<std::int64_t> counts(classes.size());
  for (std::size_t i = 0; i < class_of.size(); ++i)
    if (seen.emplace(class_of[i], picture_of[i]).second) ++counts[static_cast<std::size_t>(class_of[i])];
  return counts;
}

std::vector<std::byte> write_bank(const ExampleBank& bank) {
  const std::int64_t n = bank.count();
  const Json gate = bank.gate ? Json{bank.gate->open, bank.gate->closed} : Json();
  std::vector<std::byte> file;
  write_safetensors(
      "bank",
      {{"examples", DType::kF16, {n, bank.dim}},
       {"class_of", DType::kI32, {n}},
       {"picture_of", DType::kI32, {n}},
       {"shares", DType::kF32, {n}},
       {"mean", DType::kF32, {bank.dim}},
       {"covariance", DType::kF32, {bank.dim, bank.dim}}},
      {{"format", kFormat},
       {"network", bank.network},
       {"classes", Json(bank.classes).dump()},
       {"pictures", Json(bank.pictures).dump()},
       {"weight", Json(bank.weight).dump()},
       {"gate", gate.dump()}},
      [&](const TensorInfo& info) {
        if (info.name == "class_of") return HostArray::from_i32(info.shape, bank.class_of);
        if (info.name == "picture_of") return HostArray::from_i32(info.shape, bank.picture_of);
        const auto& values = info.name == "shares"       ? bank.shares
                             : info.name == "mean"       ? bank.mean
                             : info.name == "covariance" ? bank.covariance
                                                         : bank.examples;
        return HostArray::from(info.shape, values).cast(info.dtype);
      },
      [&](std::span<const std::byte> bytes) { file.insert(file.end(), bytes.begin(), bytes.end()); });
  return file;
}

void save_bank(const ExampleBank& bank, const std::filesystem::path& path) {
  const std::vector<std::byte> bytes = write_bank(bank);
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

ExampleBank read_bank(FileBytes bytes) {
  ReaderLimit(BankLimits::kFileBytes).check(bytes.size(), bytes.description(), "bytes");
  const SafetensorsFile file(std::move(bytes));
  const std::string& where = file.description();
  const auto format = file.metadata().find("format");
  require(
      format != file.metadata().end() && (format->second == kFormat || format->second == kFormatWithoutGate),
      "{}: not a bank of examples; expected \"format\": \"{}\", as `san bank build` writes it", where,
      kFormat);
  ExampleBank bank;
  bank.network = file.metadata("network");
  bank.classes = read_classes(file);
  bank.weight = static_cast<float>(number(file, "weight", 0, 1000));
  if (format->second == kFormat) bank.gate = read_gate(file);
  const ReaderLimit examples_limit(BankLimits::kExamples);
  bank.pictures =
      static_cast<std::int64_t>(number(file, "pictures", 1, static_cast<double>(examples_limit.value())));
  require(file.contains("examples") && file.shape("examples").rank() == 2, "{}: has no examples", where);
  const Shape shape = file.shape("examples");
  require(shape[0] >= 1 && shape[1] >= 1 && shape[1] <= BankLimits::kDim,
          "{}: examples of shape {}; expected at least one of 1 to {} values", where, shape.str(),
          BankLimits::kDim);
  examples_limit.check(static_cast<std::uint64_t>(shape[0]), where, "examples");
  bank.dim = static_cast<int>(shape[1]);
  bank.class_of = indices(file, "class_of", shape[0], static_cast<std::int64_t>(bank.classes.size()));
  bank.picture_of = indices(file, "picture_of", shape[0], bank.pictures);
  bank.shares = tensor(file, "shares", {shape[0]}, DType::kF32).to_f32();
  require(std::ranges::all_of(bank.shares, [](float v) { return v > 0 && v <= 1; }),
          "{}: shares outside 0 to 1; the file is damaged", where);
  bank.examples = tensor(file, "examples", shape, DType::kF16).to_f32();
  check_embeddings(bank, where);
  bank.mean = tensor(file, "mean", {bank.dim}, DType::kF32).to_f32();
  bank.covariance = tensor(file, "covariance", {bank.dim, bank.dim}, DType::kF32).to_f32();
  check_covariance(bank, where);
  return bank;
}

ExampleBank load_bank(const std::filesystem::path& path) {
  return read_bank(FileBytes::open(path));
}

}  // namespace san
