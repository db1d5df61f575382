#include "train/checkpoint.h"

#include <nlohmann/json.hpp>

#include "base/bounded_json.h"
#include "base/error.h"
#include "checkpoint/safetensors.h"

namespace san {
namespace {

constexpr const char* kFormat = "san.cpp-training-1";
constexpr const char* kParameters = "parameters/";
constexpr const char* kOptimizer = "optimizer/";
constexpr const char* kGradients = "gradients";

}  // namespace

void write_checkpoint(const std::filesystem::path& path, const Checkpoint& c) {
  std::map<std::string, at::Tensor> all;
  for (const auto& [name, tensor] : c.parameters) all[kParameters + name] = tensor;
  for (const auto& [name, tensor] : c.optimizer) all[kOptimizer + name] = tensor;
  if (c.gradients.defined()) all[kGradients] = c.gradients;
  std::vector<TensorInfo> infos;
  for (const auto& [name, tensor] : all) infos.push_back({name, DType::kF32, shape_of(tensor)});
  const nlohmann::json state{{"step", c.step},
                             {"batches", c.batches},
                             {"parts", c.parts},
                             {"loss", c.loss},
                             {"skipped", c.skipped},
                             {"metrics_bytes", c.metrics_bytes},
                             {"elapsed_s", c.elapsed_s},
                             {"best", c.best},
                             {"has_best", c.has_best},
                             {"start", c.start},
                             {"has_start", c.has_start},
                             {"loss_scale", c.loss_scale},
                             {"loss_scale_age", c.loss_scale_age}};
  write_safetensors(
      path, infos, {{"format", kFormat}, {"state", state.dump()}, {"stream", c.stream}, {"recipe", c.recipe}},
      [&](const TensorInfo& info) { return host_array_of(all.at(info.name)); });
}

Checkpoint read_checkpoint(const std::filesystem::path& path) {
  const auto file = SafetensorsFile::open(path);
  const auto format = file->metadata().find("format");
  require(format != file->metadata().end() && format->second == kFormat,
          "{}: not a training checkpoint (expected format {})", path.string(), kFormat);
  Checkpoint c;
  const std::string where = path.string() + ": its training state";
  const nlohmann::json state = parse_bounded_json(file->metadata("state"), where);
  const auto count = [&](const char* key, std::int64_t most) {
    return json_integer(state.at(key), 0, most, fmt::format("{}: {}", where, key));
  };
  try {
    c.step = count("step", INT64_MAX);
    // Runs begun before these were counted lack them.
    if (state.contains("skipped")) c.skipped = count("skipped", c.step);
    if (state.contains("batches")) c.batches = static_cast<int>(count("batches", INT32_MAX));
    if (state.contains("parts")) c.parts = static_cast<int>(count("parts", INT32_MAX));
    c.loss = state.value("loss", 0.0);
    c.start = state.value("start", 0.0), c.has_start = state.value("has_start", false);
    c.metrics_bytes = count("metrics_bytes", INT64_MAX);
    state.at("elapsed_s").get_to(c.elapsed_s);
    state.at("best").get_to(c.best);
    state.at("has_best").get_to(c.has_best);
    state.at("loss_scale").get_to(c.loss_scale);
    c.loss_scale_age = count("loss_scale_age", INT64_MAX);
  } catch (const nlohmann::json::exception& e) {
    fail("{}: {}", where, json_reason(e));
  }
  if (file->contains(kGradients)) c.gradients = tensor_of(file->load(kGradients));
  c.stream = file->metadata("stream");
  c.recipe = file->metadata("recipe");
  for (const std::string& name : file->names()) {
    const auto into = [&](std::map<std::string, at::Tensor>& tensors, std::string_view prefix) {
      if (name.starts_with(prefix)) tensors[name.substr(prefix.size())] = tensor_of(file->load(name));
    };
    into(c.parameters, kParameters);
    into(c.optimizer, kOptimizer);
  }
  return c;
}

}  // namespace san
