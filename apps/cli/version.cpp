#include "san/version.hpp"

#include <fmt/format.h>

#include "backend/factory/factory.h"
#include "backend/native/native_backend.h"
#include "embedded/commit.h"
#include "program.h"

namespace san::cli {

std::string version_text() {
  std::string backends = fmt::format("{}", fmt::join(backend_names(), ", "));
#ifndef SAN_WITH_TORCH
  if (std::filesystem::exists(torch_companion())) backends += ", torch (by san-torch)";
#endif
  return fmt::format("san {}, commit {}\ninstruction set: {}\nbackends: {}", version(), kCommit,
                     native_instruction_set(), backends);
}

}  // namespace san::cli
