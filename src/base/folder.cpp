#include "base/folder.h"

#include "base/error.h"
#include "base/utf8.h"

namespace san {

void make_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  require(!error && std::filesystem::is_directory(folder), "{}: cannot create the folder: {}",
          printable(folder.string()), error ? error.message() : "something else has that name");
}

}  // namespace san
