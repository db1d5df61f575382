#include "arrows.h"

#include <algorithm>
#include <regex>
#include <sstream>

#include "files.h"

namespace san::testing {
namespace {

namespace fs = std::filesystem;

std::string without_comments(const std::string& cmake) {
  std::string text;
  for (const std::string& line : lines_of(cmake)) text += line.substr(0, line.find('#')) + "\n";
  return text;
}

std::string target_of(std::string folder) {
  std::ranges::replace(folder, '/', '_');
  return folder;
}

// Libraries that belong to few folders only: the rest of the house must build without them.
struct Confined {
  const char* header;
  std::set<std::string> rooms;
};
const std::vector<Confined>& confined() {
  static const std::vector<Confined> kRules{
      {"torch/", {"backend_torch", "train"}},
      {"ATen/", {"backend_torch", "train"}},
      {"c10/", {"backend_torch", "train"}},
      {"hwy/", {"backend_native", "labels", "simd"}},
      {"CLI/",
       {"apps_cli", "apps_export", "apps_pull", "apps_video", "apps_world", "program", "program_words"}},
      {"libavcodec/", {"video"}},
      {"libavformat/", {"video"}},
      {"libavutil/", {"video"}},
      {"libswscale/", {"video"}},
      {"librsvg/", {"apps_world"}},
      {"tiffio.h", {"image_tiff"}},
      {"curl/", {"hub_fetch"}},
      {"onnx/", {"backend_onnx"}},
      {"google/protobuf/", {"backend_onnx"}}};
  return kRules;
}

// The shared library is a door, not a room: who stands on it sees include/san alone.
std::string room_of_target(const std::string& target) {
  return target == "san_shared" ? "libsan" : target.substr(std::string("san_").size());
}

class Checker {
 public:
  Checker(fs::path root, const std::map<std::string, Room>& rooms) : root_(std::move(root)), rooms_(rooms) {
    for (const auto& [name, room] : rooms)
      if (std::ranges::any_of(room.deps, [&, n = name](const std::string& dep) {
            return rooms_.contains(dep) && reachable(rooms_, {dep}).contains(n);
          }))
        problems_.push_back("src/CMakeLists.txt:1: " + name + " reaches itself along its DEPS");
  }

  void check(const std::string& file) {
    static const std::regex kInclude(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])");
    const std::string room = room_of(file);
    int number = 0;
    for (const std::string& line : lines_of(read_file(root_ / file))) {
      ++number;
      std::smatch match;
      if (!std::regex_search(line, match, kInclude)) continue;
      const std::string why = match[1] == "<" ? wrong_library(room, match[2]) : wrong(file, room, match[2]);
      if (!why.empty())
        problems_.push_back(file + ":" + std::to_string(number) + ": " + match[2].str() + ": " + why);
    }
  }

  std::vector<std::string> problems() const { return problems_; }

 private:
  // The longest folder wins: backend/native is not backend.
  std::string room_of(const std::string& file) const {
    if (file.starts_with("apps/")) {
      const std::string program = target_of(fs::path(file).parent_path().string());
      return rooms_.contains(program) ? program : "";
    }
    if (!file.starts_with("src/")) return file.substr(0, file.find('/'));
    for (fs::path folder = fs::path(file).parent_path(); folder != "src"; folder = folder.parent_path()) {
      const std::string name = target_of(folder.lexically_relative("src").string());
      if (rooms_.contains(name)) return name;
    }
    return "";
  }

  static std::string wrong_library(const std::string& room, const std::string& header) {
    for (const Confined& rule : confined())
      if (header.starts_with(rule.header) && !rule.rooms.contains(room))
        return std::string(room) + " must build without it";
    return "";
  }

  std::string wrong(const std::string& file, const std::string& room, const std::string& header) const {
    if (header.starts_with("embedded/")) return "";
    if (fs::exists(root_ / "include" / header)) return "";
    if (room.empty()) return "this file's folder is no san_module";
    const fs::path beside = fs::path(file).parent_path() / header;
    std::string target = "src/" + header;
    if (!fs::exists(root_ / target)) target = beside.lexically_normal().string();
    if (!fs::exists(root_ / target)) return "no such file in src/, include/ or beside this one";
    const std::string other = room_of(target);
    if (other == room) return "";
    if (room == "include") return "the public headers may include only each other";
    std::set<std::string> from{room};
    const Room& own = rooms_.at(room);
    if (file.ends_with("_test.cpp")) from.insert(own.test_deps.begin(), own.test_deps.end());
    return reachable(rooms_, from).contains(other) ? "" : "no arrow leads from " + room + " to " + other;
  }

