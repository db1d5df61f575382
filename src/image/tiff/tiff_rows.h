#pragma once
#include <cstddef>
#include <span>

#include "image/sandbox/pixel_sink.h"

/// TIFFs of any size by libtiff, which a helper program alone links. The file lies mapped in memory; every
/// function throws Error (without the file's name, which the helper does not know).
namespace san::tiff {

/// Whatever libtiff does once.
void warm_up();
/// TiffFacts and tags of src/image/sandbox/protocol.h, as one row of bytes.
void read_facts(std::span<const std::byte> file, const PixelSink& sink);
/// `rows` rows from `row` on as RGB.
void read_rows(std::span<const std::byte> file, int row, int rows, const PixelSink& sink);

}  // namespace san::tiff
