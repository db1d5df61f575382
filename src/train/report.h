#pragma once
#include <filesystem>
#include <string>

namespace san {

/// Writes a run's folder as one HTML page without references: curves from metrics.jsonl, sample predictions
/// from samples/*.png (spread over the run), a table of the last evaluation's classes. Missing parts are left
/// out.
void write_report(const std::filesystem::path& run_folder, const std::string& title);

}  // namespace san
