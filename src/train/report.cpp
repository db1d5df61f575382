#include "train/report.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/hash.h"
#include "embedded/training_report.h"
#include "eval/base64.h"

namespace san {
namespace {

using nlohmann::json;
constexpr std::size_t kMostPoints = 1500, kMostSheets = 6;

void append_big_endian(std::string& out, std::uint32_t value) {
  for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(value >> shift & 255);
}

void append_chunk(std::string& png, const std::string& type, const std::string& data) {
  append_big_endian(png, static_cast<std::uint32_t>(data.size()));
  const std::string body = type + data;
  png += body;
  append_big_endian(png, static_cast<std::uint32_t>(::crc32(0, reinterpret_cast<const Bytef*>(body.data()),
                                                            static_cast<uInt>(body.size()))));
}

// Far apart for neighbouring numbers, the same in every picture.
std::array<std::uint8_t, 3> label_color(std::uint16_t label) {
  const std::uint64_t h = splitmix64(label);
  return {static_cast<std::uint8_t>(40 + h % 200), static_cast<std::uint8_t>(40 + (h >> 16) % 200),
          static_cast<std::uint8_t>(40 + (h >> 32) % 200)};
}

// Records of the metrics file; of many, evenly spread ones.
json read_metrics(const std::filesystem::path& path) {
  json steps = json::array(), evaluations = json::array(), classes = json::array();
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    json record = json::parse(line, nullptr, false);
    if (!record.is_object()) continue;
    if (const auto found = record.find("classes"); found != record.end()) {
      classes = std::move(*found);
      record.erase(found);
    }
    (record.contains("evaluation") ? evaluations : steps).push_back(std::move(record));
  }
  if (steps.size() > kMostPoints) {
    json thinned = json::array();
    for (std::size_t i = 0; i < kMostPoints; ++i)
      thinned.push_back(steps[i * (steps.size() - 1) / (kMostPoints - 1)]);
    steps = std::move(thinned);
  }
  return {{"steps", steps}, {"evaluations", evaluations}, {"classes", classes}};
}

json read_sheets(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  if (std::filesystem::is_directory(folder))
    for (const auto& entry : std::filesystem::directory_iterator(folder))
      if (entry.path().extension() == ".png") paths.push_back(entry.path());
  std::ranges::sort(paths);
  json sheets = json::array();
  const std::size_t count = std::min(kMostSheets, paths.size());
  for (std::size_t i = 0; i < count; ++i) {
    const auto& path = paths[count == 1 ? paths.size() - 1 : i * (paths.size() - 1) / (count - 1)];
    sheets.push_back({{"name", path.stem().string()}, {"png", base64_encode(read_text_file(path))}});
  }
  return sheets;
}

}  // namespace

std::string encode_png_bytes(const Image& image) {
  std::string rows;
  for (int y = 0; y < image.height; ++y) {
    rows += '\0';  // no filter
    rows.append(reinterpret_cast<const char*>(image.row(y)), image.row_bytes());
  }
  uLongf size = ::compressBound(static_cast<uLong>(rows.size()));
  std::string packed(size, '\0');
  require(
      ::compress2(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(rows.data()),
                  static_cast<uLong>(rows.size()), Z_BEST_SPEED) == Z_OK,
      "cannot compress a picture of {}×{}", image.height, image.width);
  packed.resize(size);
  std::string header;
  append_big_endian(header, static_cast<std::uint32_t>(image.width));
  append_big_endian(header, static_cast<std::uint32_t>(image.height));
  header += std::string("\x08\x02\x00\x00\x00", 5);  // 8 bit, RGB
  std::string png("\x89PNG\r\n\x1a\n", 8);
  append_chunk(png, "IHDR", header);
  append_chunk(png, "IDAT", packed);
  append_chunk(png, "IEND", "");
  return png;
}

void SampleSheet::add(const std::uint8_t* rgb, const std::uint16_t* truth, const std::uint16_t* predicted,
                      int height, int width, std::uint16_t ignore) {
  const int step = std::max(1, (std::max(height, width) + side_ - 1) / side_);
  const int rows = height / step, columns = width / step;
  Image column(3 * rows, columns);
  for (int y = 0; y < rows; ++y)
    for (int x = 0; x < columns; ++x) {
      const auto from = static_cast<std::size_t>(y * step) * static_cast<std::size_t>(width) +
                        static_cast<std::size_t>(x * step);
      const auto put = [&](int row, const std::uint8_t* color) {
        std::copy_n(color, 3, column.row(row) + 3 * x);
      };
      put(y, rgb + 3 * from);
      for (const auto& [labels, top] : {std::pair{truth, rows}, {predicted, 2 * rows}}) {
        const std::array<std::uint8_t, 3> grey{112, 112, 112};
        const auto color = labels[from] == ignore ? grey : label_color(labels[from]);
        put(top + y, color.data());
      }
    }
  columns_.push_back(std::move(column));
}

Image SampleSheet::image() const {
  if (columns_.empty()) return {};
  constexpr int kGap = 4;
  Image sheet(columns_[0].height, static_cast<int>(columns_.size()) * (columns_[0].width + kGap) - kGap);
  for (std::size_t i = 0; i < columns_.size(); ++i)
    for (int y = 0; y < sheet.height; ++y)
      std::copy_n(columns_[i].row(y), columns_[i].row_bytes(),
                  sheet.row(y) + static_cast<std::size_t>(3 * (columns_[0].width + kGap)) * i);
  return sheet;
}

void write_report(const std::filesystem::path& run_folder, const std::string& title) {
  json data = read_metrics(run_folder / "metrics.jsonl");
  data["title"] = title;
  data["sheets"] = read_sheets(run_folder / "samples");
  std::string text = data.dump();
  // Inside a script element "</" would end it.
  for (std::size_t at = text.find("</"); at != std::string::npos; at = text.find("</", at + 3))
    text.insert(at + 1, 1, '\\');
  std::string page(embedded::training_report());
  constexpr std::string_view kPlace = "/*DATA*/null";
  const std::size_t place = page.find(kPlace);
  require(place != std::string::npos, "the report page has no place for its data");
  page.replace(place, kPlace.size(), text);
  write_file_atomically(run_folder / "report.html", page);
}

}  // namespace san
