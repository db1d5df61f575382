#pragma once
#include <memory>

#include "engine/engine.h"

// For tests of what stands on an engine.
namespace san::test {

/// Neither read from the cache nor written there.
inline std::shared_ptr<const TextEmbeddings> encode(const Engine& engine, const char* classes) {
  Engine::VocabularyOptions options;
  options.use_cache = false;
  options.quiet = true;
  return engine.encode(parse_class_list(classes), options);
}

/// Every pixel unlike its neighbours.
inline Image pattern(int height, int width) {
  Image image(height, width);
  for (std::size_t i = 0; i < image.rgb.size(); ++i)
    image.rgb[i] = static_cast<std::uint8_t>(i * 2654435761u >> 9);
  return image;
}

}  // namespace san::test
