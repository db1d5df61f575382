#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "base/log.h"
#include "base/progress.h"
#include "commands.h"
#include "common.h"
#include "hub/catalog.h"
#include "hub/fetch/pull.h"

namespace san::cli {
namespace {

constexpr double kMegabyte = 1e6;

/// One bar per file, in megabytes; what an earlier run left does not count into the rate.
class Bars {
 public:
  explicit Bars(bool quiet) : quiet_(quiet) {}
  void show(const std::string& file, std::int64_t done, std::int64_t total) {
    if (file != file_ || done < shown_) {
      file_ = file;
      shown_ = first_ = done;
      bar_.emplace("fetching " + file + ", MB", total < 0 ? 0 : megabytes(total - first_), quiet_);
    }
    bar_->advance(megabytes(done - first_) - megabytes(shown_ - first_));
    shown_ = done;
  }

 private:
  static std::int64_t megabytes(std::int64_t bytes) {
    return static_cast<std::int64_t>(static_cast<double>(bytes) / kMegabyte);
  }
  bool quiet_;
  std::string file_;
  std::int64_t first_ = 0, shown_ = 0;
  std::optional<Progress> bar_;
};

struct PullArguments {
  PullRequest request;
  bool quiet = false;
};

void run_pull(PullArguments& a) {
  Bars bars(a.quiet);
  a.request.progress = [&](const std::string& file, std::int64_t done, std::int64_t total) {
    bars.show(file, done, total);
  };
  a.request.say = [](const std::string& message) { log::info("{}", message); };
  a.request.cancelled = [] { return interrupted().load(); };
  const Pulled pulled = pull_model(a.request);
  fmt::print("{}{}\n{} ({:.1f} MB)\nUse it as --model {}\n", pulled.model.name,
             pulled.was_there ? " is there already" : "", pulled.path.string(),
             static_cast<double>(pulled.model.model_bytes) / kMegabyte, pulled.model.name);
}

struct ModelsArguments {
  bool json = false, prune = false;
};

nlohmann::json description(const ModelStore& store) {
  nlohmann::json list = nlohmann::json::array();
  for (const CatalogEntry& e : catalog())
    list.push_back({{"name", e.name},
                    {"title", e.title},
                    {"license", e.license},
                    {"license_url", e.license_url},
                    {"download_megabytes", e.megabytes},
                    {"from", e.weights.from},
                    {"here", store.holds(e.name)}});
  for (const StoredModel& m : store.models())
    if (find_in_catalog(m.name) == nullptr)
      list.push_back({{"name", m.name},
                      {"title", m.title},
                      {"license", m.license},
                      {"license_url", m.license_url},
                      {"download_megabytes", static_cast<double>(m.weights.bytes) / kMegabyte},
                      {"from", m.weights.from},
                      {"here", true}});
  for (auto& m : list)
    if (m["here"]) {
      const StoredModel stored = *store.record(m["name"]);
      m["path"] = store.model_path(stored.name).string();
      m["bytes"] = stored.model_bytes;
      m["sha256"] = stored.model_sha256;
      m["fetched"] = stored.fetched;
    }
  return list;
}

void run_models(const ModelsArguments& a) {
  const ModelStore store;
  if (a.prune) {
    const ModelStore::Pruned pruned = store.prune();
    for (const auto& path : pruned.removed) fmt::print("removed {}\n", path.string());
    fmt::print("{} files, {:.1f} MB freed\n", pruned.removed.size(), static_cast<double>(pruned.bytes) / kMegabyte);
    return;
  }
  const nlohmann::json list = description(store);
  if (a.json) {
    fmt::print("{}\n", list.dump(2));
    return;
  }
  fmt::print("{:<20} {:<5} {:>8}  {:<8} {}\n", "name", "here", "MB", "licence", "what it is");
  fmt::print("{:<20} {:<5} {:>8}  {:<8} {}\n", "default", "yes", "", "", "the built-in model of drawings");
  for (const auto& m : list)
    fmt::print("{:<20} {:<5} {:>8.0f}  {:<8} {}\n{:<20} from {}\n", m["name"].get<std::string>(),
               m["here"].get<bool>() ? "yes" : "no", m["download_megabytes"].get<double>(),
               m["license"].get<std::string>(), m["title"].get<std::string>(), "", m["from"].get<std::string>());
  fmt::print("kept in {}; `san pull NAME` fetches one\n", store.folder().string());
}

}  // namespace

void add_pull(CLI::App& app) {
  auto* command = app.add_subcommand("pull", "Fetch a model by name; after it, --model NAME works everywhere");
  const auto a = std::make_shared<PullArguments>();
  PullRequest& r = a->request;
  command
      ->add_option("what", r.what,
                   "A name that `san models` lists, hf:OWNER/REPO/FILE[@REVISION] of the Hugging Face hub, or an https:// "
                   "or file:// address")
      ->required();
  command->add_option("--as", r.name, "Name to keep it under; default: as it was asked for");
  command->add_option("--bpe", r.bpe,
                      "Tokenizer merges to embed where the checkpoint has none (bpe_simple_vocab_16e6.txt(.gz), merges.txt "
                      "or tokenizer.json)");
  command->add_option("--activation", r.activation, "quick_gelu or gelu, where the file does not tell");
  command->add_option("--set", r.set, "field=value where shapes do not tell, as `san convert`");
  command->add_flag("--fp16", r.half, "Keep matrices as float16 (half the size)");
  command->add_flag("--again", r.again, "Fetch it even if it is there");
  command->add_flag("-q,--quiet", a->quiet, "No progress bars");
  command->footer(
      "Downloads resume, are checked (length, SHA-256) and converted to one model file in $SAN_MODELS_DIR,\n"
      "$XDG_DATA_HOME/san/models or ~/.local/share/san/models. $HF_ENDPOINT, $HF_TOKEN (sent to that host alone),\n"
      "$HF_HUB_OFFLINE and $HTTPS_PROXY are honoured. Nothing in a checkpoint is executed.");
  command->callback([a] { run_pull(*a); });
}

void add_models(CLI::App& app) {
  auto* command = app.add_subcommand("models", "List the models known by name, and what is here");
  const auto a = std::make_shared<ModelsArguments>();
  command->add_flag("--json", a->json, "As JSON");
  command->add_flag("--prune", a->prune, "Remove interrupted downloads and records of models that are gone");
  command->callback([a] { run_models(*a); });
}

}  // namespace san::cli
