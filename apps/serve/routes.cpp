#include "routes.h"

#include <algorithm>
#include <cmath>
#include <new>

#include "base/log.h"
#include "base/utf8.h"
#include "embedded/serve_openapi.h"
#include "page_files.h"
#include "san/label_sets.hpp"
#include "san/version.hpp"
#include "serve/outputs.h"

namespace san::serve {
namespace {

using Clock = std::chrono::steady_clock;

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> parts;
  for (path.remove_prefix(path.starts_with('/') ? 1 : 0);;) {
    const std::size_t slash = path.find('/');
    parts.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return parts;
    path.remove_prefix(slash + 1);
  }
}

/// Whether the path fits "/v1/vocabularies/{name}"; what stands for {…} is added to `names`.
bool fits(std::string_view pattern, std::string_view path, std::vector<std::string>& names) {
  const auto wanted = split(pattern), given = split(path);
  if (wanted.size() != given.size()) return false;
  std::vector<std::string> found;
  for (std::size_t i = 0; i < wanted.size(); ++i)
    if (wanted[i].starts_with('{') && !given[i].empty())
      found.emplace_back(given[i]);
    else if (wanted[i] != given[i])
      return false;
  names = std::move(found);
  return true;
}

bool is_open_inference(const std::string& path) {
  return path == "/v2" || path.starts_with("/v2/");
}

const PageFiles& page_files() {
  static const PageFiles kFiles;
  return kFiles;
}

const char* word(Vocabularies::State state) {
  switch (state) {
    case Vocabularies::State::kWaiting:
      return "waiting";
    case Vocabularies::State::kEmbedding:
      return "embedding";
    case Vocabularies::State::kReady:
      return "ready";
    case Vocabularies::State::kFailed:
      break;
  }
  return "failed";
}

OrderedJson described(const Vocabularies::Status& s, bool whole) {
  OrderedJson json{{"name", s.name},
                   {"model", s.model},
                   {"state", word(s.state)},
                   {"progress", {{"done", s.done}, {"total", s.total}}},
                   {"class_count", s.classes.size()}};
  if (!s.problem.empty()) json["problem"] = s.problem;
  if (whole) json["classes"] = s.classes, json["distractors"] = s.distractors;
  return json;
}

OrderedJson described(const Banks::Status& s) {
  OrderedJson classes = OrderedJson::array();
  for (const Bank::Class& c : s.classes)
    classes.push_back({{"name", c.name}, {"pictures", c.pictures}, {"examples", c.examples}});
  return {{"name", s.name},     {"model", s.model},       {"fixed", s.fixed},
          {"weight", s.weight}, {"pictures", s.pictures}, {"classes", classes}};
}

std::string server_timing(const Stages& s) {
  constexpr double kMilliseconds = 1e3;
  return fmt::format(
      "queue;dur={:.1f}, words;dur={:.1f}, decode;dur={:.1f}, resize;dur={:.1f}, network;dur={:.1f}, "
      "labels;dur={:.1f}, write;dur={:.1f}",
      s.queue * kMilliseconds, s.words * kMilliseconds, s.decode * kMilliseconds, s.resize * kMilliseconds,
      s.network * kMilliseconds, s.labels * kMilliseconds, s.write * kMilliseconds);
}

}  // namespace

