#pragma once
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "base/temporary_folder.h"
#include "export/node_runtime.h"

namespace san {

/// As missing_onnx_runtime(); the build folder's packages are there for all that follows.
inline std::string find_onnx_runtime() {
  const std::filesystem::path built = std::filesystem::path(SAN_BINARY_DIR) / "node";
  if (std::filesystem::exists(built)) ::setenv("SAN_ONNXRUNTIME_DIR", built.c_str(), 0);
  return missing_onnx_runtime();
}

/// Tests that run graphs: skipped, saying so, where ONNX Runtime is missing.
class RuntimeTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string missing = find_onnx_runtime(); !missing.empty())
      GTEST_SKIP() << "ONNX Runtime is not tried: " << missing
                   << "; `cmake --build BUILD --target node_packages` fetches it";
  }
  const TemporaryFolder folder_;
};

}  // namespace san
