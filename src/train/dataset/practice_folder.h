#pragma once
#include <filesystem>

#include "data/dataset_spec.h"

namespace san {

/// Writes `count` JPEG pictures of 640 × 480, every third upright, with label PNGs of about eight classes
/// each and a class file, for measuring how fast real files are read: their noise makes them as large as
/// photographs (about 100 kB). Throws Error when the folder cannot be written.
DatasetSpec write_practice_folder(const std::filesystem::path& folder, int count, int classes);

}  // namespace san