const std::vector<Routes::Route>& Routes::table() {
  static const std::vector<Route> kTable{
      {"GET", "/healthz", &Routes::health, true},
      {"GET", "/readyz", &Routes::ready, true},
      {"GET", "/openapi.json", &Routes::openapi, true},
      {"GET", "/metrics", &Routes::metrics},
      {"GET", "/v1/models", &Routes::models},
      {"GET", "/v1/label-sets", &Routes::label_sets},
      {"POST", "/v1/segment", &Routes::segment},
      {"POST", "/v1/explain", &Routes::explain},
      {"GET", "/v1/vocabularies", &Routes::list_vocabularies},
      {"GET", "/v1/vocabularies/{name}", &Routes::get_vocabulary},
      {"PUT", "/v1/vocabularies/{name}", &Routes::put_vocabulary},
      {"DELETE", "/v1/vocabularies/{name}", &Routes::delete_vocabulary},
      {"GET", "/v1/banks", &Routes::list_banks},
      {"GET", "/v1/banks/{name}", &Routes::get_bank},
      {"GET", "/v1/banks/{name}/file", &Routes::get_bank_file},
      {"POST", "/v1/banks/{name}/examples", &Routes::add_example},
      {"DELETE", "/v1/banks/{name}", &Routes::delete_bank},
      {"GET", "/v2", &Routes::inference_server, true},
      {"GET", "/v2/health/live", &Routes::inference_live, true},
      {"GET", "/v2/health/ready", &Routes::inference_ready, true},
      {"GET", "/v2/models/{model}", &Routes::inference_model},
      {"GET", "/v2/models/{model}/versions/{version}", &Routes::inference_model},
      {"GET", "/v2/models/{model}/ready", &Routes::inference_model_ready},
      {"GET", "/v2/models/{model}/versions/{version}/ready", &Routes::inference_model_ready},
      {"POST", "/v2/models/{model}/infer", &Routes::infer},
      {"POST", "/v2/models/{model}/versions/{version}/infer", &Routes::infer},
      {"GET", "/health", &Routes::label_studio_health, true},
      {"POST", "/setup", &Routes::label_studio_setup},
      {"POST", "/predict", &Routes::label_studio_predict},
      {"POST", "/webhook", &Routes::label_studio_event},
      {"POST", "/train", &Routes::label_studio_event},
      {"GET", "/api/functions", &Routes::cvat_functions},
      {"GET", "/api/functions/{name}", &Routes::cvat_function},
      {"POST", "/api/function_invocations", &Routes::cvat_invoke},
      {"POST", "/", &Routes::cvat_invoke},
      {"GET", "/", &Routes::page, true},
      {"GET", "/{file}", &Routes::page, true},
  };
  return kTable;
}

Routes::Routes(Service& service, Vocabularies& vocabularies, Banks& banks, RouteOptions options)
    : service_(service),
      vocabularies_(vocabularies),
      banks_(banks),
      options_(std::move(options)),
      rate_(options_.rate, options_.burst) {
  page_files();
}

const Routes::Route* Routes::find(const std::string& method, const std::string& path,
                                  std::vector<std::string>& names, std::string& allowed) const {
  for (const Route& route : table()) {
    if (!fits(route.pattern, path, names)) continue;
    if (route.action == &Routes::page && !names.empty() && !page_files().has(names[0])) continue;
    if (method == route.method || (method == "HEAD" && route.method == std::string_view("GET")))
      return &route;
    allowed += (allowed.empty() ? "" : ", ") + std::string(route.method);
  }
  return nullptr;
}

void Routes::admit(const HttpRequest& request) {
  std::vector<std::string> names;
  std::string allowed;
  const Route* route = find(request.method, request.path, names, allowed);
  const std::string host = request.header("host");
  expect(!options_.check_host || host.empty() || names_loopback(host) ||
             std::ranges::find(options_.public_hosts, host.substr(0, host.find(':'))) !=
                 options_.public_hosts.end(),
         403, "unknown_host", "", "this service does not answer to that host name; --public-host adds one");
  if (route == nullptr) {
    expect(allowed.empty(), 405, "method_not_allowed", "", "this path takes {}", allowed);
    serve::refuse(404, "unknown_path", "",
                  "there is nothing at this path; GET /openapi.json lists what there is");
  }
  if (route->open) return;
  expect(same_origin(request), 403, "other_origin", "",
         "requests from pages of other origins are not answered");
  expect(options_.keys.admit(request), 401, "unauthorized", "",
         "a key is needed: Authorization: Bearer KEY, or X-API-Key: KEY");
  if (stopping_) refuse_for_now(503, "stopping", "the service is stopping; ask another instance", 5);
  const std::string coding = request.header("content-encoding");
  expect(coding.empty() || coding == "identity", 415, "content_encoding", "",
         "Content-Encoding: bodies are taken as they are, not compressed");
  if (const double wait = rate_.wait(request.peer); wait > 0)
    throw Refusal(429, "too_many_requests", "more requests than one client may send; wait a little", "",
                  static_cast<int>(std::ceil(wait)));
}

