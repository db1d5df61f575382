#pragma once
#include <cstddef>
#include <functional>
#include <string>

namespace san {

/// Where a decoder puts what it decodes.
struct PixelSink {
  /// Called once, as soon as the upright size is known and before any sample is written: memory for height ×
  /// width × samples. Throws Error when the size is refused.
  std::function<std::byte*(int height, int width)> allocate;
  /// Where somebody waits for the samples: the first `bytes` will not change any more. Now and then, rising;
  /// may never be called.
  std::function<void(std::size_t bytes)> written{};
  /// Something worth a warning that did not keep the picture from being decoded.
  std::function<void(const std::string& text)> note{};
};

}  // namespace san
