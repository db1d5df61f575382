#include "backend/factory/factory.h"

#include <map>

#include "backend/native/native_backend.h"
#include "backend/reference/reference_backend.h"
#include "base/error.h"

namespace san {
namespace {

void require_plain(const std::string& name, const BackendOptions& o) {
  require(o.device == "cpu", "backend {} runs on the CPU only; --device {} needs --backend torch", name,
          o.device);
  require(o.precision == "fp32", "backend {} computes in fp32; --precision {} needs --backend torch", name,
          o.precision);
}

std::map<std::string, BackendMaker>& makers() {
  static std::map<std::string, BackendMaker> all{{"native",
                                                  [](const BackendOptions& o) {
                                                    require_plain("native", o);
                                                    return make_native_backend({o.threads, o.pool});
                                                  }},
                                                 {"reference", [](const BackendOptions& o) {
                                                    require_plain("reference", o);
                                                    return make_reference_backend();
                                                  }}};
  return all;
}

}  // namespace

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