HttpAnswer Routes::answer(HttpRequest& request, const Gone& gone) {
  Call call{request, {}, {gone, Clock::now() + service_.options().timeout}};
  std::string allowed;
  const Route* route = find(request.method, request.path, call.names, allowed);
  const auto start = Clock::now();
  HttpAnswer answer;
  try {
    answer = (this->*route->action)(call);
  } catch (const Refusal& r) {
    answer = refuse(request.path, r);
  } catch (const Cancelled&) {
    service_.metrics().count("san_cancelled_total");
    answer = refuse(request.path, Refusal(503, "cancelled", "the client is gone"));
  } catch (const std::bad_alloc&) {
    answer = refuse(request.path,
                    Refusal(503, "out_of_memory", "there is not enough memory for this request", "", 5));
  } catch (const std::exception& e) {
    log::error("{} {}: {}", request.method, route->pattern, printable(e.what(), 1000));
    answer = refuse(request.path, Refusal(500, "internal", "an internal error; the service's log says more"));
  }
  answer.headers.emplace_back("X-Content-Type-Options", "nosniff");
  const double took = std::chrono::duration<double>(Clock::now() - start).count();
  service_.metrics().count("san_requests_total",
                           {{"route", route->pattern}, {"status", std::to_string(answer.status)}});
  service_.metrics().observe("san_request_seconds", {{"route", route->pattern}}, took);
  log::debug("{} {} {} {} {:.0f} ms", request.peer, request.method, route->pattern, answer.status,
             took * 1e3);
  return answer;
}

HttpAnswer Routes::refuse(const std::string& path, const Refusal& refusal) {
  service_.metrics().count("san_errors_total", {{"code", refusal.code()}});
  HttpAnswer answer = error_answer(refusal);
  // The protocol has a text there.
  if (is_open_inference(path))
    answer.body =
        OrderedJson{{"error", refusal.what()}}.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
  return answer;
}

HttpAnswer Routes::health(Call&) {
  return json_answer({{"status", "ok"}, {"version", version()}});
}

HttpAnswer Routes::ready(Call&) {
  if (stopping_) refuse_for_now(503, "stopping", "the service is stopping; ask another instance", 5);
  return json_answer({{"status", "ready"}});
}

HttpAnswer Routes::metrics(Call&) {
  std::vector<Metrics::Gauge> gauges = service_.gauges();
  gauges.push_back({"san_connections", "Open connections.", static_cast<double>(connections.load())});
  gauges.push_back({"san_stored_vocabularies", "Vocabularies that were put.",
                    static_cast<double>(vocabularies_.all().size())});
  gauges.push_back({"san_banks", "Banks of examples.", static_cast<double>(banks_.all().size())});
  for (Metrics::Gauge& gauge : process_gauges()) gauges.push_back(std::move(gauge));
  return {200, "text/plain; version=0.0.4; charset=utf-8", service_.metrics().text(gauges), {}};
}

HttpAnswer Routes::openapi(Call&) {
  return {200, "application/json", std::string(embedded::serve_openapi()), {}};
}

HttpAnswer Routes::page(Call& call) {
  return page_files().answer(call.names.empty() ? "" : call.names[0], call.request);
}

HttpAnswer Routes::models(Call&) {
  const auto own_bank = [&](const std::string& model) {
    const auto bank = banks_.own(model);
    return bank ? OrderedJson(bank->name) : OrderedJson();
  };
  OrderedJson list = OrderedJson::array();
  for (const LoadedFacts& m : service_.models()) {
    const ModelFacts& f = m.facts;
    list.push_back({{"id", m.id},
                    {"description", f.description},
                    {"license", f.license},
                    {"limits", f.limits},
                    {"method", f.method},
                    {"backend", f.backend},
                    {"precision", f.precision},
                    {"text_precision", f.text_precision},
                    {"background", f.knows_background},
                    {"proposals", f.makes_masks},
                    {"explanation", m.explains()},
                    {"banks", f.takes_banks},
                    {"bank", own_bank(m.id)},
                    {"random_weights", f.random_weights},
                    {"untrained_adapter", f.untrained_adapter},
                    {"parameters", f.parameters},
                    {"short_side", f.short_side},
                    {"long_side", f.long_side},
                    {"templates", f.templates}});
  }
  const Limits& limits = service_.options().limits;
  return json_answer({{"models", list},
                      {"limits",
                       {{"body_bytes", limits.body_bytes},
                        {"pixels", limits.pixels},
                        {"side", limits.side},
                        {"short_side", limits.short_side},
                        {"tiles", limits.tiles},
                        {"classes", limits.classes},
                        {"name_bytes", limits.name_bytes},
                        {"banks", service_.options().own_banks},
                        {"seconds", service_.options().timeout.count()}}}});
}

