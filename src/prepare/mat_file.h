#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "san/codec.hpp"
#include "san/image.hpp"

namespace san {

/// The real 2-D numeric variable `name` of a MATLAB level 5 MAT-file (.mat as written by save -v6 and -v7,
/// compressed or not, either byte order) as a label map. Stored types: any integer or floating type; every
/// value must be an integer 0..65535. Throws Error, starting with `where`, for other files, malformed data,
/// other values and for more than `max_pixels` elements or 8 bytes for each of them in all variables,
/// decompressed. Source: MathWorks, "MAT-File Format", level 5.
LabelMap parse_mat_label_map(std::span<const std::byte> file, std::string_view name, const std::string& where,
                             std::int64_t max_pixels = DecodeOptions{}.max_pixels);

/// The same from a file of at most `options.max_bytes`.
LabelMap read_mat_label_map(const std::filesystem::path& path, std::string_view name,
                            const DecodeOptions& options = {});

}  // namespace san
