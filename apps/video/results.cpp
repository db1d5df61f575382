#include "results.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/folder.h"
#include "base/log.h"
#include "base/utf8.h"
#include "san/codec.hpp"
#include "san/draw.hpp"

namespace san::video {

namespace fs = std::filesystem;

class Results::JsonLines {
 public:
  explicit JsonLines(const fs::path& path) : file_(path) {}
  void write(const nlohmann::ordered_json& line) { file_.write(line.dump() + "\n"); }
  void append(const fs::path& part) { file_.write(read_text_file(part)); }
  void finish() { file_.commit(); }

 private:
  AtomicFile file_;
};

namespace {

constexpr std::size_t kNarrowLabels = 256, kMostLabels = 65536, kPaletteColors = 256;
constexpr const char *kOverlayPart = ".overlay", *kLabelsPart = ".labels", *kJsonPart = ".frames.jsonl";

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

}  // namespace

Results::Results(const Arguments& a, const Source& source, const std::string& stem, std::vector<Rgb> colors,
                 bool other, Parts* parts)
    : arguments_(a),
      source_(source),
      colors_(std::move(colors)),
      other_(other),
      tick_(source.facts().time_base.value()),
      parts_(parts) {
  make_folder(a.output);
  plan(stem);
  files_ = open(/*part=*/false);       // what cannot be written is said now
  if (parts_ != nullptr) files_ = {};  // and begun again when the parts are joined
}

Results::~Results() = default;

void Results::plan(const std::string& stem) {
  const Arguments& a = arguments_;
  const fs::path base = fs::path(a.output) / stem;
  const auto named = [&](const std::string& ending) {
    names_.push_back(base.string() + ending);
    return fs::path(names_.back());
  };
  require(!a.saves("labels") || colors_.size() < kMostLabels,
          "--save labels: {} classes, but frames of labels tell {} apart", colors_.size(), kMostLabels - 1);
  VideoFileOptions o;
  o.height = source_.facts().height;
  o.width = source_.facts().width;
  o.growing = source_.facts().live;
  if (a.saves("video")) {
    o.container = container_of(a, source_);
    o.coding = o.container == "webm" ? Coding::kVp9 : Coding::kH264;
    o.quality = a.quality;
    o.sound = !a.no_sound;
    overlay_ = {named(std::string(".overlay") + ending_of(o.container)), o};
  }
  if (a.saves("labels") && a.labels_as == "ffv1") {
    o.container = "matroska";
    o.coding = Coding::kFfv1;
    o.sound = false;
    o.wide = colors_.size() >= kNarrowLabels;  // "other" is one more
    labels_ = {named(".labels.mkv"), o};
  }
  if (a.saves("labels") && a.labels_as == "png") {
    label_folder_ = named(".labels");
    names_.back() += "/";
    make_folder(label_folder_);
  }
  if (a.saves("json")) json_ = {named(".frames.jsonl")};
}

Results::Files Results::open(bool part) const {
  const std::size_t index = part ? parts_->whole().size() : 0;
  if (part) parts_->begin();
  Files files;
  const auto video = [&](const Planned& planned, const char* ending) -> std::unique_ptr<VideoFile> {
    if (planned.path.empty()) return nullptr;
    VideoFileOptions options = planned.options;
    options.part = part;
    return std::make_unique<VideoFile>(part ? parts_->file(index, ending) : planned.path, source_, options);
  };
  files.overlay = video(overlay_, kOverlayPart);
  files.labels = video(labels_, kLabelsPart);
  if (!json_.path.empty())
    files.json = std::make_unique<JsonLines>(part ? parts_->file(index, kJsonPart) : json_.path);
  return files;
}

void Results::Files::finish() {
  if (overlay) overlay->finish();
  if (labels) labels->finish();
  if (json) json->finish();
}

void Results::write(Work& work) {
  const Frame& frame = work.frame;
  if (parts_ != nullptr && (work.first_of_part || !open_)) {
    if (open_) end_part();
    files_ = open(/*part=*/true);
    part_ = {};
    open_ = true;
  }
  part_.next = frame.number + arguments_.stride;
  ++part_.frames;
  part_.sound = frame.sound_read;
  if (files_.overlay) {
    files_.overlay->write_sound(frame.sound);
    paint_overlay(work.frame.image, work.result, colors_);
    files_.overlay->write(frame.image, frame);
  }
  if (files_.labels) files_.labels->write(work.result.labels, frame);
  if (!label_folder_.empty()) {
    std::vector<Rgb> palette = colors_;
    if (other_) palette.push_back(kOtherColor);
    if (palette.size() > kPaletteColors) palette.clear();
    save_file(label_folder_ / fmt::format("{:05}.png", frame.number),
              encode_labels(work.result.labels, palette));
  }
  if (files_.json) write_json(work);
}

/// The part is whole.
void Results::end_part() {
  files_.finish();
  parts_->add(part_);
  open_ = false;
}

void Results::join(std::size_t parts) {
  files_ = open(/*part=*/false);
  for (std::size_t i = 0; i < parts; ++i) {
    if (files_.overlay) files_.overlay->append(parts_->file(i, kOverlayPart));
    if (files_.labels) files_.labels->append(parts_->file(i, kLabelsPart));
    if (files_.json) files_.json->append(parts_->file(i, kJsonPart));
  }
}

void Results::write_json(const Work& work) {
  const std::vector<std::string>& names = work.result.classes();
  nlohmann::ordered_json areas = nlohmann::ordered_json::object();
  for (std::size_t k = 0; k < work.result.areas.size(); ++k)
    if (work.result.areas[k] > 0) areas[k < names.size() ? names[k] : "other"] = work.result.areas[k];
  const double waited =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - work.frame.taken).count();
  files_.json->write({{"frame", work.frame.number},
                      {"seconds", static_cast<double>(work.frame.time) * tick_},
                      {"from", work.carried ? "motion" : "network"},
                      {"latency_ms", std::round(waited * 10) / 10},
                      {"areas", areas}});
}

void Results::write_sound(const std::vector<PacketPtr>& sound) {
  if (files_.overlay) files_.overlay->write_sound(sound);
}

void Results::finish(bool whole) {
  if (parts_ != nullptr) {
    std::size_t parts = parts_->whole().size();
    if (open_ && whole) {
      part_.last = true;
      end_part();
      ++parts;
    } else if (open_) {
      files_.finish();  // as far as it goes; the run that goes on does it again
      ++parts;
    }
    join(parts);
  }
  files_.finish();
  if (parts_ != nullptr && whole) parts_->remove(arguments_.skip_done ? names_ : std::vector<std::string>());
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
