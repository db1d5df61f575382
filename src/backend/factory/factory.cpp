#include "backend/factory/factory.h"

#include <map>

#include "backend/native/native_backend.h"
#include "backend/reference/reference_backend.h"
#include "base/error.h"

namespace san {
namespace {

void require_cpu(const std::string& name, const BackendOptions& o) {
  require(o.device == "cpu", "backend {} runs on the CPU only; --device {} needs --backend torch", name,
          o.device);
}

std::unique_ptr<Backend> make_native(const BackendOptions& o) {
  require_cpu("native", o);
  const std::string precision = chosen_precision("native", o.precision);
  require(precision == "fp32" || precision == "int8",
          "backend native computes in fp32 or int8; --precision {} needs --backend torch", precision);
  if (precision == "fp32") return make_native_backend({o.threads, o.pool});
  return make_native_backend({o.threads, o.pool, o.int8 ? o.int8 : [](std::string_view) { return true; }});
}

std::unique_ptr<Backend> make_reference(const BackendOptions& o) {
  require_cpu("reference", o);
  require(chosen_precision("reference", o.precision) == "fp32",
          "backend reference computes in fp32; --precision {} needs another, such as native", o.precision);
  return make_reference_backend();
}

std::map<std::string, BackendMaker>& makers() {
  static std::map<std::string, BackendMaker> all{{"native", make_native}, {"reference", make_reference}};
  return all;
}

}  // namespace

std::string chosen_precision(const std::string& backend, const std::string& precision) {
  if (precision != "auto") return precision;
  return backend == "native" && native_int8_is_faster() ? "int8" : "fp32";
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
  return found->second(options);
}

}  // namespace san
