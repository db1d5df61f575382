#include "prepare/prepare.h"

#include <algorithm>
#include <mutex>
#include <set>
#include <unordered_map>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/input_file.h"
#include "base/progress.h"
#include "base/thread_pool.h"
#include "image/codec/encode.h"
#include "prepare/raw_source.h"

namespace san {
namespace {

namespace fs = std::filesystem;

constexpr int kPillowJpegQuality = 75;

RawLayout* layout_of(const std::string& dataset) {
  static const std::map<std::string, RawLayout*> all{
      {"ade20k-150", list_ade_150},
      {"ade20k-847", list_ade_full},
      {"coco-stuff-171", list_coco_stuff},
      {"pascal-context-459", list_pascal_context_459},
      {"pascal-context-59", list_pascal_context_59},
      {"voc-20", list_voc},
  };
  const auto found = all.find(dataset);
  require(found != all.end(), "prepare: no conversion for dataset '{}'; there are: {}", dataset,
          fmt::join(shipped_datasets(), ", "));
  return found->second;
}

void place_picture(const fs::path& from, const fs::path& to, bool copy) {
  if (file_exists(to)) return;
  if (copy) {
    AtomicFile out(to);
    out.write(read_file(from).bytes);
    out.commit();
    return;
  }
  std::error_code error;
  fs::remove(to, error);  // a link whose target has moved
  fs::create_symlink(fs::absolute(from), to, error);
  require(!error, "{}: cannot link to {}: {}; use --copy-images", to.string(), from.string(),
          error.message());
}

/// Converts single samples; called by several threads.
class Converter {
 public:
  Converter(const PrepareOptions& options, const DatasetSpec& spec, const RawSource& source,
            PrepareSummary& summary)
      : options_(options), spec_(spec), source_(source), summary_(summary) {
    for (std::size_t c = 0; c < spec.raw_ids.size(); ++c)
      index_[static_cast<int>(spec.raw_ids[c])] = static_cast<Label>(c);
  }

  void convert(const RawSample& sample) {
    const DatasetSplit& split = spec_.split(sample.split);
    const fs::path label =
        options_.output / split.labels / (sample.stem + "." + spec_.label_extensions.front());
    const fs::path image = options_.output / split.images / (sample.stem + ".jpg");
    try {
      count(sample, convert(sample, label, image));
    } catch (const Error& error) {
      // Readers begin with the path, which the summary prints anyway.
      std::string_view detail = error.what();
      if (const std::string path = sample.label.string() + ": "; detail.starts_with(path))
        detail.remove_prefix(path.size());
      const std::lock_guard lock(mutex_);
      ++summary_.splits[sample.split].failed;
      summary_.problems.push_back({ProblemKind::kUnreadableLabel, sample.label, std::string(detail)});
    }
  }

 private:
  using Counter = std::int64_t SplitCounts::*;

  void count(const RawSample& sample, Counter counter) {
    const std::lock_guard lock(mutex_);
    ++(summary_.splits[sample.split].*counter);
  }

  Counter convert(const RawSample& sample, const fs::path& label, const fs::path& image) {
    if (sample.image.empty() && !file_exists(image)) {
      const std::lock_guard lock(mutex_);
      summary_.problems.push_back({ProblemKind::kLabelWithoutImage, sample.label, ""});
    }
    if (file_exists(label) && (!source_.reencodes_pictures || file_exists(image))) {
      if (!sample.image.empty()) place_picture(sample.image, image, options_.copy_images);
      return &SplitCounts::kept;
    }
    RawContent content = sample.read(options_.decode);
    if (!remap(content.ids) && source_.drop_unlabelled) return &SplitCounts::unlabelled;
    // The label comes last: its presence says that the sample is complete.
    if (content.picture)
      write_jpeg(image, *content.picture, kPillowJpegQuality);
    else if (!sample.image.empty())
      place_picture(sample.image, image, options_.copy_images);
    write_labels(label, content.ids);
    return &SplitCounts::written;
  }

  /// Raw values to class indices; false when no pixel has a class.
  bool remap(LabelMap& map) {
    std::set<int> unexpected;
    bool labelled = false;
    for (auto& value : map.labels) {
      const auto found = index_.find(value);
      if (found != index_.end()) {
        value = found->second;
        labelled = true;
        continue;
      }
      if (!source_.expected_ignored(value)) unexpected.insert(value);
      value = static_cast<Label>(spec_.ignore);
    }
    const std::lock_guard lock(mutex_);
    for (const int value : unexpected) ++summary_.unexpected_values[value];
    return labelled;
  }

  const PrepareOptions& options_;
  const DatasetSpec& spec_;
  const RawSource& source_;
  PrepareSummary& summary_;
  std::unordered_map<int, Label> index_;
  std::mutex mutex_;
};

}  // namespace

PrepareSummary prepare_dataset(const PrepareOptions& options) {
  RawLayout* const layout = layout_of(options.dataset);
  const DatasetSpec spec = load_dataset_spec(options.dataset);
  require(fs::is_directory(options.source), "prepare: --source {}: no such folder", options.source.string());
  std::vector<std::string> splits = options.splits;
  if (splits.empty())
    for (const auto& entry : spec.splits) splits.push_back(entry.first);
  for (const auto& name : splits) (void)spec.split(name);

  RawSource source = layout(options.source, splits);
  PrepareSummary summary;
  summary.problems = std::move(source.problems);
  summary.notes = std::move(source.notes);
  for (const auto& sample : source.samples) {
    ++summary.splits[sample.split].found;
  }
  for (const auto& entry : summary.splits) {
    const DatasetSplit& split = spec.split(entry.first);
    fs::create_directories(options.output / split.images);
    fs::create_directories(options.output / split.labels);
  }

  Converter converter(options, spec, source, summary);
  Progress progress("prepare " + spec.name, static_cast<std::int64_t>(source.samples.size()), options.quiet);
  std::mutex progress_mutex;
  ThreadPool pool(options.threads);
  pool.parallel_for(
      static_cast<std::int64_t>(source.samples.size()), 1, [&](std::int64_t begin, std::int64_t end) {
        for (auto i = begin; i < end; ++i) {
          if (options.cancelled && *options.cancelled)
            throw Cancelled("prepare: interrupted; what is written is whole, run it again to go on");
          converter.convert(source.samples[static_cast<std::size_t>(i)]);
          const std::lock_guard lock(progress_mutex);
          progress.advance();
        }
      });
  progress.finish();

  for (const auto& [name, counts] : summary.splits) {
    const auto& expected = spec.split(name).expected_samples;
    const std::int64_t usable = counts.written + counts.kept;
    if (expected && usable != *expected)
      summary.problems.push_back({ProblemKind::kUnexpectedCount, options.output / spec.split(name).labels,
                                  fmt::format("{} labels; the published numbers use {}", usable, *expected)});
  }
  std::ranges::sort(summary.problems);
  return summary;
}

std::string PrepareSummary::text() const {
  std::string out = fmt::format("{:<8}{:>9}{:>9}{:>9}{:>12}{:>9}\n", "split", "raw", "written", "kept",
                                "unlabelled", "failed");
  for (const auto& [name, counts] : splits)
    out += fmt::format("{:<8}{:>9}{:>9}{:>9}{:>12}{:>9}\n", name, counts.found, counts.written, counts.kept,
                       counts.unlabelled, counts.failed);
  for (const auto& note : notes) out += fmt::format("note: {}\n", note);
  for (const auto& [value, labels] : unexpected_values)
    out += fmt::format("unexpected label value {} in {} label files: ignored\n", value, labels);
  return out + describe_problems(problems);
}

}  // namespace san
