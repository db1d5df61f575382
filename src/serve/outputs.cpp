#include "serve/outputs.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "san/draw.hpp"

namespace san::serve {
namespace {

constexpr const char* kPng = "image/png";

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Scores 0 … 1 as 0 … 255.
std::string score_png(const std::vector<float>& scores, int height, int width) {
  LabelMap grey(height, width);  // of which grey PNGs are made
  std::ranges::transform(scores, grey.labels.begin(), [](float s) {
    return static_cast<Label>(std::lround(std::clamp(s, 0.0f, 1.0f) * 255.0f));
  });
  return text_of(encode_labels(grey));
}

std::string labels_png(const LabelMap& labels, std::vector<Rgb> palette, bool has_other) {
  if (has_other) palette.push_back(kOtherColor);
  if (palette.size() > 256) palette.clear();
  return text_of(encode_labels(labels, palette));
}

}  // namespace

RunnerUp runner_up(const Segmentation& result, int longest_side) {
  const std::size_t classes = result.classes().size();
  const LabelMap& whole = result.labels;
  const double scale = std::min(
      1.0, static_cast<double>(longest_side) / static_cast<double>(std::max(whole.height, whole.width)));
  const auto side = [&](int pixels) { return std::max(1, static_cast<int>(std::lround(pixels * scale))); };
  const int height = side(whole.height), width = side(whole.width);
  const std::size_t pixels = static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
  constexpr std::size_t kAtATime = 16;
  RunnerUp second{LabelMap(height, width, static_cast<Label>(classes)), std::vector<float>(pixels)};
  std::vector<float> best(pixels, -1.0f);
  std::vector<Label> best_label(pixels);
  for (std::size_t first = 0; first < classes; first += kAtATime) {
    std::vector<int> chosen(std::min(kAtATime, classes - first));
    std::iota(chosen.begin(), chosen.end(), static_cast<int>(first));
    const std::vector<float> scores = result.class_scores(chosen, height, width);
    for (std::size_t k = 0; k < chosen.size(); ++k)
      for (std::size_t p = 0; p < pixels; ++p) {
        const float score = scores[k * pixels + p];
        const auto label = static_cast<Label>(first + k);
        if (score > best[p]) {
          if (best[p] >= 0) second.labels.labels[p] = best_label[p], second.scores[p] = best[p];
          best[p] = score;
          best_label[p] = label;
        } else if (second.labels.labels[p] == classes || score > second.scores[p]) {
          second.labels.labels[p] = label;
          second.scores[p] = score;
        }
      }
  }
  return second;
}

std::vector<AnswerPart> write_outputs(const Outcome& outcome, const SegmentRequest& request,
                                      const std::string& model) {
  const std::vector<Rgb> colors =
      request.colors.empty() ? distinct_colors(outcome.result.classes().size()) : request.colors;
  const LabelMap& labels = outcome.result.labels;
  std::vector<MaskProposal> proposals;
  if (request.wants(Output::kProposals)) proposals = outcome.result.proposals(request.proposals);
  std::vector<AnswerPart> parts;
  for (const Output output : request.outputs) switch (output) {
      case Output::kLabels:
        parts.push_back({"labels", "labels.png", kPng, labels_png(labels, colors, outcome.has_other)});
        break;
      case Output::kOverlay:
        parts.push_back(
            {"overlay", "overlay.png", kPng,
             text_of(encode_png(draw_overlay(outcome.image, outcome.result, colors, request.overlay)))});
        break;
      case Output::kJson:
      case Output::kProposals: {
        const bool both = request.wants(Output::kJson) && output == Output::kProposals;
        if (both) break;  // one document has both
        std::string text = outcome.result.json({request.image_name, model, colors, proposals});
        if (request.wants(Output::kProposals) && proposals.empty())  // then it has none to tell of
          text.replace(text.rfind('}'), 1, ", \"proposals\": []}");
        parts.push_back({"json", "result.json", "application/json", std::move(text)});
        break;
      }
      case Output::kScores:
        parts.push_back({"scores", "scores.png", kPng,
                         score_png(outcome.result.label_scores, labels.height, labels.width)});
        break;
      case Output::kRunnerUp: {
        const RunnerUp second = runner_up(outcome.result, request.score_side);
        parts.push_back({"runner_up", "runner_up.png", kPng, labels_png(second.labels, {}, false)});
        parts.push_back({"runner_up_scores", "runner_up_scores.png", kPng,
                         score_png(second.scores, second.labels.height, second.labels.width)});
        break;
      }
    }
  return parts;
}

}  // namespace san::serve
