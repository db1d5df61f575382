#include "parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/atomic_file.h"
#include "base/bounded_json.h"
#include "base/error.h"
#include "base/folder.h"
#include "base/utf8.h"

namespace san::video {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRecord = "run.json";
constexpr std::size_t kMostRecordBytes = std::size_t{64} << 20;

nlohmann::json read_json(const fs::path& path) {
  return parse_bounded_json(read_text_file(path, kMostRecordBytes), printable(path.string()));
}

void write_json(const fs::path& path, const nlohmann::ordered_json& value) {
  write_file_atomically(path, value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

Part part_from(const nlohmann::json& value, const fs::path& path) {
  const auto number = [&](const char* key) {
    require(value.is_object() && value.contains(key) && value[key].is_number_unsigned(),
            "{}: damaged: \"{}\" is missing; leave out --skip-done to begin anew", printable(path.string()),
            key);
    return value[key].get<std::int64_t>();
  };
  Part part{number("next"), number("frames"), {}, number("last") != 0};
  require(value.contains("sound") && value["sound"].is_array(), "{}: damaged", printable(path.string()));
  for (const nlohmann::json& count : value["sound"])
    part.sound.push_back(count.is_number_unsigned() ? count.get<std::int64_t>() : 0);
  return part;
}

}  // namespace

Parts::Parts(fs::path folder, const nlohmann::ordered_json& settings, bool go_on)
    : folder_(std::move(folder)), settings_(settings) {
  std::error_code error;
  const fs::path record = folder_ / kRecord;
  if (go_on && fs::exists(record, error)) {
    const nlohmann::json earlier = read_json(record);
    require(earlier.is_object() && earlier.value("settings", nlohmann::json()) == nlohmann::json(settings_),
            "{}: what is there was made with other settings; leave out --skip-done to begin anew, or give "
            "another --output",
            printable(folder_.string()));
    const nlohmann::json files = earlier.value("files", nlohmann::json());
    if (files.empty()) {
      begun_ = true;
      read_whole_parts();
    } else {  // joined; anew where somebody has removed a result
      done_before_ = std::ranges::all_of(files, [&](const nlohmann::json& file) {
        return file.is_string() && fs::exists(file.get<std::string>(), error);
      });
    }
  }
}

void Parts::begin() {
  if (begun_) return;
  std::error_code error;
  fs::remove_all(folder_, error);
  make_folder(folder_);
  write_json(folder_ / kRecord, {{"settings", settings_}});
  begun_ = true;
}

void Parts::read_whole_parts() {
  std::error_code error;
  while (whole_.empty() || !whole_.back().last) {
    const fs::path note = file(whole_.size(), ".json");
    if (!fs::exists(note, error)) return;
    whole_.push_back(part_from(read_json(note), note));
  }
}

std::int64_t Parts::frames() const {
  return std::accumulate(whole_.begin(), whole_.end(), std::int64_t{0},
                         [](std::int64_t sum, const Part& part) { return sum + part.frames; });
}

fs::path Parts::file(std::size_t index, const std::string& ending) const {
  return folder_ / fmt::format("{:05}{}", index, ending);
}

void Parts::add(const Part& part) {
  write_json(
      file(whole_.size(), ".json"),
      {{"next", part.next}, {"frames", part.frames}, {"sound", part.sound}, {"last", part.last ? 1 : 0}});
  whole_.push_back(part);
}

void Parts::remove(std::span<const std::string> files) {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
  if (files.empty()) return;
  fs::create_directories(folder_, ignored);
  write_json(folder_ / kRecord,
             {{"settings", settings_}, {"files", std::vector<std::string>(files.begin(), files.end())}});
}

}  // namespace san::video
