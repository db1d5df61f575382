#include "flow/flow.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <opencv2/imgproc.hpp>
#include <opencv2/video/tracking.hpp>

#include "base/error.h"

namespace san {
namespace {

constexpr int kLongestSide = 512;  // flow is smooth; what is larger costs time and gains little

void require_alike(int h1, int w1, int h2, int w2, const char* what) {
  require(h1 == h2 && w1 == w2 && h1 > 0 && w1 > 0, "{}: {} × {} and {} × {} pixels", what, w1, h1, w2, h2);
}

void prepare(FlowField& field, int height, int width) {
  field.height = height;
  field.width = width;
  const std::size_t pixels = static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
  field.dx.resize(pixels);
  field.dy.resize(pixels);
}

/// Bilinear, the rim repeated.
float sample(const std::vector<float>& values, int height, int width, float y, float x) {
  y = std::clamp(y, 0.0f, static_cast<float>(height - 1));
  x = std::clamp(x, 0.0f, static_cast<float>(width - 1));
  const int y0 = static_cast<int>(y), x0 = static_cast<int>(x);
  const int y1 = std::min(y0 + 1, height - 1), x1 = std::min(x0 + 1, width - 1);
  const float fy = y - static_cast<float>(y0), fx = x - static_cast<float>(x0);
  const auto at = [&](int r, int c) {
    return values[static_cast<std::size_t>(r) * static_cast<std::size_t>(width) +
                  static_cast<std::size_t>(c)];
  };
  const float top = at(y0, x0) + fx * (at(y0, x1) - at(y0, x0));
  const float bottom = at(y1, x0) + fx * (at(y1, x1) - at(y1, x0));
  return top + fy * (bottom - top);
}

int rounded_inside(float value, int side) {
  return std::clamp(static_cast<int>(std::lround(value)), 0, side - 1);
}

}  // namespace

struct FlowEstimator::Impl {
  cv::Ptr<cv::DISOpticalFlow> dis = cv::DISOpticalFlow::create(cv::DISOpticalFlow::PRESET_MEDIUM);
  cv::Mat before, now, small_before, small_now, flow;