HttpAnswer Routes::label_sets(Call& call) {
  OrderedJson list = OrderedJson::array();
  for (const std::string& name : shipped_label_sets()) {
    const LabelSet set = label_set(name);
    list.push_back({{"name", name},
                    {"classes", set.classes},
                    {"has_palette", set.palette.size() == set.classes.size()}});
  }
  HttpAnswer answer = json_answer({{"label_sets", list}});
  if (accepts_gzip(call.request.header("accept-encoding"))) {
    answer.body = gzip(answer.body, 6);
    answer.headers.emplace_back("Content-Encoding", "gzip");
  }
  answer.headers.emplace_back("Vary", "Accept-Encoding");
  return answer;
}

HttpAnswer Routes::segment(Call& call) {
  SegmentRequest request = read_segment_request(call.request, service_.options().limits);
  call.request.body = {};
  std::vector<AnswerPart> parts;
  const std::string& model = service_.models()[service_.find_model(request.model)].id;
  const Stages stages = service_.segment(
      request, call.caller, [&](const Outcome& outcome) { parts = write_outputs(outcome, request, model); });
  HttpAnswer answer = parts_answer(parts, call.request.header("accept"));
  answer.headers.emplace_back("X-San-Model", model);
  answer.headers.emplace_back("X-San-Image-SHA256", stages.sha256);
  answer.headers.emplace_back("X-San-Cache", stages.seen_before ? "hit" : "miss");
  if (!stages.bank.empty()) answer.headers.emplace_back("X-San-Bank", stages.bank);
  answer.headers.emplace_back("Server-Timing", server_timing(stages));
  return answer;
}

HttpAnswer Routes::explain(Call& call) {
  const SegmentRequest request = read_segment_request(call.request, service_.options().limits);
  call.request.body = {};
  return {200, "application/json", service_.explain(request, call.caller), {}};
}

HttpAnswer Routes::list_vocabularies(Call&) {
  OrderedJson list = OrderedJson::array();
  for (const Vocabularies::Status& s : vocabularies_.all()) list.push_back(described(s, false));
  return json_answer({{"vocabularies", list}});
}

HttpAnswer Routes::get_vocabulary(Call& call) {
  return json_answer(described(vocabularies_.status(call.names[0]), true));
}

HttpAnswer Routes::put_vocabulary(Call& call) {
  check_name(call.names[0], "name");
  const std::string type = call.request.media_type();
  expect(type == "application/json", 415, "media_type", "", "Content-Type: expected application/json");
  const Json object = parse_json_object(call.request.body);
  const Fields fields(object);
  fields.allow({"model", "classes", "label_set", "distractors", "templates"});
  const Vocabularies::Status status = vocabularies_.put(call.names[0], fields.text("model", 256),
                                                        read_words(fields, service_.options().limits));
  HttpAnswer answer = json_answer(described(status, true), 202);
  answer.headers.emplace_back("Location", "/v1/vocabularies/" + call.names[0]);
  return answer;
}

HttpAnswer Routes::delete_vocabulary(Call& call) {
  vocabularies_.remove(call.names[0]);
  return {204, "", "", {}};
}

HttpAnswer Routes::list_banks(Call&) {
  OrderedJson list = OrderedJson::array();
  for (const Banks::Status& s : banks_.all()) list.push_back(described(s));
  return json_answer({{"banks", list}});
}

HttpAnswer Routes::get_bank(Call& call) {
  return json_answer(described(banks_.status(call.names[0])));
}

HttpAnswer Routes::get_bank_file(Call& call) {
  HttpAnswer answer{200, "application/octet-stream", banks_.file(call.names[0]), {}};
  answer.headers.emplace_back("Content-Disposition",
                              fmt::format("attachment; filename=\"{}.bank\"", call.names[0]));
  return answer;
}

HttpAnswer Routes::add_example(Call& call) {
  check_name(call.names[0], "name");
  ExampleRequest request = read_example_request(call.request, service_.options().limits);
  call.request.body = {};
  const Banks::Added added = banks_.add(call.names[0], std::move(request), call.caller);
  HttpAnswer answer = json_answer({{"bank", described(added.bank)}, {"area", added.area}}, 201);
  answer.headers.emplace_back("Location", "/v1/banks/" + call.names[0]);
  answer.headers.emplace_back("X-San-Image-SHA256", added.sha256);
  return answer;
}

HttpAnswer Routes::delete_bank(Call& call) {
  banks_.remove(call.names[0]);
  return {204, "", "", {}};
}

}  // namespace san::serve
