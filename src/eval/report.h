#pragma once

#include <filesystem>
#include <string>

#include "eval/evaluation.h"

namespace san {

/// Headline numbers, published rows and classes for a terminal, in percent. `all_classes`: else at most 60
/// classes are listed whole and of more the ends.
std::string report_text(const Evaluation& evaluation, bool all_classes = false);

/// Numbers in percent under detectron2's names (mIoU, fwIoU, mACC, pACC, IoU-<class>, ACC-<class>,
/// BoundaryIoU-<class>), and what the evaluation consists of. Numbers that do not exist are null.
std::string report_json(const Evaluation& evaluation);

/// One line per class: index, name, IoU, ACC, boundary IoU (percent, empty where there is none), pixel
/// counts.
std::string report_csv(const Evaluation& evaluation);

/// One self-contained page: no request leaves it.
std::string report_html(const Evaluation& evaluation);

/// Writes report.{json,csv,html} and evaluation.json (what --merge reads) into a folder, made if needed.
void write_reports(const Evaluation& evaluation, const std::filesystem::path& folder);

}  // namespace san
