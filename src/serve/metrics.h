#pragma once
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace san::serve {

/// Numbers for Prometheus (text format 0.0.4). From any thread. Label values come from fixed sets, never from
/// clients, so that the number of series is bounded.
class Metrics {
 public:
  using Labels = std::vector<std::pair<std::string, std::string>>;

  void count(const std::string& name, const Labels& labels = {}, double by = 1);
  /// Of durations; the buckets reach from a millisecond to a minute.
  void observe(const std::string& name, const Labels& labels, double seconds);

  /// One line with a value of now.
  struct Gauge {
    std::string name, help;
    double value = 0;
    bool counter = false;  ///< only ever grows
  };
  std::string text(const std::vector<Gauge>& gauges) const;

 private:
  struct Histogram {
    std::vector<std::uint64_t> buckets;
    double sum = 0;
    std::uint64_t count = 0;
  };
  mutable std::mutex mutex_;
  std::map<std::string, std::map<std::string, double>> counters_;  // by name, by labels as written
  std::map<std::string, std::map<std::string, Histogram>> histograms_;
};

/// Of this process: resident memory, processor time, open files, threads, start.
std::vector<Metrics::Gauge> process_gauges();

}  // namespace san::serve
