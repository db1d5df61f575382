#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "san/image.hpp"
#include "support/files.h"
#include "support/process.h"

namespace san::testing {

/// Runs the program in a folder of its own, with its own embedding cache, on the smallest network.
class Cli : public ::testing::Test {
 protected:
  Cli();

  ProcessResult san(std::vector<std::string> arguments) const;
  /// `segment INPUTS --model formula:tiny …`; results go to "out".
  ProcessResult segment(const std::vector<std::string>& inputs,
                        const std::vector<std::string>& more = {}) const;

  /// Writes a picture that is no constant; the same `seed` gives the same picture.
  void picture(const std::string& name, int height = 60, int width = 80, int seed = 1) const;
  std::vector<std::string> results() const { return files_below(folder_ / "out"); }
  std::string result(const std::string& name) const { return read_file(folder_ / "out" / name); }

  TemporaryFolder folder_;
};

/// Standard error without notices: what went wrong, line by line. An indented line belongs to the one before
/// it: the list of everything that does not fit.
std::vector<std::string> complaints(const ProcessResult& result);

/// The run ended with `code` and said one line "error: …" that holds `words`.
void expect_error(const ProcessResult& result, int code, const std::string& words);
void expect_success(const ProcessResult& result);

}  // namespace san::testing
