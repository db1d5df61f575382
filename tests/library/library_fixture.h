#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "san/san.hpp"
#include "support/files.h"

namespace san::testing {

/// A picture that is no constant.
inline Image picture(int height, int width, int seed = 1) {
  Image image(height, width);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width * 3; ++x)
      image.row(y)[x] = static_cast<std::uint8_t>((y * 3 + x * 5 * seed + (x / 24) * (y / 16) * 40) % 256);
  return image;
}

/// The smallest network, with an embedding cache of its own.
class Library : public ::testing::Test {
 protected:
  Library() { ::setenv("SAN_CACHE_DIR", (folder_ / "cache").c_str(), 1); }

  TemporaryFolder folder_;
};

}  // namespace san::testing
