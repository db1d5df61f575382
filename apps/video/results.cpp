#include "results.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/log.h"
#include "base/utf8.h"
#include "san/codec.hpp"
#include "san/draw.hpp"

namespace san::video {

namespace fs = std::filesystem;

/// One JSON object a line, in a file that has its name when all are there.
class Results::JsonLines {
 public:
  explicit JsonLines(const fs::path& path) : file_(path) {}
  void write(const nlohmann::ordered_json& line) { file_.write(line.dump() + "\n"); }
  void finish() { file_.commit(); }

 private:
  AtomicFile file_;
};

namespace {

constexpr std::size_t kNarrowLabels = 256, kPaletteColors = 256;

std::string container_of(const Arguments& a, const Source& source) {
  if (a.format == "webm") return "webm";
  if (a.format == "mkv") return "matroska";
  if (a.format == "mp4" || a.no_sound || takes_sound(source, "mp4")) return "mp4";
  log::info("the sound ({}) does not go into mp4: writing .mkv", sound_of(source));
  return "matroska";
}

const char* ending_of(const std::string& container) {
  return container == "matroska" ? ".mkv" : container == "webm" ? ".webm" : ".mp4";
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  require(!error && fs::is_directory(folder), "{}: cannot create the folder: {}", folder.string(),
          error ? error.message() : "something else has that name");
}

}  // namespace

Results::Results(const Arguments& a, const Source& source, const std::string& stem, std::vector<Rgb> colors)
    : arguments_(a), colors_(std::move(colors)), tick_(source.facts().time_base.value()) {
  make_folder(a.output);
  const fs::path base = fs::path(a.output) / stem;
  const auto named = [&](const std::string& ending) { return fs::path(base.string() + ending); };
  VideoFileOptions o;
  o.height = source.facts().height;
  o.width = source.facts().width;
  o.growing = source.facts().live;
  if (a.saves("video")) {
    o.container = container_of(a, source);
    o.coding = o.container == "webm" ? Coding::kVp9 : Coding::kH264;
    o.quality = a.quality;
    o.sound = !a.no_sound;
    const fs::path path = named(std::string(".overlay") + ending_of(o.container));
    overlay_.emplace(path, source, o);
    files_.push_back(path.string());
  }
  if (a.saves("labels") && a.labels_as == "ffv1") {
    o.container = "matroska";
    o.coding = Coding::kFfv1;
    o.sound = false;
    o.wide = colors_.size() >= kNarrowLabels;  // "other" is one more
    const fs::path path = named(".labels.mkv");
    labels_.emplace(path, source, o);
    files_.push_back(path.string());
  }
  if (a.saves("labels") && a.labels_as == "png") {
    label_folder_ = named(".labels");
    make_folder(label_folder_);
    files_.push_back(label_folder_.string() + "/");
  }
  if (a.saves("json")) {
    const fs::path path = named(".frames.jsonl");
    json_ = std::make_unique<JsonLines>(path);
    files_.push_back(path.string());
  }
}

Results::~Results() = default;

void Results::write(Work& work) {
  const Frame& frame = work.frame;
  if (overlay_) {
    overlay_->write_sound(frame.sound);
    paint_overlay(work.frame.image, work.result, colors_);
    overlay_->write(frame.image, frame);
  }
  if (labels_) labels_->write(work.result.labels, frame);
  if (!label_folder_.empty()) {
    std::vector<Rgb> palette = colors_;
    if (arguments_.background == "other") palette.push_back(kOtherColor);
    if (palette.size() > kPaletteColors) palette.clear();
    save_file(label_folder_ / fmt::format("{:05}.png", frame.number),
              encode_labels(work.result.labels, palette));
  }
  if (json_) write_json(work);
}

void Results::write_json(const Work& work) {
  const std::vector<std::string>& names = work.result.classes();
  nlohmann::ordered_json areas = nlohmann::ordered_json::object();
  for (std::size_t k = 0; k < work.result.areas.size(); ++k)
    if (work.result.areas[k] > 0) areas[k < names.size() ? names[k] : "other"] = work.result.areas[k];
  const double waited =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - work.frame.taken).count();
  json_->write({{"frame", work.frame.number},
                {"seconds", static_cast<double>(work.frame.time) * tick_},
                {"from", work.carried ? "motion" : "network"},
                {"latency_ms", std::round(waited * 10) / 10},
                {"areas", areas}});
}

void Results::write_sound(const std::vector<PacketPtr>& sound) {
  if (overlay_) overlay_->write_sound(sound);
}

void Results::finish() {
  if (overlay_) overlay_->finish();
  if (labels_) labels_->finish();
  if (json_) json_->finish();
}

std::string stem_of(const std::string& input) {
  if (input == "-") return "stdin";
  if (input.find("://") != input.npos) return "stream";
  std::string stem = fs::path(input).stem().string();
  if (stem.find('%') != stem.npos) {  // numbered pictures are called as their folder
    stem = fs::path(input).parent_path().filename().string();
    if (stem.empty() || stem == ".") stem = "frames";
  }
  return stem.empty() ? "video" : stem;
}

}  // namespace san::video
