#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "san/image.hpp"

namespace san {

/// The real 2-D numeric variable `name` of a MATLAB level 5 MAT-file (.mat as written by save -v6 and -v7,
/// compressed or not, either byte order) as a label map. Stored types: any integer or floating type; every
/// value must be an integer 0..65535. Throws Error, starting with `where`, for other files, malformed data,
/// other values and for more than 16 Mi elements or 128 MiB of variables, decompressed. Source: MathWorks,
/// "MAT-File Format", level 5.
LabelMap parse_mat_label_map(std::span<const std::byte> file, std::string_view name,
                             const std::string& where);

/// The same from a file.
LabelMap read_mat_label_map(const std::filesystem::path& path, std::string_view name);

}  // namespace san
