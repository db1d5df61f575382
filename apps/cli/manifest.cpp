#include "manifest.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "base/error.h"

namespace san::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char *kHead = "san_manifest", *kEnd = "complete";

std::string line_of(const Json& document) {
  return document.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string head_line(const Json& settings, int part, int parts) {
  return line_of({{kHead, 1}, {"part", fmt::format("{}/{}", part, parts)}, {"settings", settings}});
}

std::string row_line(const ManifestRow& row) {
  Json line{{"number", row.number}, {"input", row.input}, {"status", row.error.empty() ? "done" : "failed"}};
  if (!row.error.empty()) {
    line["error"] = row.error;
    return line_of(line);
  }
  line["width"] = row.width, line["height"] = row.height;
  line["files"] = row.files;
  line["areas"] = Json::object();
  for (const auto& [name, pixels] : row.areas) line["areas"][name] = pixels;
  return line_of(line);
}

std::string end_line() {
  return line_of({{kEnd, true}});
}

/// Reads a manifest line by line; a last line without an end was being written when the program was ended.
class Reader {
 public:
  explicit Reader(const fs::path& path) : path_(path), file_(path, std::ios::binary) {
    require(file_.good(), "{}: there is no manifest, or it cannot be read", path.string());
  }

  std::optional<Json> next() {
    std::string line;
    offset_ = file_.tellg();
    if (!std::getline(file_, line) || file_.eof()) return {};
    ++number_;
    whole_ = file_.tellg();
    Json document = Json::parse(line, nullptr, false);
    require(document.is_object(), "{}:{}: expected a JSON object", path_.string(), number_);
    return document;
  }
  Json head() {
    const auto first = next();
    require(first && first->contains(kHead) && first->contains("settings") && first->contains("part"),
            "{}: this is no manifest of `san segment`", path_.string());
    return *first;
  }
  Json at(std::int64_t offset) {
    file_.clear();
    if (file_.tellg() != offset) file_.seekg(offset);
    const auto line = next();
    require(line.has_value(), "{}: it changed while it was read", path_.string());
    return *line;
  }

  /// Throws Error with the place, for what nobody wrote.
  ManifestRow row(const Json& line) const {
    try {
      ManifestRow row;
      row.number = line.at("number");
      row.input = line.at("input");
      if (line.at("status") == "failed") {
        row.error = line.at("error");
        return row;
      }
      row.width = line.at("width"), row.height = line.at("height");
      row.files = line.at("files").get<std::vector<std::string>>();
      for (const auto& [name, pixels] : line.at("areas").items()) row.areas.emplace_back(name, pixels);
      return row;
    } catch (const nlohmann::json::exception& e) {
      fail("{}:{}: not a line of a manifest: {}", path_.string(), number_, e.what());
    }
  }

  std::int64_t offset() const { return offset_; }  ///< of the line that was read last
  std::int64_t whole() const { return whole_; }    ///< where the last whole line ends

 private:
  fs::path path_;
  std::ifstream file_;
  std::int64_t offset_ = 0, whole_ = 0;
  int number_ = 0;
};

bool is_row(const Json& line) {
  return line.contains("number");
}

/// Where the last line about each picture lies, in order.
struct Place {
  std::int64_t number, offset;
  std::size_t file;
};

std::vector<Place> places_of(Reader& reader, std::size_t file, bool* complete = nullptr) {
  std::vector<Place> places;
  bool ended = false;
  while (const auto line = reader.next()) {
    ended = line->contains(kEnd);
    if (is_row(*line)) places.push_back({reader.row(*line).number, reader.offset(), file});
  }
  if (complete != nullptr) *complete = ended;
  std::ranges::stable_sort(places, {}, &Place::number);
  std::vector<Place> last;
  for (const Place& place : places) {
    if (!last.empty() && last.back().number == place.number) last.pop_back();
    last.push_back(place);
  }
  return last;
}

void count(const ManifestRow& row, ManifestSummary& summary) {
  row.error.empty() ? ++summary.done : ++summary.failed;
}

/// A hash of a path that is never 0 (FNV-1a).
std::uint32_t hash_of(const std::string& text) {
  std::uint32_t hash = 2166136261u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return hash == 0 ? 1 : hash;
}

}  // namespace

fs::path Manifest::path_of(const fs::path& folder, int part, int parts) {
  return folder /
         (parts == 1 ? std::string("manifest.jsonl") : fmt::format("manifest-{}-of-{}.jsonl", part, parts));
}

Manifest::Manifest(const fs::path& folder, const std::string& settings, int part, int parts, bool resume)
    : path_(path_of(folder, part, parts)), parts_(parts) {
  const std::string head = head_line(Json::parse(settings), part, parts);
  resumed_ = resume && fs::exists(path_) && read_earlier(head);
  file_.open(path_, resumed_ ? std::ios::app : std::ios::trunc);
  if (!resumed_) file_ << head << std::flush;
  require(file_.good(), "{}: the manifest cannot be written", path_.string());
}

