#include "serve/metrics.h"

#include <spdlog/fmt/fmt.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <filesystem>
#include <fstream>

namespace san::serve {
namespace {

constexpr std::array kBounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                             0.5,   1.0,    2.5,   5.0,  10.0,  30.0, 60.0};

const std::map<std::string, std::string>& helps() {
  static const std::map<std::string, std::string> kHelps{
      {"san_requests_total", "Requests answered, by route and status."},
      {"san_errors_total", "Requests refused, by the code of the error."},
      {"san_pictures_total", "Pictures segmented, by model."},
      {"san_pixels_total", "Pixels labelled, by model."},
      {"san_cancelled_total", "Requests whose client left before the answer."},
      {"san_request_seconds", "From the end of a request's body to its answer, by route."},
      {"san_stage_seconds", "Time of one stage of a segmentation."},
  };
  return kHelps;
}

std::string written(const Metrics::Labels& labels) {
  std::string text;
  for (const auto& [name, value] : labels) {
    text += fmt::format("{}{}=\"", text.empty() ? "" : ",", name);
    for (const char c : value) {
      if (c == '\\' || c == '"') text += '\\';
      text += c == '\n' ? ' ' : c;
    }
    text += '"';
  }
  return text;
}

std::string braced(const std::string& labels) {
  return labels.empty() ? "" : "{" + labels + "}";
}

void head(std::string& out, const std::string& name, const char* type, const std::string& help) {
  out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

}  // namespace

void Metrics::count(const std::string& name, const Labels& labels, double by) {
  const std::lock_guard lock(mutex_);
  counters_[name][written(labels)] += by;
}

void Metrics::observe(const std::string& name, const Labels& labels, double seconds) {
  const std::lock_guard lock(mutex_);
  Histogram& h = histograms_[name][written(labels)];
  h.buckets.resize(kBounds.size());
  for (std::size_t i = 0; i < kBounds.size(); ++i)
    if (seconds <= kBounds[i]) ++h.buckets[i];
  h.sum += seconds;
  ++h.count;
}

std::string Metrics::text(const std::vector<Gauge>& gauges) const {
  std::string out;
  for (const Gauge& gauge : gauges) {
    head(out, gauge.name, gauge.counter ? "counter" : "gauge", gauge.help);
    out += fmt::format("{} {}\n", gauge.name, gauge.value);
  }
  const std::lock_guard lock(mutex_);
  const auto help = [](const std::string& name) {
    const auto found = helps().find(name);
    return found == helps().end() ? name : found->second;
  };
  for (const auto& [name, series] : counters_) {
    head(out, name, "counter", help(name));
    for (const auto& [labels, value] : series) out += fmt::format("{}{} {}\n", name, braced(labels), value);
  }
  for (const auto& [name, series] : histograms_) {
    head(out, name, "histogram", help(name));
    for (const auto& [labels, h] : series) {
      const std::string before = labels.empty() ? "" : labels + ",";
      for (std::size_t i = 0; i < kBounds.size(); ++i)
        out += fmt::format("{}_bucket{{{}le=\"{}\"}} {}\n", name, before, kBounds[i], h.buckets[i]);
      out += fmt::format("{}_bucket{{{}le=\"+Inf\"}} {}\n", name, before, h.count);
      out += fmt::format("{0}_sum{1} {2}\n{0}_count{1} {3}\n", name, braced(labels), h.sum, h.count);
    }
  }
  return out;
}

std::vector<Metrics::Gauge> process_gauges() {
  static const double started = static_cast<double>(std::time(nullptr));
  std::ifstream statm("/proc/self/statm");
  double pages = 0, resident = 0;
  statm >> pages >> resident;
  const auto page = static_cast<double>(::sysconf(_SC_PAGESIZE));
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  const auto entries = [](const char* folder) {
    std::error_code error;
    double n = 0;
    for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
      ++n;
    return n;
  };
  return {{"process_resident_memory_bytes", "Memory of this process.", resident * page},
          {"process_virtual_memory_bytes", "Address space of this process.", pages * page},
          {"process_cpu_seconds_total", "Processor time.", seconds(usage.ru_utime) + seconds(usage.ru_stime),
           true},
          {"process_open_fds", "Open files.", entries("/proc/self/fd")},
          {"process_threads", "Threads.", entries("/proc/self/task")},
          {"process_start_time_seconds", "Start, in seconds since 1970.", started}};
}

}  // namespace san::serve
