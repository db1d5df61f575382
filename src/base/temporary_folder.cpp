#include "base/temporary_folder.h"

#include <stdlib.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace san {

namespace fs = std::filesystem;

TemporaryFolder::TemporaryFolder() {
  std::string name = (fs::temp_directory_path() / "san-XXXXXX").string();
  require(::mkdtemp(name.data()) != nullptr, "{}: cannot make a temporary folder: {}", name,
          std::strerror(errno));
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace san