bool Manifest::read_earlier(const std::string& head) {
  Reader reader(path_);
  const auto first = reader.next();
  if (!first) return false;  // ended before its first line was whole
  require(line_of(*first) == head,
          "{}: these results were made with other settings (model, classes, or what is saved); --skip-done "
          "goes on with "
          "the same ones: choose another folder, or delete the manifest to begin anew",
          path_.string());
  while (const auto line = reader.next()) {
    if (!is_row(*line)) continue;
    const ManifestRow row = reader.row(*line);
    const auto place = static_cast<std::size_t>(row.number / parts_);
    if (done_.size() <= place) done_.resize(place + 1);
    done_[place] = row.error.empty() ? hash_of(row.input) : 0;
  }
  fs::resize_file(path_, static_cast<std::uintmax_t>(reader.whole()));
  return true;
}

bool Manifest::done(std::int64_t number, const std::string& input) const {
  const auto place = static_cast<std::size_t>(number / parts_);
  return place < done_.size() && done_[place] == hash_of(input);
}

void Manifest::add(const ManifestRow& row) {
  file_ << row_line(row) << std::flush;
  require(file_.good(), "{}: the manifest cannot be written; is there room on the disk?", path_.string());
}

void Manifest::finish() {
  file_ << end_line() << std::flush;
  require(file_.good(), "{}: the manifest cannot be written; is there room on the disk?", path_.string());
  if (!resumed_) return;
  const fs::path tidy = path_.string() + ".part";
  {
    Reader reader(path_);
    std::ofstream out(tidy, std::ios::trunc);
    out << line_of(reader.head());
    for_each_row(path_, [&](const ManifestRow& row) { out << row_line(row); });
    out << end_line() << std::flush;
    require(out.good(), "{}: cannot be written; is there room on the disk?", tidy.string());
  }
  fs::rename(tidy, path_);
}

ManifestSummary for_each_row(const fs::path& manifest, const std::function<void(const ManifestRow&)>& row) {
  Reader reader(manifest);
  reader.head();
  ManifestSummary summary;
  const std::vector<Place> places = places_of(reader, 0);
  for (const Place& place : places) {
    const ManifestRow one = reader.row(reader.at(place.offset));
    count(one, summary);
    row(one);
  }
  return summary;
}

ManifestSummary merge_manifests(const std::vector<fs::path>& folders, const fs::path& result) {
  std::set<fs::path> paths;
  for (const fs::path& folder : folders) {
    bool found = false;
    require(fs::is_directory(folder), "--merge {}: no such folder", folder.string());
    for (const auto& entry : fs::directory_iterator(folder)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with("manifest-") && name.ends_with(".jsonl"))
        paths.insert(fs::canonical(entry.path())), found = true;
    }
    require(found, "--merge {}: it holds no manifest-I-of-N.jsonl", folder.string());
  }
  const std::vector<fs::path> files(paths.begin(), paths.end());
  std::vector<Reader> readers;
  std::vector<Place> places;
  std::map<std::string, fs::path> parts;
  Json settings;
  std::string of;
  for (std::size_t i = 0; i < files.size(); ++i) {
    readers.emplace_back(files[i]);
    const Json head = readers[i].head();
    const std::string part = head["part"];
    if (i == 0) settings = head["settings"], of = part.substr(part.find('/') + 1);
    require(head["settings"] == settings && part.ends_with("/" + of),
            "--merge: {} and {} were made with different settings or numbers of parts", files[0].string(),
            files[i].string());
    const auto [known, is_new] = parts.emplace(part, files[i]);
    require(is_new, "--merge: part {} is in {} and in {}", part, known->second.string(), files[i].string());
    bool complete = false;
    const auto more = places_of(readers[i], i, &complete);
    require(complete, "--merge: {} is not complete; run its part again with --skip-done", files[i].string());
    places.insert(places.end(), more.begin(), more.end());
  }
  for (int part = 1; part <= std::stoi("0" + of); ++part)
    require(parts.contains(fmt::format("{}/{}", part, of)), "--merge: part {} of {} is missing", part, of);
  std::ranges::stable_sort(places, {}, &Place::number);

  fs::create_directories(result);
  const fs::path base = fs::canonical(result), path = Manifest::path_of(result),
                 part = path.string() + ".part";
  ManifestSummary summary;
  {
    std::ofstream out(part, std::ios::trunc);
    out << head_line(settings, 1, 1);
    for (const Place& place : places) {
      Reader& reader = readers[place.file];
      ManifestRow row = reader.row(reader.at(place.offset));
      const fs::path folder = files[place.file].parent_path();
      if (folder != base)
        for (std::string& file : row.files) file = (folder / file).lexically_relative(base).string();
      count(row, summary);
      out << row_line(row);
    }
    out << end_line() << std::flush;
    require(out.good(), "{}: cannot be written; is there room on the disk?", part.string());
  }
  fs::rename(part, path);
  return summary;
}

}  // namespace san::cli