  void grey(const Image& image, cv::Mat& full, cv::Mat& small) const {
    // OpenCV reads it and takes no copy; nothing is written.
    const cv::Mat view(image.height, image.width, CV_8UC3, const_cast<std::uint8_t*>(image.rgb.data()));
    cv::cvtColor(view, full, cv::COLOR_RGB2GRAY);
    const int longest = std::max(image.height, image.width);
    if (longest <= kLongestSide) {
      small = full;
      return;
    }
    const double scale = static_cast<double>(kLongestSide) / longest;
    cv::resize(full, small, {}, scale, scale, cv::INTER_AREA);
  }
};

FlowEstimator::FlowEstimator() : impl_(std::make_unique<Impl>()) {}
FlowEstimator::~FlowEstimator() = default;

void FlowEstimator::flow(const Image& before, const Image& now, FlowField& result) {
  require_alike(before.height, before.width, now.height, now.width, "optical flow");
  prepare(result, now.height, now.width);
  Impl& s = *impl_;
  constexpr int kSmallest = 16;  // below that its pyramid has no level
  if (std::min(now.height, now.width) < kSmallest) {
    std::ranges::fill(result.dx, 0.0f);
    std::ranges::fill(result.dy, 0.0f);
    return;
  }
  try {
    s.grey(before, s.before, s.small_before);
    s.grey(now, s.now, s.small_now);
    s.dis->calc(s.small_now, s.small_before, s.flow);
  } catch (const cv::Exception& e) {
    fail("optical flow of {} × {} pixels: {}", now.width, now.height, e.what());
  }
  const float sy = static_cast<float>(s.flow.rows) / static_cast<float>(now.height),
              sx = static_cast<float>(s.flow.cols) / static_cast<float>(now.width);
  const bool same = s.flow.rows == now.height && s.flow.cols == now.width;
  for (int y = 0; y < now.height; ++y)
    for (int x = 0; x < now.width; ++x) {
      cv::Vec2f v;
      if (same) {
        v = s.flow.at<cv::Vec2f>(y, x);
      } else {
        const float v_y = (static_cast<float>(y) + 0.5f) * sy - 0.5f,
                    v_x = (static_cast<float>(x) + 0.5f) * sx - 0.5f;
        const int y0 = std::clamp(static_cast<int>(v_y), 0, s.flow.rows - 1),
                  x0 = std::clamp(static_cast<int>(v_x), 0, s.flow.cols - 1);
        const int y1 = std::min(y0 + 1, s.flow.rows - 1), x1 = std::min(x0 + 1, s.flow.cols - 1);
        const float fy = std::clamp(v_y - static_cast<float>(y0), 0.0f, 1.0f),
                    fx = std::clamp(v_x - static_cast<float>(x0), 0.0f, 1.0f);
        v = (s.flow.at<cv::Vec2f>(y0, x0) * (1 - fx) + s.flow.at<cv::Vec2f>(y0, x1) * fx) * (1 - fy) +
            (s.flow.at<cv::Vec2f>(y1, x0) * (1 - fx) + s.flow.at<cv::Vec2f>(y1, x1) * fx) * fy;
        v[0] /= sx;
        v[1] /= sy;
      }
      result.dx[result.at(y, x)] = v[0];
      result.dy[result.at(y, x)] = v[1];
    }
}

void follow(const FlowField& step, const FlowField& past, FlowField& result) {
  require_alike(step.height, step.width, past.height, past.width, "optical flow");
  prepare(result, step.height, step.width);
  for (int y = 0; y < step.height; ++y)
    for (int x = 0; x < step.width; ++x) {
      const std::size_t i = step.at(y, x);
      const float py = static_cast<float>(y) + step.dy[i], px = static_cast<float>(x) + step.dx[i];
      result.dx[i] = step.dx[i] + sample(past.dx, past.height, past.width, py, px);
      result.dy[i] = step.dy[i] + sample(past.dy, past.height, past.width, py, px);
    }
}

void carry(const LabelMap& from, const FlowField& flow, LabelMap& to) {
  require_alike(from.height, from.width, flow.height, flow.width, "labels along the flow");
  to.height = from.height;
  to.width = from.width;
  to.labels.resize(from.labels.size());
  for (int y = 0; y < to.height; ++y)
    for (int x = 0; x < to.width; ++x) {
      const std::size_t i = flow.at(y, x);
      to.labels[i] = from.row(
          rounded_inside(static_cast<float>(y) + flow.dy[i],
                         from.height))[rounded_inside(static_cast<float>(x) + flow.dx[i], from.width)];
    }
}

LabelChanges label_changes(const LabelMap& before, const LabelMap& now, const FlowField& backward,
                           const FlowField& forward) {
  require_alike(before.height, before.width, now.height, now.width, "label changes");
  require_alike(before.height, before.width, backward.height, backward.width, "label changes");
  require_alike(before.height, before.width, forward.height, forward.width, "label changes");
  constexpr float kAgreement = 1.0f;
  std::size_t in_place = 0, along = 0, compared = 0;
  for (int y = 0; y < now.height; ++y)
    for (int x = 0; x < now.width; ++x) {
      const std::size_t i = backward.at(y, x);
      in_place += before.labels[i] != now.labels[i] ? 1 : 0;
      const float py = static_cast<float>(y) + backward.dy[i], px = static_cast<float>(x) + backward.dx[i];
      if (py < 0 || px < 0 || py > static_cast<float>(now.height - 1) ||
          px > static_cast<float>(now.width - 1))
        continue;
      const float back_y = backward.dy[i] + sample(forward.dy, now.height, now.width, py, px),
                  back_x = backward.dx[i] + sample(forward.dx, now.height, now.width, py, px);
      if (back_y * back_y + back_x * back_x > kAgreement * kAgreement) continue;
      ++compared;
      along +=
          before.row(rounded_inside(py, now.height))[rounded_inside(px, now.width)] != now.labels[i] ? 1 : 0;
    }
  const auto all = static_cast<double>(now.labels.size());
  return {static_cast<double>(in_place) / all,
          compared > 0 ? static_cast<double>(along) / static_cast<double>(compared) : 0,
          static_cast<double>(compared) / all};
}

double scene_change(const Image& before, const Image& now) {
  require_alike(before.height, before.width, now.height, now.width, "scene change");
  constexpr std::size_t kBins = 32, kQuarters = 4;
  using Histograms = std::array<std::array<double, kBins>, kQuarters>;
  const auto histograms = [](const Image& image) {
    Histograms all{};
    for (int y = 0; y < image.height; ++y)
      for (int x = 0; x < image.width; ++x) {
        const std::uint8_t* p = image.row(y) + 3 * static_cast<std::ptrdiff_t>(x);
        const auto grey = static_cast<std::size_t>((77 * p[0] + 151 * p[1] + 28 * p[2]) / 256);
        ++all[static_cast<std::size_t>((2 * y >= image.height ? 2 : 0) + (2 * x >= image.width ? 1 : 0))]
             [grey * kBins / 256];
      }
    return all;
  };
  const Histograms a = histograms(before), b = histograms(now);
  double distance = 0;
  for (std::size_t q = 0; q < kQuarters; ++q)
    for (std::size_t bin = 0; bin < kBins; ++bin) distance += std::fabs(a[q][bin] - b[q][bin]);
  return distance / (2.0 * now.height * now.width);
}

}  // namespace san
