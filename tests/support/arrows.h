#pragma once
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace san::testing {

/// What the build files say of one folder of src/ (or of the programs).
struct Room {
  std::string folder;                     ///< below src/, such as "backend/native"
  std::set<std::string> deps, test_deps;  ///< names of other rooms, as targets: "backend_native"; or "libsan"
};

/// The rooms by target name, from every san_module(...) of the build file's text.
std::map<std::string, Room> parse_rooms(const std::string& cmake);

/// A program's room, which no san_module() declares: what its build file's target_link_libraries() name.
Room linked_room(const std::string& folder, const std::string& cmake);

/// Everything `names` reach along their DEPS, themselves included.
std::set<std::string> reachable(const std::map<std::string, Room>& rooms, const std::set<std::string>& names);

/// One "file:line: why" for every include of the tree below `root` that goes against the arrows, cannot be
/// found, or brings in a library where it does not belong. `programs`: what the programs of apps/ may use.
std::vector<std::string> wrong_includes(const std::filesystem::path& root,
                                        const std::map<std::string, Room>& rooms);

/// One line for every arrow that a map shows and the build files do not have, or that it lacks. A map is a
/// document's fenced block of lines "room → room, room", each above all that it names.
std::vector<std::string> wrong_arrows(const std::string& markdown, const std::map<std::string, Room>& rooms);

}  // namespace san::testing
