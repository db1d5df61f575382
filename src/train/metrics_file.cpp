#include "train/metrics_file.h"

#include <fstream>

#include "base/log.h"

namespace san {

void MetricsFile::append(const std::string& record) {
  const bool news = pending_.empty();
  pending_ += record + '\n';
  if (!flush() && news) log::warn("{}: cannot be written; training goes on", path_.string());
}

bool MetricsFile::flush() {
  if (pending_.empty()) return true;
  const std::int64_t before = bytes();
  std::ofstream file(path_, std::ios::app);
  file << pending_ << std::flush;
  if (file) return pending_.clear(), true;
  file.close();
  std::error_code ignored;
  std::filesystem::resize_file(path_, static_cast<std::uintmax_t>(before), ignored);
  return false;
}

std::int64_t MetricsFile::bytes() const {
  std::error_code absent;
  const std::uintmax_t bytes = std::filesystem::file_size(path_, absent);
  return absent ? 0 : static_cast<std::int64_t>(bytes);
}

void MetricsFile::cut(std::int64_t bytes) {
  if (this->bytes() > bytes) std::filesystem::resize_file(path_, static_cast<std::uintmax_t>(bytes));
}

void MetricsFile::remove() {
  std::filesystem::remove(path_);
}

}  // namespace san
