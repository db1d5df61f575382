#pragma once
#include <filesystem>
#include <span>

#include "train/task.h"

namespace san::cli {

/// Pictures in a row, true labels below them and found ones below those, as a PNG.
void write_sample_sheet(std::span<const SamplePicture> samples, const std::filesystem::path& path);

}  // namespace san::cli
