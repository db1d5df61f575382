#include "engine/score_calibration.h"

#include <nlohmann/json.hpp>

#include "base/atomic_file.h"
#include "base/bounded_json.h"
#include "base/error.h"
#include "base/input_file.h"
#include "embedded/default_calibration.h"
#include "engine/network_hash.h"

namespace san {
namespace {

constexpr const char* kFormat = "san calibration 1";
constexpr std::size_t kMaxBytes = 1 << 20;

}  // namespace

void save_score_calibration(const ScoreCalibration& c, const std::filesystem::path& path) {
  const nlohmann::ordered_json out{{"format", kFormat},
                                   {"network", c.network},
                                   {"a", c.curve.a},
                                   {"b", c.curve.b},
                                   {"pictures", c.pictures},
                                   {"settings", c.settings},
                                   {"error_of_scores", c.error_of_scores},
                                   {"error_of_probabilities", c.error_of_probabilities}};
  write_file_atomically(path, out.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

ScoreCalibration parse_score_calibration(std::string_view text, const std::string& where) {
  const nlohmann::json node = parse_bounded_json(text, where);
  require(node.is_object() && node.contains("format") && node["format"] == kFormat,
          "{}: no calibration; expected JSON with \"format\": \"{}\", as san evaluate --calibrate writes it",
          where, kFormat);
  ScoreCalibration c;
  try {
    node.at("network").get_to(c.network);
    node.at("a").get_to(c.curve.a), node.at("b").get_to(c.curve.b);
    node.at("pictures").get_to(c.pictures);
    node.at("settings").get_to(c.settings);
    node.at("error_of_scores").get_to(c.error_of_scores);
    node.at("error_of_probabilities").get_to(c.error_of_probabilities);
  } catch (const nlohmann::json::exception& error) {
    fail("{}: a damaged calibration: {}", where, json_reason(error));
  }
  require(c.curve.valid(),
          "{}: a curve with a = {}, b = {}; expected a above 0 and at most 1, b above 0 and at most {}",
          where, c.curve.a, c.curve.b, ScoreCurve::kSteepest);
  return c;
}

ScoreCalibration default_score_calibration() {
  return parse_score_calibration(embedded::default_calibration(), "the built-in calibration");
}

ScoreCurve find_curve(const LoadedModel& model, const std::string& calibration) {
  if (calibration == "none") return {};
  if (calibration.empty()) return model.name == "default" ? default_score_calibration().curve : ScoreCurve{};
  const ScoreCalibration c = parse_score_calibration(read_file(calibration, kMaxBytes).text(), calibration);
  require(c.network == network_hash(model),
          "{}: found for another network than {}; find one for it with san evaluate --calibrate", calibration,
          model.name);
  return c.curve;
}

}  // namespace san
