#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/utf8.h"
#include "commands.h"
#include "hub/catalog.h"
#include "hub/store.h"

namespace san::cli {
namespace {

using nlohmann::json;

constexpr double kMegabyte = 1e6;
constexpr std::size_t kLongestCell = 300;

struct Arguments {
  bool json = false, prune = false;
};

json row_of(const ModelStore& store, const std::string& name, const std::string& title,
            const std::string& license, const std::string& license_url, double megabytes,
            const std::string& from) {
  json row{{"name", name},
           {"title", title},
           {"license", license},
           {"license_url", license_url},
           {"download_megabytes", megabytes},
           {"from", from},
           {"here", store.holds(name)}};
  if (row["here"].get<bool>()) row["path"] = store.model_path(name).string();
  return row;
}

/// The models of the catalogue, then the others that are here.
json description(const ModelStore& store) {
  const std::vector<StoredModel> stored = store.models();
  json list = json::array();
  for (const CatalogEntry& e : catalog())
    list.push_back(row_of(store, e.name, e.title, e.license, e.license_url, e.megabytes, e.weights.from));
  for (const StoredModel& m : stored)
    if (find_in_catalog(m.name) == nullptr)
      list.push_back(row_of(store, m.name, m.title, m.license, m.license_url,
                            static_cast<double>(m.weights.bytes) / kMegabyte, m.weights.from));
  for (json& row : list)
    for (const StoredModel& m : stored)
      if (row["name"] == m.name) {
        row["bytes"] = m.model_bytes;
        row["sha256"] = m.model_sha256;
        row["fetched"] = m.fetched;
      }
  return list;
}

void print_table(const ModelStore& store) {
  const auto cell = [](const json& row, const char* key) {
    return printable(row[key].get<std::string>(), kLongestCell);
  };
  fmt::print("{:<20} {:<4} {:>7}  {:<8} {}\n", "name", "here", "MB", "licence", "what it is");
  fmt::print("{:<20} {:<4} {:>7}  {:<8} {}\n", "default", "yes", "", "", "the built-in model, of drawings");
  for (const json& row : description(store))
    fmt::print("{:<20} {:<4} {:>7.0f}  {:<8} {}\n{:<36}from {}\n", cell(row, "name"),
               row["here"].get<bool>() ? "yes" : "no", row["download_megabytes"].get<double>(),
               cell(row, "license"), cell(row, "title"), "", cell(row, "from"));
  fmt::print("`san pull NAME` fetches one to {}\n", store.folder().string());
}

void run(const Arguments& a) {
  const ModelStore store;
  if (a.prune) {
    const ModelStore::Pruned pruned = store.prune();
    for (const auto& path : pruned.removed) fmt::print("removed {}\n", path.string());
    fmt::print("{} files, {:.1f} MB freed\n", pruned.removed.size(),
               static_cast<double>(pruned.bytes) / kMegabyte);
  } else if (a.json) {
    fmt::print("{}\n", description(store).dump(2, ' ', false, json::error_handler_t::replace));
  } else {
    print_table(store);
  }
}

}  // namespace

void add_models(CLI::App& app) {
  auto* command = app.add_subcommand("models", "List the models known by name, and which are here");
  const auto a = std::make_shared<Arguments>();
  command->add_flag("--json", a->json, "As JSON");
  command->add_flag("--prune", a->prune,
                    "Remove interrupted downloads and the records of models whose file is gone");
  command->footer(
      "Models are kept in $SAN_MODELS_DIR, $XDG_DATA_HOME/san/models or ~/.local/share/san/models, one\n"
      "NAME.safetensors each with a NAME.lock.json that says what was fetched.");
  command->callback([a] { run(*a); });
}

}  // namespace san::cli
