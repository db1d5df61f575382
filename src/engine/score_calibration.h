#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "engine/loaded_model.h"
#include "san/calibration.hpp"

namespace san {

/// The method whose scores a calibration is of.
inline constexpr std::string_view kCalibratedMethod = "san";

/// A curve of a network's scores, and how it was found: `san evaluate --calibrate`.
struct ScoreCalibration {
  ScoreCurve curve;
  std::string network;                          ///< network_hash()
  std::string pictures;                         ///< by which it was found, for people
  std::map<std::string, std::string> settings;  ///< how they were labelled
  double error_of_scores = 0;                   ///< expected calibration error on them
  double error_of_probabilities = 0;            ///< the same with the curve
};

/// JSON. Written whole or not at all.
void save_score_calibration(const ScoreCalibration& calibration, const std::filesystem::path& path);
/// Throws Error that begins with `where` on what is none, and on a curve outside its range.
ScoreCalibration parse_score_calibration(std::string_view json, const std::string& where);

/// The built-in model's own.
ScoreCalibration default_score_calibration();

/// What scores of the model say. `calibration`: a file, "none", or empty: the model's own, where it has one.
/// Throws Error on a file that is none or another network's.
ScoreCurve find_curve(const LoadedModel& model, const std::string& calibration);

}  // namespace san
