#include "segment_results.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "annotation_formats.h"
#include "base/error.h"
#include "manifest.h"
#include "san/tiff.hpp"

namespace san::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostInPng = 65535;  ///< classes whose labels, "other" among them, have 16 bits

void write_to_standard_output(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    require(count > 0, "-: standard output cannot be written: {}", std::strerror(errno));
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

/// The files of one picture.
class Files {
 public:
  Files(const ResultOptions& options, const ImageInput& input) : options_(options), stem_(input.stem) {}

  fs::path path(const std::string& name) const { return options_.folder / name; }
  /// The file `prefix` + stem + `suffix` below the folder.
  std::string name(const char* suffix, const char* prefix = "") const { return prefix + stem_ + suffix; }

  void save(const std::string& name, std::span<const std::byte> bytes) {
    if (options_.to_standard_output()) return write_to_standard_output(bytes);
    make_parents(name);
    save_file(path(name), bytes);
    written_.push_back(name);
  }
  void save(const std::string& name, const std::string& text) { save(name, std::as_bytes(std::span(text))); }
  void note(const std::string& name) { written_.push_back(name); }
  void make_parents(const std::string& name) const {
    const fs::path folder = path(name).parent_path();
    std::error_code error;
    fs::create_directories(folder, error);
    require(fs::is_directory(folder), "{}: the folder cannot be created", folder.string());
  }

  std::vector<std::string> take() { return std::move(written_); }

 private:
  const ResultOptions& options_;
  std::string stem_;
  std::vector<std::string> written_;
};

std::vector<std::byte> label_file(const LabelMap& labels, const ResultOptions& options) {
  std::vector<Rgb> palette = options.all_colors();
  if (palette.size() > 256 || options.plain_labels) palette.clear();
  return encode_labels(labels, palette);
}

void save_wide_labels(Files& files, const LabelMap& labels, std::size_t classes) {
  const std::string name = files.name(".labels.tif");
  files.make_parents(name);
  LabelTiff tiff(files.path(name), labels.height, labels.width, static_cast<int>(classes));
  tiff.add(labels);
  tiff.finish();
  files.note(name);
}

void save_masks(Files& files, const std::vector<MaskProposal>& proposals,
                const std::vector<std::string>& classes) {
  int number = 0;
  const std::string folder = files.name(".masks/");
  files.make_parents(folder);
  for (const MaskProposal& p : proposals) {
    std::vector<std::uint8_t> mask = decode_rle(p.mask);
    for (std::uint8_t& value : mask) value = value ? 255 : 0;
    std::string name = classes[static_cast<std::size_t>(p.class_index)];
    std::ranges::replace_if(
        name, [](unsigned char c) { return !std::isalnum(c) && c < 128; }, '_');
    files.save(folder + fmt::format("{:03}_{}_{:.3f}.png", number++, name.substr(0, 60), p.score()),
               encode_png({mask.data(), p.mask.height, p.mask.width, PixelFormat::kGrey}));
  }
}

Image colored(const LabelMap& labels, const std::vector<Rgb>& colors) {
  Image image(labels.height, labels.width);
  for (std::size_t i = 0; i < labels.labels.size(); ++i)
    std::ranges::copy(colors[labels.labels[i]], image.rgb.begin() + static_cast<std::ptrdiff_t>(3 * i));
  return image;
}

void save_annotations(Files& files, const ResultOptions& o, const ImageInput& input, std::int64_t number,
                      const LabelMap& labels) {
  const std::vector<Rgb> colors = o.all_colors();
  const Annotated picture{labels, input.path, input.stem, number + 1, o.classes, colors, o.tolerance};
  if (o.wants("coco")) files.save(files.name(".json", "coco.parts/"), coco_document(picture));
  if (o.wants("datumaro")) files.save(files.name(".json", "datumaro.parts/"), datumaro_document(picture));
  if (o.wants("yolo")) files.save(files.name(".txt", "labels/"), yolo_lines(picture));
  if (o.wants("geojson")) files.save(files.name(".geojson"), geojson_document(picture));
  if (o.wants("labelme")) {
    const std::string name = files.name(".json", "labelme/");
    const fs::path image = fs::absolute(input.path).lexically_normal(),
                   from = fs::absolute(files.path(name)).lexically_normal().parent_path();
    files.save(name, labelme_document(picture, image.lexically_relative(from)));
  }
  if (o.wants("cityscapes")) {
    files.save(files.name("_gtFine_labelIds.png", "cityscapes/"), encode_labels(labels));
    files.save(files.name("_gtFine_color.png", "cityscapes/"), encode_png(colored(labels, colors)));
    files.save(files.name("_gtFine_polygons.json", "cityscapes/"), cityscapes_polygons(picture));
  }
}

}  // namespace

