#include "calibrate/calibration.h"

#include <algorithm>
#include <map>

#include "base/error.h"
#include "base/log.h"
#include "base/progress.h"
#include "engine/engine.h"
#include "quantize/trial_backend.h"

namespace san {
namespace {

class Calibrator {
 public:
  Calibrator(const LoadedModel& model, const Backend& backend, const CalibrationRequest& r)
      : request_(r),
        trial_(std::make_shared<Trial>()),
        session_(std::make_shared<Engine>(model, make_trial_backend(backend.fork(), trial_)), r.threads) {}

  Calibration run() {
    observe();
    const std::size_t count = layers_.size();
    std::vector<double> alone(count);
    set_all(true);
    double lost = changed(request_.pictures.size());
    log::info("all linear layers in int8 change {:.2f} % of the labels", 100 * lost);
    if (lost > request_.most_changed) {
      measure_each(alone);
      std::vector<std::size_t> worst(count);
      for (std::size_t i = 0; i < count; ++i) worst[i] = i;
      std::ranges::stable_sort(worst, [&](std::size_t a, std::size_t b) { return alone[a] > alone[b]; });
      lost = choose(worst, lost);
    }
    Calibration result;
    result.pictures = static_cast<int>(request_.pictures.size());
    result.changed = lost;
    for (std::size_t i = 0; i < count; ++i)
      result.layers.push_back(
          {layers_[i]->name, layers_[i]->macs, layers_[i]->scale, alone[i], layers_[i]->int8});
    return result;
  }

 private:
  void measure_each(std::vector<double>& alone) {
    Progress bar("labels lost by each layer", static_cast<std::int64_t>(alone.size()), request_.quiet);
    for (std::size_t i = 0; i < alone.size(); ++i) {
      set_all(false);
      layers_[i]->int8 = true;
      alone[i] = changed(1);
      bar.advance();
    }
  }
  LabelMap labels(const Image& picture) {
    if (request_.cancelled && *request_.cancelled) throw Cancelled("calibration: interrupted");
    const Backend::CancelWhen cancel(session_.backend(), request_.cancelled);
    return session_.segment(picture, request_.words).labels;
  }
  void set_all(bool int8) {
    for (const auto& layer : layers_) layer->int8 = int8;
  }
  /// Labels in float32, and the range of every layer.
  void observe() {
    Progress bar("observing", static_cast<std::int64_t>(request_.pictures.size()), request_.quiet);
    trial_->observing = true;
    for (const Image& picture : request_.pictures) {
      exact_.push_back(labels(picture));
      bar.advance();
    }
    trial_->observing = false;
    for (const auto& layer : trial_->layers) {
      if (layer->macs == 0) continue;
      layer->scale = layer->seen.best_range() / kInt8Most;
      layers_.push_back(layer);
    }
  }
  /// Share of the pixels of the first `pictures` that get another label.
  double changed(std::size_t pictures) {
    double different = 0, all = 0;
    for (std::size_t i = 0; i < pictures; ++i) {
      const auto now = labels(request_.pictures[i]).labels;
      const auto& before = exact_[i].labels;
      for (std::size_t p = 0; p < now.size(); ++p) different += now[p] != before[p] ? 1 : 0;
      all += static_cast<double>(now.size());
    }
    return different / all;
  }
  double without(const std::vector<std::size_t>& worst, std::size_t floats) {
    set_all(true);
    for (std::size_t i = 0; i < floats; ++i) layers_[worst[i]]->int8 = false;
    return changed(request_.pictures.size());
  }
  /// Leaves as few layers as possible in float32, the worst first; returns what is lost then. `all`: what is
  /// lost when none is.
  double choose(const std::vector<std::size_t>& worst, double all) {
    Progress bar("choosing layers", -1, request_.quiet);
    std::map<std::size_t, double> lost{{0, all}};
    const auto at = [&](std::size_t floats) {
      const auto [found, added] = lost.try_emplace(floats);
      if (added) {
        found->second = without(worst, floats);
        bar.advance();
      }
      return found->second;
    };
    std::size_t enough = 1, few = 0;
    while (at(enough) > request_.most_changed && enough < worst.size()) {
      few = enough;
      enough = std::min(worst.size(), 2 * enough);
    }
    while (enough - few > 1) {
      const std::size_t middle = few + (enough - few) / 2;
      (at(middle) > request_.most_changed ? few : enough) = middle;
    }
    for (std::size_t i = 0; i < worst.size(); ++i) layers_[worst[i]]->int8 = i >= enough;
    return at(enough);
  }

  const CalibrationRequest& request_;
  const std::shared_ptr<Trial> trial_;
  Session session_;
  std::vector<std::shared_ptr<TrialLayer>> layers_;  // those that run
  std::vector<LabelMap> exact_;
};

}  // namespace

float Calibration::scale(const Param& weight) const {
  const auto found = std::ranges::find(layers, layer_name(weight), &CalibratedLayer::name);
  return found != layers.end() && found->int8 ? found->scale : 0;
}

double Calibration::int8_share() const {
  double all = 0, int8 = 0;
  for (const CalibratedLayer& layer : layers) {
    all += static_cast<double>(layer.macs);
    int8 += layer.int8 ? static_cast<double>(layer.macs) : 0;
  }
  return all > 0 ? int8 / all : 0;
}

Calibration calibrate(const LoadedModel& model, const Backend& backend, const CalibrationRequest& request) {
  require(!request.pictures.empty(), "calibration: there is no picture to look at");
  return Calibrator(model, backend, request).run();
}

}  // namespace san
