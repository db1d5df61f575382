#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace san::testing {

struct ProcessResult {
  int code = -1;    ///< exit status; 128 + signal when a signal ended it
  std::string out;  ///< standard output
  std::string err;  ///< standard error
};

struct ProcessOptions {
  std::filesystem::path folder;                    ///< to run in; empty: this process's
  std::map<std::string, std::string> environment;  ///< added to this process's
};

/// Runs `command` (found through PATH) to its end. Throws std::runtime_error when no process can be made.
ProcessResult run_process(const std::vector<std::string>& command, const ProcessOptions& options = {});

}  // namespace san::testing