std::vector<Rgb> ResultOptions::all_colors() const {
  std::vector<Rgb> all = colors;
  if (other) all.push_back(kOtherColor);
  return all;
}

std::vector<std::string> result_kinds() {
  return {"overlay", "labels",     "json",    "masks",   "scores",  "coco",
          "yolo",    "cityscapes", "geojson", "labelme", "datumaro"};
}

void check_kinds(const ResultOptions& options) {
  if (options.classes.size() > kMostInPng)
    require(
        !options.wants("cityscapes") && !(options.wants("labels") && options.to_standard_output()),
        "--save {}: {} classes, but its PNGs tell {} apart; --save labels with a folder as --output writes a "
        "TIFF of 32 bits",
        options.wants("cityscapes") ? "cityscapes" : "labels", options.classes.size(), kMostInPng);
  if (!options.to_standard_output()) return;
  static const std::set<std::string> single{"overlay", "labels", "json", "yolo", "geojson", "labelme"};
  require(options.save.size() == 1 && single.contains(*options.save.begin()),
          "--output -: standard output takes one file; --save one of {}", fmt::join(single, ", "));
}

std::vector<std::string> save_results(const ResultOptions& o, const ImageInput& input, std::int64_t number,
                                      const Image& image, const Segmentation& result) {
  Files files(o, input);
  std::vector<MaskProposal> proposals;
  if (o.wants("masks")) proposals = result.proposals();
  if (o.wants("overlay"))
    files.save(files.name(".overlay.png"), encode_png(draw_overlay(image, result, o.colors)));
  if (o.wants("labels") && o.classes.size() <= kMostInPng)
    files.save(files.name(".labels.png"), label_file(result.labels, o));
  else if (o.wants("labels"))
    save_wide_labels(files, result.labels, o.classes.size());
  if (o.wants("json")) {
    JsonOptions options{input.path.string(), o.model, o.colors, {}};
    if (o.wants("masks")) options.proposals = proposals;
    files.save(files.name(".json"), result.json(options));
  }
  if (o.wants("masks")) save_masks(files, proposals, result.classes());
  if (o.wants("scores")) {
    const std::string name = files.name(".scores.safetensors");
    files.make_parents(name);
    result.save_scores(files.path(name));
    files.note(name);
  }
  save_annotations(files, o, input, number, result.labels);
  return files.take();
}

void save_class_files(const ResultOptions& options) {
  if (!options.wants("yolo") || options.to_standard_output()) return;
  const std::string names = "path: .\ntrain: images\nval: images\n" + yolo_names(options.classes);
  save_file(options.folder / "data.yaml", std::as_bytes(std::span(names)));
}

void join_documents(const fs::path& folder) {
  const fs::path manifest = Manifest::path_of(folder);
  for (const auto& [kind, join] : {std::pair{"coco", &join_coco}, {"datumaro", &join_datumaro}}) {
    const std::string parts = std::string(kind) + ".parts/";
    const EachDocument each = [&](const std::function<void(const fs::path&)>& visit) {
      for_each_row(manifest, [&](const ManifestRow& row) {
        for (const std::string& file : row.files)
          if (file.starts_with(parts) || file.find("/" + parts) != file.npos) visit(folder / file);
      });
    };
    bool any = false;
    each([&](const fs::path&) { any = true; });
    if (any) join(folder / (std::string(kind) + ".json"), each);
  }
}

std::string summary(std::span<const std::int64_t> areas, std::span<const std::string> classes) {
  std::vector<std::size_t> order;
  double pixels = 0;
  for (std::size_t k = 0; k < areas.size(); ++k) {
    if (areas[k] > 0) order.push_back(k);
    pixels += static_cast<double>(areas[k]);
  }
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) { return areas[a] > areas[b]; });
  std::string text;
  for (std::size_t i = 0; i < order.size() && i < 6; ++i)
    text += fmt::format("{}{} {:.0f} %", i ? ", " : "", classes[order[i]],
                        100 * static_cast<double>(areas[order[i]]) / pixels);
  return order.size() > 6 ? text + ", …" : text;
}

}  // namespace san::cli