  fs::path root_;
  const std::map<std::string, Room>& rooms_;
  std::vector<std::string> problems_;
};

}  // namespace

std::map<std::string, Room> parse_rooms(const std::string& cmake) {
  std::map<std::string, Room> rooms;
  const std::string text = without_comments(cmake);
  static const std::regex kModule(R"(san_module\(([^)]*)\))");
  for (std::sregex_iterator it(text.begin(), text.end(), kModule), end; it != end; ++it) {
    std::istringstream words((*it)[1].str());
    Room room;
    words >> room.folder;
    std::set<std::string>* list = nullptr;
    for (std::string word; words >> word;) {
      if (word == "DEPS" || word == "WHOLE_DEPS")
        list = &room.deps;
      else if (word == "TEST_DEPS")
        list = &room.test_deps;
      else if (word == "LIBS" || word == "PRIVATE_LIBS" || word == "TEST_LIBS" || word == "WHOLE")
        list = nullptr;
      else if (list != nullptr)
        list->insert(word);
      else if (word == "san_shared")
        room.deps.insert(room_of_target(word));
    }
    rooms[target_of(room.folder)] = room;
  }
  return rooms;
}

Room linked_room(const std::string& folder, const std::string& cmake) {
  Room room{folder, {}, {}};
  const std::string text = without_comments(cmake);
  static const std::regex kLinked(R"(target_link_libraries\(([^)]*)\))"), kTarget(R"(\bsan_([a-z_]+)\b)");
  for (std::sregex_iterator call(text.begin(), text.end(), kLinked), end; call != end; ++call) {
    const std::string words = (*call)[1].str();
    // The first word is who links.
    for (std::sregex_iterator it(words.begin() + words.find(' '), words.end(), kTarget); it != end; ++it)
      room.deps.insert(room_of_target(it->str()));
  }
  return room;
}

std::set<std::string> reachable(const std::map<std::string, Room>& rooms,
                                const std::set<std::string>& names) {
  std::set<std::string> seen;
  std::vector<std::string> open(names.begin(), names.end());
  while (!open.empty()) {
    const std::string name = open.back();
    open.pop_back();
    if (!seen.insert(name).second) continue;
    if (const auto room = rooms.find(name); room != rooms.end())
      open.insert(open.end(), room->second.deps.begin(), room->second.deps.end());
  }
  return seen;
}

std::vector<std::string> wrong_arrows(const std::string& markdown, const std::map<std::string, Room>& rooms) {
  struct Line {
    int number;
    std::set<std::string> to;
  };
  std::map<std::string, Line> drawn;
  static const std::regex kArrow(R"(\s*(\S*)\s+→\s+([^#]*).*)");
  std::string from;  // a line that begins with an arrow goes on with the room before
  int number = 0;
  bool inside = false;
  for (const std::string& line : lines_of(markdown)) {
    ++number;
    if (line.starts_with("```")) inside = !inside;
    std::smatch match;
    if (!inside || !std::regex_match(line, match, kArrow)) continue;
    if (match[1].length() != 0) from = target_of(match[1]);
    Line& room = drawn.try_emplace(from, Line{number, {}}).first->second;
    std::istringstream names(match[2]);
    for (std::string name; names >> name;) room.to.insert(target_of(name.substr(0, name.find(','))));
  }

  std::vector<std::string> problems;
  for (const auto& [room, line] : drawn)
    for (const std::string& to : line.to) {
      const std::string arrow = "line " + std::to_string(line.number) + ": " + room + " → " + to + ": ";
      if (!rooms.contains(room) || !rooms.at(room).deps.contains(to))
        problems.push_back(arrow + "the build has no such arrow");
      if (drawn.contains(to) && drawn.at(to).number <= line.number)
        problems.push_back(arrow + "must stand above the line of " + to);
    }
  for (const auto& [name, room] : rooms)
    for (const std::string& to : room.deps)
      if ((rooms.contains(to) || to == "libsan") && !(drawn.contains(name) && drawn.at(name).to.contains(to)))
        problems.push_back(name + " → " + to + " is missing");
  return problems;
}

std::vector<std::string> wrong_includes(const fs::path& root, const std::map<std::string, Room>& rooms) {
  Checker checker(root, rooms);
  for (const char* folder : {"include", "src", "apps"})
    for (const std::string& file : files_below(root / folder))
      if (file.ends_with(".h") || file.ends_with(".hpp") || file.ends_with(".cpp"))
        checker.check(std::string(folder) + "/" + file);
  return checker.problems();
}

}  // namespace san::testing
