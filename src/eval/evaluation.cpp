#include "eval/evaluation.h"

#include <algorithm>
#include <tuple>

#include "base/atomic_file.h"
#include "base/base64.h"
#include "base/bounded_json.h"
#include "base/error.h"

namespace san {
namespace {

namespace fs = std::filesystem;
using json = nlohmann::json;

constexpr const char* kFormat = "san-evaluation-2";
constexpr std::size_t kFileLimitBytes = std::size_t{256} << 20;
constexpr JsonLimits kJsonLimits{16, 16'000'000};

bool better(const ImageScore& a, const ImageScore& b) {
  return std::tie(b.miou, a.stem) < std::tie(a.miou, b.stem);
}
bool worse(const ImageScore& a, const ImageScore& b) {
  return std::tie(a.miou, a.stem) < std::tie(b.miou, b.stem);
}

using Order = bool (*)(const ImageScore&, const ImageScore&);

bool enters(const std::vector<Example>& list, const ImageScore& score, std::size_t limit, Order order) {
  return limit > 0 && (list.size() < limit || order(score, list.back().score));
}

void insert(std::vector<Example>& list, Example example, std::size_t limit, Order order) {
  if (!enters(list, example.score, limit, order)) return;
  const auto place = std::ranges::upper_bound(list, example.score, order, &Example::score);
  list.insert(place, std::move(example));
  if (list.size() > limit) list.pop_back();
}

json to_json(const ImageScore& score) {
  return json::array({score.stem, score.miou, score.pacc});
}

ImageScore score_from(const json& node) {
  return {node.at(0), node.at(1), node.at(2)};
}

json to_json(const Reliability& reliability) {
  json out = json::array();
  for (const auto& bin : reliability.bins) out.push_back({bin.pixels, bin.right, bin.score});
  return out;
}

Reliability::Bin bin_from(const json& node) {
  const Reliability::Bin bin{node.at(0), node.at(1), node.at(2)};
  require(bin.right <= bin.pixels &&
              static_cast<double>(bin.score) <= Reliability::kScoreUnits * static_cast<double>(bin.pixels),
          "a bin of {} pixels of which {} are right", bin.pixels, bin.right);
  return bin;
}

json to_json(const std::vector<Example>& examples) {
  json out = json::array();
  for (const auto& e : examples)
    out.push_back({{"score", to_json(e.score)},
                   {"picture", base64_encode(e.picture)},
                   {"truth", base64_encode(e.truth)},
                   {"prediction", base64_encode(e.prediction)}});
  return out;
}

std::vector<Example> examples_from(const json& node) {
  std::vector<Example> out;
  for (const auto& e : node)
    out.push_back({score_from(e.at("score")), base64_decode(e.at("picture").get_ref<const std::string&>()),
                   base64_decode(e.at("truth").get_ref<const std::string&>()),
                   base64_decode(e.at("prediction").get_ref<const std::string&>())});
  return out;
}

Evaluation parse(const json& node) {
  require(node.is_object() && node.value("format", "") == kFormat, "expected format {}", kFormat);
  Evaluation out;
  node.at("dataset").get_to(out.dataset);
  node.at("title").get_to(out.title);
  node.at("split").get_to(out.split);
  node.at("predictor").get_to(out.predictor);
  node.at("settings").get_to(out.settings);
  node.at("classes").get_to(out.classes);
  node.at("seen").get_to(out.seen);
  node.at("unseen").get_to(out.unseen);
  node.at("shards").get_to(out.shards);
  node.at("shard_count").get_to(out.shard_count);
  require(
      out.shard_count >= 1 && !out.shards.empty() &&
          out.shards.size() <= static_cast<std::size_t>(out.shard_count) &&
          std::ranges::all_of(out.shards, [&](int shard) { return shard >= 1 && shard <= out.shard_count; }),
      "{} shards of {}: expected numbers from 1 to their count", out.shards.size(), out.shard_count);
  const int classes = static_cast<int>(out.classes.size());
  out.confusion = ConfusionMatrix(classes);
  for (const auto& cell : node.at("confusion"))
    out.confusion.add(cell.at(0).get<int>(), cell.at(1).get<int>(), cell.at(2).get<std::uint64_t>());
  out.boundary = BoundaryCounts(classes);
  for (const auto& [key, counts] : {std::pair{"both", &out.boundary.both},
                                    {"truth", &out.boundary.truth},
                                    {"predicted", &out.boundary.predicted}}) {
    node.at("boundary").at(key).get_to(*counts);
    require(counts->size() == out.classes.size(), "{} boundary counts for {} classes", counts->size(),
            classes);
  }
  const json& bins = node.at("reliability");
  require(bins.size() == out.reliability.bins.size(), "{} bins of scores; expected {}", bins.size(),
          out.reliability.bins.size());
  for (std::size_t b = 0; b < bins.size(); ++b) out.reliability.bins[b] = bin_from(bins[b]);
  if (const auto curve = node.find("curve"); curve != node.end())
    curve->at(0).get_to(out.curve.a), curve->at(1).get_to(out.curve.b);
  require(out.curve.valid(), "a curve with a = {}, b = {}", out.curve.a, out.curve.b);
  for (const auto& image : node.at("images")) out.images.push_back(score_from(image));
  out.best = examples_from(node.at("best"));
  out.worst = examples_from(node.at("worst"));
  for (const auto& problem : node.at("problems")) {
    const int kind = problem.at(0);
    require(kind >= 0 && kind <= static_cast<int>(ProblemKind::kUnexpectedCount), "problem kind {}", kind);
    out.problems.push_back({static_cast<ProblemKind>(kind), problem.at(1).get<std::string>(), problem.at(2)});
  }
  const json& speed = node.at("speed");
  out.speed = {speed.at("wall_seconds"), speed.at("predict_seconds"), speed.at("predicted")};
  return out;
}

}  // namespace

bool ExampleKeeper::wants(const ImageScore& score) const {
  return enters(best, score, limit_, better) || enters(worst, score, limit_, worse);
}

void ExampleKeeper::add(Example example) {
  insert(best, example, limit_, better);
  insert(worst, std::move(example), limit_, worse);
}

void save_evaluation(const Evaluation& e, const fs::path& path) {
  json cells = json::array();
  for (int p = 0; p <= e.confusion.classes(); ++p)
    for (int t = 0; t <= e.confusion.classes(); ++t)
      if (const auto n = e.confusion.at(p, t)) cells.push_back({p, t, n});
  json images = json::array(), problems = json::array();
  for (const auto& image : e.images) images.push_back(to_json(image));
  for (const auto& problem : e.problems)
    problems.push_back({static_cast<int>(problem.kind), problem.path.string(), problem.detail});
  const json node{
      {"format", kFormat},
      {"dataset", e.dataset},
      {"title", e.title},
      {"split", e.split},
      {"predictor", e.predictor},
      {"settings", e.settings},
      {"classes", e.classes},
      {"seen", e.seen},
      {"unseen", e.unseen},
      {"shards", e.shards},
      {"shard_count", e.shard_count},
      {"confusion", std::move(cells)},
      {"boundary",
       {{"both", e.boundary.both}, {"truth", e.boundary.truth}, {"predicted", e.boundary.predicted}}},
      {"reliability", to_json(e.reliability)},
      {"curve", {e.curve.a, e.curve.b}},
      {"images", std::move(images)},
      {"best", to_json(e.best)},
      {"worst", to_json(e.worst)},
      {"problems", std::move(problems)},
      {"speed",
       {{"wall_seconds", e.speed.wall_seconds},
        {"predict_seconds", e.speed.predict_seconds},
        {"predicted", e.speed.predicted}}},
  };
  write_file_atomically(path, node.dump(-1, ' ', false, json::error_handler_t::replace) + "\n");
}

Evaluation load_evaluation(const fs::path& path) {
  try {
    return parse(parse_bounded_json(read_text_file(path, kFileLimitBytes), path.string(), kJsonLimits));
  } catch (const json::exception& error) {
    fail("{}: not an evaluation written by san evaluate: {}", path.string(), json_reason(error));
  } catch (const Error& error) {
    fail("{}: not an evaluation written by san evaluate: {}", path.string(), error.what());
  }
}

Evaluation merge_evaluations(std::vector<Evaluation> shards) {
  require(!shards.empty(), "merge: no shards given");
  std::ranges::sort(shards, {}, [](const Evaluation& e) { return e.shards; });
  Evaluation out = std::move(shards.front());
  ExampleKeeper keeper(kExampleLimit);
  const auto keep = [&](Evaluation& from) {
    for (auto* list : {&from.best, &from.worst})
      for (auto& example : *list) {
        const auto same = [&](const Example& kept) { return kept.score.stem == example.score.stem; };
        if (std::ranges::none_of(keeper.best, same) && std::ranges::none_of(keeper.worst, same))
          keeper.add(std::move(example));
      }
  };
  keep(out);
  for (auto& shard : std::span(shards).subspan(1)) {
    const auto identity = [](const Evaluation& e) {
      return std::tie(e.dataset, e.split, e.predictor, e.settings, e.curve.a, e.curve.b, e.classes, e.seen,
                      e.unseen, e.shard_count);
    };
    require(identity(shard) == identity(out),
            "merge: shard {} is of {} ({}), {}, {} shards; shard {} of {} ({}), {}, {} shards: only shards "
            "of one run merge",
            fmt::join(out.shards, ","), out.dataset, out.split, out.predictor, out.shard_count,
            fmt::join(shard.shards, ","), shard.dataset, shard.split, shard.predictor, shard.shard_count);
    out.shards.insert(out.shards.end(), shard.shards.begin(), shard.shards.end());
    out.confusion.merge(shard.confusion);
    out.boundary.merge(shard.boundary);
    out.reliability.merge(shard.reliability);
    out.images.insert(out.images.end(), shard.images.begin(), shard.images.end());
    out.problems.insert(out.problems.end(), shard.problems.begin(), shard.problems.end());
    out.speed.wall_seconds += shard.speed.wall_seconds;
    out.speed.predict_seconds += shard.speed.predict_seconds;
    out.speed.predicted += shard.speed.predicted;
    keep(shard);
  }
  std::ranges::sort(out.shards);
  for (int i = 0; i < out.shard_count; ++i)
    require(static_cast<std::size_t>(out.shard_count) == out.shards.size() &&
                out.shards[static_cast<std::size_t>(i)] == i + 1,
            "merge: expected each of the shards 1 to {} once; got {}{}", out.shard_count,
            fmt::join(std::span(out.shards).first(std::min<std::size_t>(out.shards.size(), 20)), ", "),
            out.shards.size() > 20 ? fmt::format(" and {} more", out.shards.size() - 20) : "");
  out.shards = {1};
  out.shard_count = 1;
  std::ranges::sort(out.images, {}, &ImageScore::stem);
  // Every shard sees the whole folder listing and reports the same missing files.
  std::ranges::sort(out.problems);
  const auto repeated = std::ranges::unique(out.problems);
  out.problems.erase(repeated.begin(), repeated.end());
  out.best = std::move(keeper.best);
  out.worst = std::move(keeper.worst);
  return out;
}

}  // namespace san
