#pragma once
#include <filesystem>
#include <string>

#include "san/image.hpp"
#include "train/task.h"

namespace san {

/// Writes a run's folder as one HTML page without references: curves from metrics.jsonl, sample predictions
/// from samples/*.png (spread over the run), a table of the last evaluation's classes. Missing parts are left
/// out.
void write_report(const std::filesystem::path& run_folder, const std::string& title);

/// An RGB picture as PNG.
std::string encode_png_bytes(const Image& image);

/// Pictures above one another: inputs, true labels, predicted labels; each cut to `side` pixels by leaving
/// out rows and columns. Labels get colours of their own, `ignore` grey.
class SampleSheet {
 public:
  explicit SampleSheet(int side) : side_(side) {}
  void add(const std::uint8_t* rgb, const std::uint16_t* truth, const std::uint16_t* predicted, int height,
           int width, std::uint16_t ignore);
  Image image() const;

 private:
  int side_;
  std::vector<Image> columns_;
};

}  // namespace san
