#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "serve/access.h"
#include "serve/answers.h"
#include "serve/banks.h"
#include "serve/http.h"
#include "serve/service.h"
#include "serve/vocabularies.h"

namespace san::serve {

struct RouteOptions {
  ApiKeys keys;
  double rate = 0;  ///< requests per second and client; 0: no limit
  double burst = 20;
  bool check_host = false;                ///< refuse names that are not this machine's own
  std::vector<std::string> public_hosts;  ///< that are allowed beside them
  bool annotate_other = false;            ///< masks for annotators leave out what the learned background wins
  int port = 0;                           ///< on which this answers; 0: a unix socket
  /// The file behind an address that Label Studio names; throws Refusal.
  std::function<std::string(const std::string& address)> fetch_picture;
};

/// What every path answers. JSON ends here.
class Routes {
 public:
  using Gone = std::function<bool()>;

  Routes(Service& service, Vocabularies& vocabularies, Banks& banks, RouteOptions options);

  /// Everything that can be refused before a body is read.
  void admit(const HttpRequest& request);
  HttpAnswer answer(HttpRequest& request, const Gone& gone);
  HttpAnswer refuse(const std::string& path, const Refusal& refusal);

  /// From now on /readyz says so, and new work is refused.
  void stop_taking() { stopping_ = true; }
  std::atomic<std::size_t> connections{0};  ///< for the metrics

 private:
  struct Call {
    HttpRequest& request;
    std::vector<std::string> names;  ///< what {…} of the pattern stand for
    Lane::Caller caller;
  };
  using Action = HttpAnswer (Routes::*)(Call&);
  struct Route {
    const char *method, *pattern;
    Action action;
    bool open = false;  ///< without a key, and while stopping
  };
  static const std::vector<Route>& table();
  const Route* find(const std::string& method, const std::string& path, std::vector<std::string>& names,
                    std::string& allowed) const;

  HttpAnswer health(Call& call);
  HttpAnswer ready(Call& call);
  HttpAnswer metrics(Call& call);
  HttpAnswer openapi(Call& call);
  HttpAnswer page(Call& call);
  HttpAnswer models(Call& call);
  HttpAnswer label_sets(Call& call);
  HttpAnswer segment(Call& call);
  HttpAnswer explain(Call& call);
  HttpAnswer list_vocabularies(Call& call);
  HttpAnswer get_vocabulary(Call& call);
  HttpAnswer put_vocabulary(Call& call);
  HttpAnswer delete_vocabulary(Call& call);
  HttpAnswer list_banks(Call& call);
  HttpAnswer get_bank(Call& call);
  HttpAnswer get_bank_file(Call& call);
  HttpAnswer add_example(Call& call);
  HttpAnswer delete_bank(Call& call);

  HttpAnswer inference_server(Call& call);
  HttpAnswer inference_live(Call& call);
  HttpAnswer inference_ready(Call& call);
  HttpAnswer inference_model(Call& call);
  HttpAnswer inference_model_ready(Call& call);
  HttpAnswer infer(Call& call);
  HttpAnswer label_studio_health(Call& call);
  HttpAnswer label_studio_setup(Call& call);
  HttpAnswer label_studio_predict(Call& call);
  HttpAnswer label_studio_event(Call& call);
  HttpAnswer cvat_functions(Call& call);
  HttpAnswer cvat_function(Call& call);
  HttpAnswer cvat_invoke(Call& call);
  std::string model_version() const;

  Service& service_;
  Vocabularies& vocabularies_;
  Banks& banks_;
  RouteOptions options_;
  RateLimit rate_;
  std::atomic<bool> stopping_{false};
};

}  // namespace san::serve
