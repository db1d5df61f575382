#pragma once
#include <filesystem>
#include <fstream>
#include <string_view>

#include "base/error.h"

namespace san::cli {

/// A file that appears whole or not at all, written piece by piece.
class WholeFile {
 public:
  explicit WholeFile(const std::filesystem::path& path)
      : path_(path), part_(path.string() + ".part"), file_(part_) {
    require(file_.good(), "{}: cannot be written", part_.string());
  }
  ~WholeFile() {
    std::error_code ignored;
    if (!done_) std::filesystem::remove(part_, ignored);
  }
  WholeFile(const WholeFile&) = delete;
  WholeFile& operator=(const WholeFile&) = delete;

  void write(std::string_view bytes) {
    file_.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  void finish() {
    file_.close();
    require(!file_.fail(), "{}: cannot be written; is there room on the disk?", path_.string());
    std::filesystem::rename(part_, path_);
    done_ = true;
  }

 private:
  std::filesystem::path path_, part_;
  std::ofstream file_;
  bool done_ = false;
};

}  // namespace san::cli
