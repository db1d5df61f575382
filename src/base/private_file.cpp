#include "base/private_file.h"

#include <dlfcn.h>
#include <link.h>

#include <array>

#include "base/error.h"

namespace san {
namespace {

namespace fs = std::filesystem;

/// The folder of the shared library or program that this function was linked into.
fs::path own_folder() {
  Dl_info info{};
  link_map* object = nullptr;
  if (::dladdr1(reinterpret_cast<const void*>(&own_folder), &info, reinterpret_cast<void**>(&object),
                RTLD_DL_LINKMAP) != 0 &&
      object && object->l_name[0] != '\0')
    return fs::canonical(object->l_name).parent_path();
  return fs::read_symlink("/proc/self/exe").parent_path();  // the program's own name there is empty
}

}  // namespace

fs::path find_private_file(const std::string& name) {
  static const fs::path folder = own_folder();
  // From libsan, from the programs, from deeper in a build tree.
  const std::array<fs::path, 3> places{folder / "san", folder / SAN_PRIVATE_FOLDER,
                                       folder / ".." / SAN_PRIVATE_FOLDER};
  for (const fs::path& place : places) {
    std::error_code code;
    if (fs::is_regular_file(place / name, code)) return place / name;
  }
  fail(
      "{} is missing from this installation (looked in {}, {}); install it completely or leave its folders "
      "as they were",
      name, places[0].lexically_normal().string(), places[1].lexically_normal().string());
}

}  // namespace san
