#include "video_companion.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <vector>

#include "program/companion.h"

namespace san::cli {
namespace {

std::vector<std::string> words_of(const Program& program) {
  std::vector<std::string> words;
  for (char** word = program.arguments + 1; *word != nullptr; ++word) words.emplace_back(*word);
  return words;
}

/// By its name alone: the ending of a file, a pattern, an address, a camera.
bool is_video(const std::string& word) {
  if (word.starts_with('-')) return false;
  if (word.starts_with("/dev/video") || word.find("://") != word.npos) return true;
  if (const std::size_t at = word.find('%'); at != word.npos) {  // numbered pictures, frames/%05d.png
    const std::size_t end = word.find_first_not_of("0123456789", at + 1);
    if (end != word.npos && word[end] == 'd') return true;
  }
  std::string ending = std::filesystem::path(word).extension().string();
  std::ranges::transform(ending, ending.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  static const std::set<std::string> known{".mp4", ".m4v",  ".mov", ".mkv", ".webm", ".avi",
                                           ".mpg", ".mpeg", ".ts",  ".mts", ".m2ts", ".ogv",
                                           ".flv", ".wmv",  ".3gp", ".y4m", ".mxf",  ".gif"};
  return known.contains(ending);
}

}  // namespace

bool segments_video(const Program& program) {
  static const std::set<std::string> taking_a_value{
      "-o", "--output", "-c", "--classes", "--classes-file", "-m", "--model", "--sheet", "--cache-dir"};
  static const std::set<std::string> for_videos{"-i",     "--input",  "--temporal", "--every",
                                                "--live", "--stride", "--labels-as"};
  std::string before;  // the word before, where a value follows it
  bool segment = false;
  for (const std::string& word : words_of(program)) {
    const bool saved = before == "-s" || before == "--save";
    if (!segment && !word.starts_with('-')) {
      if (word != "segment") return false;
      segment = true;
    } else if (taking_a_value.contains(before)) {
      before.clear();
    } else if (for_videos.contains(word.substr(0, word.find('='))) || is_video(word) ||
               (saved && ("," + word + ",").find(",video,") != std::string::npos)) {
      return segment;
    } else {
      before = word;
    }
  }
  return false;
}

void run_video_companion(const Program& program) {
  std::vector<std::string> words = words_of(program);
  // The command's own word is what the companion's name says already.
  const auto command =
      std::ranges::find_if(words, [](const std::string& word) { return !word.starts_with('-'); });
  if (command != words.end()) words.erase(command);
  words.insert(words.begin(), program.arguments[0]);
  become_companion(
      "san-video", words,
      "that program reads and writes videos, in builds with libavformat-dev and libopencv-video-dev");
}

}  // namespace san::cli
