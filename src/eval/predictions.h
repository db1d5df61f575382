#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/atomic_file.h"
#include "base/labels.h"
#include "data/dataset.h"
#include "san/codec.hpp"
#include "san/image.hpp"

namespace san {

/// Predicted label maps that some tool has written. Safe to use from several threads.
class StoredPredictions {
 public:
  virtual ~StoredPredictions() = default;
  /// Class indices, kNoLabel where the tool named none; nothing if there is no prediction for the sample.
  /// Throws Error on unreadable data.
  virtual std::optional<LabelMap> find(const Sample& sample) const = 0;
};

/// `path` is a folder of label files (8/16-bit PNG or TIFF named like the images, values = class indices,
/// others = no class) or a sem_seg_predictions.json as detectron2 writes it: [{file_name, category_id,
/// segmentation: {size: [h, w], counts}}], matched by the stem of file_name. A folder that holds such a JSON
/// and no label file counts as the JSON. Limits: those of `decode` a map, 4 GiB of JSON, masks that cover an
/// image 16 times over.
std::unique_ptr<StoredPredictions> open_predictions(const std::filesystem::path& path,
                                                    const DatasetSpec& spec,
                                                    const DecodeOptions& decode = {});

/// Takes the predictions of a run, in any order and from any thread, and keeps them in sample order.
class PredictionWriter {
 public:
  virtual ~PredictionWriter() = default;
  /// `index` counts the samples of the run from 0; each is given once, as an empty map when it was skipped.
  virtual void add(std::size_t index, const Sample& sample, const LabelMap& labels) = 0;
  virtual void commit() = 0;
};

/// sem_seg_predictions.json: one record per class and image, compressed COCO run lengths, dataset category
/// ids. Memory holds only what arrived out of order.
std::unique_ptr<PredictionWriter> write_predictions_json(const std::filesystem::path& path,
                                                         const DatasetSpec& spec);

/// One label PNG per image, 8 bit where the classes and 255 for "no class" fit, else 16 bit with 65535.
std::unique_ptr<PredictionWriter> write_predictions_folder(const std::filesystem::path& folder,
                                                           const DatasetSpec& spec);

}  // namespace san
