#include "data/dataset.h"

#include <algorithm>
#include <cstdlib>

#include "base/error.h"
#include "base/part.h"

namespace san {
namespace {

namespace fs = std::filesystem;

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

fs::path default_root() {
  const char* root = std::getenv("DETECTRON2_DATASETS");
  return root && *root ? fs::path(root) : fs::path("datasets");
}

}  // namespace

std::string_view problem_name(ProblemKind kind) {
  switch (kind) {
    case ProblemKind::kImageWithoutLabel:
      return "image without label";
    case ProblemKind::kLabelWithoutImage:
      return "label without image";
    case ProblemKind::kDuplicateStem:
      return "second file of the same name";
    case ProblemKind::kUnreadableImage:
      return "unreadable image";
    case ProblemKind::kUnreadableLabel:
      return "unreadable label";
    case ProblemKind::kWrongSize:
      return "size differs";
    case ProblemKind::kForeignLabelValue:
      return "label value outside the classes";
    case ProblemKind::kPredictionMissing:
      return "no prediction";
    case ProblemKind::kUnreadablePrediction:
      return "unreadable prediction";
    case ProblemKind::kUnexpectedCount:
      return "unexpected number of samples";
  }
  return "problem";
}

std::string describe_problems(const std::vector<Problem>& problems, std::size_t per_kind) {
  std::map<ProblemKind, std::vector<const Problem*>> kinds;
  for (const auto& problem : problems) kinds[problem.kind].push_back(&problem);
  std::string out;
  for (const auto& [kind, list] : kinds) {
    out += fmt::format("{}: {}\n", problem_name(kind), list.size());
    for (std::size_t i = 0; i < std::min(per_kind, list.size()); ++i) {
      const auto& problem = *list[i];
      out += fmt::format("  {}{}{}\n", problem.path.string(), problem.detail.empty() ? "" : ": ",
                         problem.detail);
    }
    if (list.size() > per_kind) out += fmt::format("  ... and {} more\n", list.size() - per_kind);
  }
  return out;
}

std::vector<fs::path> list_files(const fs::path& folder, const std::vector<std::string>& extensions,
                                 std::vector<Problem>* problems) {
  std::error_code error;
  require(fs::is_directory(folder, error), "{}: no such folder; check the data root and the dataset's layout",
          folder.string());
  // Per stem the rank of the best extension seen so far and its file.
  std::map<std::string, std::pair<std::size_t, fs::path>> best;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const fs::path& path = entry.path();
    const std::string extension = lower(path.extension().string());
    if (extension.empty()) continue;
    const auto found = std::ranges::find(extensions, extension.substr(1));
    if (found == extensions.end() || entry.is_directory(error)) continue;
    std::pair candidate{static_cast<std::size_t>(found - extensions.begin()), path};
    const auto [slot, inserted] = best.try_emplace(path.stem().string(), candidate);
    if (inserted) continue;
    if (candidate < slot->second) std::swap(candidate, slot->second);
    if (problems)
      problems->push_back({ProblemKind::kDuplicateStem, candidate.second,
                           "used instead: " + slot->second.second.filename().string()});
  }
  require(!error, "{}: cannot list the folder: {}", folder.string(), error.message());
  std::vector<fs::path> files;
  for (auto& [stem, entry] : best) files.push_back(std::move(entry.second));
  return files;
}

Dataset open_dataset(DatasetSpec spec, const fs::path& root, std::string_view split_name) {
  Dataset out{std::move(spec), std::string(split_name), {}, {}};
  if (out.split.empty()) out.split = out.spec.default_split;
  const DatasetSplit& split = out.spec.split(out.split);
  const fs::path base = !root.empty() ? root : !out.spec.root.empty() ? out.spec.root : default_root();
  const auto images = list_files(base / split.images, out.spec.image_extensions, &out.problems);
  const auto labels = list_files(base / split.labels, out.spec.label_extensions, &out.problems);
  auto image = images.begin();
  auto label = labels.begin();
  while (image != images.end() || label != labels.end()) {
    const int order = image == images.end()   ? 1
                      : label == labels.end() ? -1
                                              : image->stem().string().compare(label->stem().string());
    if (order == 0) {
      out.samples.push_back({image->stem().string(), *image, *label});
      ++image, ++label;
    } else if (order < 0) {
      if (!out.spec.images_without_label_expected)
        out.problems.push_back({ProblemKind::kImageWithoutLabel, *image, ""});
      ++image;
    } else {
      out.problems.push_back({ProblemKind::kLabelWithoutImage, *label, ""});
      ++label;
    }
  }
  require(!out.samples.empty(),
          "dataset {} ({}): no image in {} has a label of the same name in {}; found {} images ({}) and {} "
          "labels ({})",
          out.spec.name, out.split, (base / split.images).string(), (base / split.labels).string(),
          images.size(), fmt::join(out.spec.image_extensions, ", "), labels.size(),
          fmt::join(out.spec.label_extensions, ", "));
  const auto count = static_cast<std::int64_t>(out.samples.size());
  if (split.expected_samples && *split.expected_samples != count)
    out.problems.push_back(
        {ProblemKind::kUnexpectedCount, base / split.labels,
         fmt::format("{} samples; the published numbers use {}", count, *split.expected_samples)});
  return out;
}

Shard Shard::parse(const std::string& text) {
  const auto part = parse_part(text);
  require(part.has_value(), "shard '{}': expected i/n with 1 ≤ i ≤ n, as in 2/4", text);
  return {part->index, part->count};
}

std::vector<Sample> Shard::select(const std::vector<Sample>& samples) const {
  std::vector<Sample> out;
  for (auto i = static_cast<std::size_t>(index - 1); i < samples.size(); i += static_cast<std::size_t>(count))
    out.push_back(samples[i]);
  return out;
}

}  // namespace san
