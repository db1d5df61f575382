#include "world/render/export.h"

#include <algorithm>
#include <array>
#include <functional>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "base/atomic_file.h"
#include "base/error.h"

namespace san {
namespace {

namespace fs = std::filesystem;
constexpr int kTextHeight = 16;
constexpr int kSheetScenes = 16;

cv::Mat view(const Image& image) {
  return {image.height, image.width, CV_8UC3, const_cast<std::uint8_t*>(image.rgb.data())};
}

void write(const cv::Mat& image, const fs::path& path) {
  std::vector<std::uint8_t> bytes;
  require(cv::imencode(".png", image, bytes), "{}: cannot encode a PNG", path.string());
  write_file_atomically(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

void write_labels(const LabelMap& labels, bool wide, const fs::path& path) {
  cv::Mat map(labels.height, labels.width, CV_16U, const_cast<std::uint16_t*>(labels.labels.data()));
  cv::Mat narrow;
  if (!wide) map.convertTo(narrow, CV_8U);  // saturates: 65535 becomes 255
  write(wide ? map : narrow, path);
}

void text(cv::Mat& image, const std::string& what, cv::Point at, double scale, const cv::Scalar& colour) {
  cv::putText(image, what, at, cv::FONT_HERSHEY_SIMPLEX, scale, colour, 1, cv::LINE_AA);
}

cv::Scalar class_colour(int value) {
  const std::uint64_t h = splitmix64(static_cast<std::uint64_t>(value));
  return {static_cast<double>(60 + (h & 127u)), static_cast<double>(60 + ((h >> 8) & 127u)),
          static_cast<double>(60 + ((h >> 16) & 127u))};
}

cv::Mat painted(const LabelMap& labels, const std::vector<std::string>& names) {
  cv::Mat out(labels.height, labels.width, CV_8UC3, cv::Scalar::all(20));
  std::vector<std::array<double, 3>> sums(names.size());
  for (int y = 0; y < labels.height; ++y)
    for (int x = 0; x < labels.width; ++x) {
      const auto value = labels.row(y)[x];
      if (value >= names.size()) continue;
      const cv::Scalar c = class_colour(value);
      out.at<cv::Vec3b>(y, x) = {cv::saturate_cast<std::uint8_t>(c[0]), cv::saturate_cast<std::uint8_t>(c[1]),
                                 cv::saturate_cast<std::uint8_t>(c[2])};
      auto& sum = sums[value];
      sum[0] += 1;
      sum[1] += x;
      sum[2] += y;
    }
  for (std::size_t i = 0; i < names.size(); ++i)
    if (sums[i][0] > 0)
      text(out, names[i],
           {std::max(0, static_cast<int>(sums[i][1] / sums[i][0]) - 25),
            static_cast<int>(sums[i][2] / sums[i][0])},
           0.33, cv::Scalar::all(255));
  return out;
}

Image grid(const std::vector<cv::Mat>& cells, int columns) {
  require(!cells.empty() && columns > 0, "a contact sheet of nothing");
  const int h = cells.front().rows, w = cells.front().cols;
  const int rows = (static_cast<int>(cells.size()) + columns - 1) / columns;
  Image out(rows * h, std::min(columns, static_cast<int>(cells.size())) * w);
  cv::Mat sheet = view(out);
  for (std::size_t i = 0; i < cells.size(); ++i)
    cells[i].copyTo(
        sheet(cv::Rect(static_cast<int>(i) % columns * w, static_cast<int>(i) / columns * h, w, h)));
  return out;
}

}  // namespace

void write_png(const Image& image, const fs::path& path) {
  cv::Mat bgr;
  cv::cvtColor(view(image), bgr, cv::COLOR_RGB2BGR);
  write(bgr, path);
}

Image scene_sheet(const std::vector<LabelledScene>& scenes, const std::vector<std::string>& class_names,
                  int columns) {
  std::vector<cv::Mat> cells;
  for (const auto& scene : scenes) {
    const int h = scene.image.height, w = scene.image.width;
    cv::Mat cell(h + kTextHeight, 2 * w + 4, CV_8UC3, cv::Scalar::all(255));
    view(scene.image).copyTo(cell(cv::Rect(0, 0, w, h)));
    painted(scene.labels, class_names).copyTo(cell(cv::Rect(w, 0, w, h)));
    text(cell, scene.caption, {2, h + 12}, 0.32, cv::Scalar::all(0));
    cells.push_back(cell);
  }
  return grid(cells, columns);
}

Image picture_sheet(const std::vector<Image>& pictures, const std::vector<std::string>& texts, int columns) {
  std::vector<cv::Mat> cells;
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    const int h = pictures[i].height, w = pictures[i].width;
    cv::Mat cell(h + kTextHeight, w + 4, CV_8UC3, cv::Scalar::all(255));
    view(pictures[i]).copyTo(cell(cv::Rect(0, 0, w, h)));
    text(cell, texts[i], {1, h + 11}, 0.3, cv::Scalar::all(0));
    cells.push_back(cell);
  }
  return grid(cells, columns);
}

void export_world(const std::shared_ptr<const World>& world, const WorldExport& options, ThreadPool* pool) {
  require(options.count > 0 && options.count <= 1000000, "{} scenes: 1 to 1000000 are possible",
          options.count);
  require(options.first >= 0 && options.first <= 1000000, "first scene {}: 0 to 1000000 are possible",
          options.first);
  std::function<LabelledScene(int)> scene_of;
  std::vector<std::string> names;
  if (options.split == "train") {
    SceneOptions scenes;
    scenes.height = scenes.width = options.size;
    auto sampler = std::make_shared<SceneSampler>(world, scenes, options.seed);
    names = sampler->class_names();
    scene_of = [sampler](int i) { return sampler->scene(static_cast<std::uint64_t>(i)); };
  } else {
    auto set = std::make_shared<EvalScenes>(world, parse_eval_split(options.split), options.size,
                                            options.first + options.count);
    names = set->class_names();
    scene_of = [set](int i) { return set->scene(i); };
  }
  const fs::path images = options.output / "images", labels = options.output / "labels";
  fs::create_directories(images);
  fs::create_directories(labels);
  const bool wide = names.size() >= 255;
  std::vector<std::string> captions(static_cast<std::size_t>(options.count));
  std::vector<LabelledScene> shown(
      static_cast<std::size_t>(std::min(options.count, options.sheet ? kSheetScenes : 0)));
  const auto make = [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      const int number = options.first + static_cast<int>(i);
      LabelledScene scene = scene_of(number);
      const std::string file = fmt::format("{:05}.png", number);
      write_png(scene.image, images / file);
      write_labels(scene.labels, wide, labels / file);
      captions[i] = fmt::format("{}\t{}\n", file, scene.caption);
      if (i < shown.size()) shown[i] = std::move(scene);
    }
  };
  if (pool)
    pool->parallel_for(options.count, 4, make);
  else
    make(0, options.count);
  std::string all;
  for (const auto& line : captions) all += line;
  write_file_atomically(options.output / "captions.tsv", "file\tcaption\n" + all);
  write_file_atomically(options.output / "classes.txt", fmt::format("{}\n", fmt::join(names, "\n")));
  if (!shown.empty()) write_png(scene_sheet(shown, names, 2), options.output / "sheet.png");
}

}  // namespace san
