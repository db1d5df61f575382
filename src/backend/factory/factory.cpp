#include "backend/factory/factory.h"

#include <map>
#include <utility>

#include "backend/native/native_backend.h"
#include "backend/reference/reference_backend.h"
#include "base/error.h"

namespace san {
namespace {

void require_cpu(const std::string& name, const BackendOptions& o) {
  require(o.device == "cpu", "backend {} runs on the CPU only; --device {} needs --backend torch", name,
          o.device);
}

// Which weights are of that precision; null: none.
WeightRule rule_of(const BackendOptions& o, const std::string& precision) {
  const bool in_text = o.text_precision == precision && o.text;
  if (o.precision != precision) return in_text ? o.text : nullptr;
  if (!o.blocks) return [](std::string_view) { return true; };
  if (!in_text) return o.blocks;
  return [blocks = o.blocks, text = o.text](std::string_view name) { return blocks(name) || text(name); };
}

std::unique_ptr<Backend> make_native(const BackendOptions& o) {
  require_cpu("native", o);
  require(o.precision == "fp32" || o.precision == "int8" || o.precision == "bf16",
          "--precision {}: backend native computes in fp32, int8 or bf16", o.precision);
  require(o.text_precision == "fp32" || o.text_precision == "int8" || o.text_precision == "bf16",
          "--text-precision {}: backend native computes words in fp32, int8 or bf16, or chooses (auto)",
          o.text_precision);
  for (const auto& [option, precision] :
       {std::pair("--precision", &o.precision), std::pair("--text-precision", &o.text_precision)})
    require(
        *precision != "bf16" || native_multiplies_bf16(),
        "{} bf16: this processor has no instruction that multiplies bfloat16 (AMX, AVX-512 BF16), so that "
        "would be slower than fp32; int8 is the fast one here",
        option);
  NativeOptions native{o.threads, o.pool};
  native.int8 = rule_of(o, "int8");
  native.bf16 = rule_of(o, "bf16");
  native.exact_attention = o.exact_attention || o.precision == "fp32";
  return make_native_backend(native);
}

std::unique_ptr<Backend> make_reference(const BackendOptions& o) {
  require_cpu("reference", o);
  require(o.precision == "fp32",
          "backend reference computes in fp32; --precision {} needs another, such as native", o.precision);
  return make_reference_backend();
}

std::map<std::string, BackendMaker>& makers() {
  static std::map<std::string, BackendMaker> all{{"native", make_native}, {"reference", make_reference}};
  return all;
}

}  // namespace

std::string chosen_precision(const std::string& backend, const std::string& precision, bool int8_weights) {
  const bool wanted = precision == "auto" || (precision == "model" && int8_weights);
  if (wanted) return backend == "native" && native_int8_is_faster() ? "int8" : "fp32";
  return precision == "model" ? "fp32" : precision;
}

std::string chosen_text_precision(const std::string& backend, const std::string& precision) {
  return precision == "auto" ? chosen_precision(backend, "auto", false) : precision;
}

void register_backend(const std::string& name, BackendMaker maker) {
  makers()[name] = std::move(maker);
}

std::vector<std::string> backend_names() {
  std::vector<std::string> names;
  for (const auto& [name, maker] : makers()) names.push_back(name);
  return names;
}

std::unique_ptr<Backend> make_backend(const std::string& name, const BackendOptions& options) {
  const auto found = makers().find(name);
  require(found != makers().end(), "backend \"{}\" is not in this program; it has {}", name,
          fmt::join(backend_names(), ", "));
  require(
      name == "native" || options.text_precision == "fp32",
      "--text-precision {}: backend {} computes words as it computes pictures; only native tells them apart",
      options.text_precision, name);
  return found->second(options);
}

}  // namespace san
