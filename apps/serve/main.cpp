// `san serve`, which alone needs an HTTP library.
#include <fmt/format.h>

#include <cstdlib>
#include <thread>

#include "base/error.h"
#include "base/log.h"
#include "http_server.h"
#include "picture_fetcher.h"
#include "program/bank_argument.h"
#include "program/commands.h"
#include "program/interrupts.h"
#include "routes.h"
#include "san/version.hpp"

namespace san::serve {
namespace {

struct Arguments {
  ServiceOptions service;
  HttpServer::Settings http;
  Address address;
  std::string key_file, annotation_background = "none", label_studio_url, label_studio_token;
  RouteOptions routes;
  std::size_t cache_mb = 512, body_mb = 32;
  std::vector<std::string> banks;
  std::size_t bank_mb = 256;
  int timeout_s = 60, patience_s = 10;
  bool no_cache = false, no_sandbox = false, verbose = false;
};

/// Ends what runs: requests have the time that service managers give, and then are told.
void drain(HttpServer& server, Service& service) {
  using std::chrono::milliseconds;
  constexpr milliseconds kForWork{8000}, kForCancelled{1000}, kForTheRest{500};
  if (server.drain(kForWork)) return;
  log::warn("ending {} connections that are still open", server.connections());
  service.stop();
  if (server.drain(kForCancelled)) return;
  server.hang_up();
  if (server.drain(kForTheRest)) return;
  std::quick_exit(0);  // threads still hold what would be destroyed
}

void run(Arguments& a, const std::atomic<bool>& interrupted) {
  a.service.timeout = std::chrono::seconds(a.timeout_s);
  a.service.use_cache = !a.no_cache;
  a.service.sandbox = !a.no_sandbox;
  a.service.cache_bytes = a.cache_mb << 20;
  for (const std::string& text : a.banks) {
    const BankArgument bank = parse_bank_argument(text);
    a.service.banks.push_back({bank.file, bank.weight});
  }
  a.service.bank_bytes = a.bank_mb << 20;
  a.service.limits.body_bytes = a.body_mb << 20;
  a.http.connection.body_bytes = a.service.limits.body_bytes;
  a.http.connection.head = a.http.connection.stall = std::chrono::seconds(a.patience_s);
  a.http.connection.idle = std::chrono::seconds(a.patience_s + a.patience_s / 2);
  a.http.bodies = 8 * a.service.limits.body_bytes;
  if (!a.key_file.empty()) a.routes.keys = ApiKeys(a.key_file);
  Listener listener(a.address);
  a.routes.check_host = listener.loopback();
  a.routes.annotate_other = a.annotation_background == "other";
  a.routes.port = listener.port();
  const PictureFetcher fetcher(a.label_studio_url, a.label_studio_token, a.service.limits.body_bytes);
  a.routes.fetch_picture = [&fetcher](const std::string& address) { return fetcher.fetch(address); };
  if (!listener.loopback() && a.address.socket.empty() && !listener.inherited() && !a.routes.keys.needed())
    log::warn("{} can be reached from other machines and asks for no key; --api-key-file sets one",
              listener.name());

  Service service(a.service);
  if (a.service.sandbox) log::debug("decoders run behind: {}", sandbox_description());
  service.warm_up();
  Vocabularies vocabularies(service);
  Banks banks(service);
  Routes routes(service, vocabularies, banks, a.routes);
  HttpServer server(listener, a.http,
                    {[&](const HttpRequest& r) { routes.admit(r); },
                     [&](HttpRequest& r, const HttpServer::Gone& gone) {
                       routes.connections = server.connections();
                       return routes.answer(r, gone);
                     },
                     [&](const std::string& path, const Refusal& r) { return routes.refuse(path, r); }});
  fmt::print("listening on {}\n", listener.name());
  std::fflush(stdout);
  server.run(interrupted);
  log::info("stopping: {} connections end", server.connections());
  routes.stop_taking();
  drain(server, service);
}

void add_options(CLI::App& app, Arguments& a) {
  app.add_option("--host", a.address.host,
                 "Address to listen on; others than the loopback interface's are reached from other machines")
      ->capture_default_str();
  app.add_option("-p,--port", a.address.port, "Port; 0: a free one, which is printed")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str();
  app.add_option("--socket", a.address.socket, "Unix socket to listen on instead");
  app.add_option("-m,--model", a.service.models,
                 "Model file, name, \"default\" (built in) or formula:…; several may be given, the first "
                 "answers where a request names none")
      ->capture_default_str();
  app.add_option("--backend", a.service.model.backend, "What computes")
      ->check(CLI::IsMember(backends()))
      ->capture_default_str();
  app.add_option(
         "--precision", a.service.model.precision,
         "fp32; int8 (native: linear layers of the image's transformer blocks); bf16 (those and attention, "
         "where "
         "the processor multiplies it); auto: what is fastest "
         "here; model: int8 for a file of int8 weights where that is faster, else fp32. GET /v1/models tells "
         "what it came to")
      ->check(CLI::IsMember({"fp32", "int8", "bf16", "auto", "model"}))
      ->capture_default_str();
  app.add_option(
         "--text-precision", a.service.model.text_precision,
         "What words are computed in, once for each: fp32; int8; bf16 where the processor multiplies it; "
         "auto: int8 where that is faster")
      ->check(CLI::IsMember({"fp32", "int8", "bf16", "auto"}))
      ->capture_default_str();
  app.add_option("--method", a.service.model.method,
                 "How labels are made; default: as the model was made for")
      ->check(CLI::IsMember(methods()));
  app.add_option("-t,--threads", a.service.model.threads, "Threads that compute; 0: one per processor")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  app.add_option("--workers", a.service.workers, "Pictures that are worked on at once, on the same threads")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  app.add_option("--queue", a.service.queue, "Requests that may wait; what comes then gets 503")
      ->check(CLI::Range(0, 100000))
      ->capture_default_str();
  app.add_option("--timeout", a.timeout_s, "Seconds that one request may take, waiting included")
      ->check(CLI::Range(1, 86400))
      ->capture_default_str();
  app.add_option("--patience", a.patience_s,
                 "Seconds that a client may take for a request's head, and say or take nothing otherwise")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
  app.add_option("--connections", a.http.connections, "Connections at once")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  app.add_option("--max-body", a.body_mb, "Megabytes (MiB) of a request's body")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--max-pixels", a.service.limits.pixels, "Refuse larger pictures before decoding them")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 30))
      ->capture_default_str();
  app.add_option("--max-side", a.service.limits.side, "Longest side of a picture, pixels")
      ->check(CLI::Range(1, 65535))
      ->capture_default_str();
  app.add_option("--max-short-side", a.service.limits.short_side,
                 "Largest short_side that a request may ask for")
      ->check(CLI::Range(1, 8192))
      ->capture_default_str();
  app.add_option("--max-tiles", a.service.limits.tiles, "Tiles of one picture that a request may ask for")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  app.add_option("--max-classes", a.service.limits.classes, "Classes of a request or vocabulary")
      ->check(CLI::Range(1, 65534))
      ->capture_default_str();
  app.add_option("--rate", a.routes.rate,
                 "Requests a second that one address may send on the average; 0: no limit")
      ->check(CLI::Range(0.0, 1e6))
      ->capture_default_str();
  app.add_option("--burst", a.routes.burst, "Requests that it may send at once")
      ->check(CLI::Range(1.0, 1e6))
      ->capture_default_str();
  app.add_option("--api-key-file", a.key_file, "File of keys, one a line: requests then need one");
  app.add_option(
      "--public-host", a.routes.public_hosts,
      "Host name under which a proxy passes requests on; on the loopback interface others are refused");
  app.add_option("--annotation-background", a.annotation_background,
                 "none: masks for Label Studio and CVAT cover every pixel; other: not those that the learned "
                 "background wins")
      ->check(CLI::IsMember({"none", "other"}))
      ->capture_default_str();
  app.add_option("--label-studio-url", a.label_studio_url,
                 "Label Studio whose pictures POST /predict may fetch, such as http://localhost:8080; "
                 "nothing else is ever fetched");
  app.add_option("--label-studio-token-file", a.label_studio_token, "File with its access token");
  app.add_option("--cache-mb", a.cache_mb,
                 "Memory (MiB) for pictures seen lately and what the network saw in them")
      ->check(CLI::Range(0, 1 << 20))
      ->capture_default_str();
  app.add_option("--cache-dir", a.service.cache_folder,
                 "Folder of the embedding cache, which several services may share");
  app.add_flag("--refine", a.service.refine,
               "Edges between labels follow those of the picture, where a request does not say");
  app.add_option("--bank", a.banks,
                 "FILE[:WEIGHT]: examples as `san bank build` makes them, asked beside the words of every "
                 "request to their model that does not say otherwise; several may be given");
  app.add_option("--banks", a.service.own_banks,
                 "Banks of examples that clients may make, region by region; 0: none")
      ->check(CLI::Range(0, 10000))
      ->capture_default_str();
  app.add_option("--bank-mb", a.bank_mb, "Memory (MiB) for these banks")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  app.add_option(
      "--bank-folder", a.service.bank_folder,
      "Folder in which they are kept, and found again at the next start; default: in memory alone");
  app.add_flag("--no-cache", a.no_cache, "Do not keep embeddings on disk");
  app.add_flag("--no-sandbox", a.no_sandbox,
               "Decode JPEG and PNG in this process instead of a helper without rights");
  app.add_flag("-v,--verbose", a.verbose, "More messages");
  app.footer(
      "What it answers: docs/serving.md, and GET /openapi.json. The web page is at /.\n"
      "A socket that systemd hands over is used in place of --host, --port and --socket.\n"
      "SIGTERM and Ctrl-C: nothing new is taken, what runs has 8 seconds to end.\n"
      "Exit code 0: stopped; 2: could not start.");
}

}  // namespace
}  // namespace san::serve

// NOLINTNEXTLINE(bugprone-exception-escape): nothing is left to do when the last words cannot be printed.
int main(int argc, char** argv) {
  const std::atomic<bool>& interrupted = san::catch_interrupts();
  CLI::App app{"Answer over HTTP: segmentation, vocabularies, and a web page.", "san serve"};
  app.set_version_flag("--version", san::version());
  app.get_formatter()->column_width(34);
  san::serve::Arguments arguments;
  san::serve::add_options(app, arguments);
  san::log::setup(false);
  app.callback([&] {
    san::log::setup(arguments.verbose);
    san::serve::run(arguments, interrupted);
  });
  return san::run_commands(app, "san serve", argc, argv, san::Files::kOfStrangers);
}
