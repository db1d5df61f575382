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
  std::set<std::string> deps, test_deps;  ///< names of other rooms, as targets: "backend_native"
};

/// The rooms by target name, from every san_module(...) of the build file's text.
std::map<std::string, Room> parse_rooms(const std::string& cmake);

/// Everything `names` reach along their DEPS, themselves included.
std::set<std::string> reachable(const std::map<std::string, Room>& rooms, const std::set<std::string>& names);

/// One "file:line: why" for every include of the tree below `root` that goes against the arrows, cannot be
/// found, or brings in a library where it does not belong. `programs`: what the programs of apps/ may use.
std::vector<std::string> wrong_includes(const std::filesystem::path& root,
                                        const std::map<std::string, Room>& rooms);

}  // namespace san::testing
