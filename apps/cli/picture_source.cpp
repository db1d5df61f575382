#include "picture_source.h"

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <fstream>
#include <iostream>
#include <set>

#include "base/error.h"
#include "image/codec/decode.h"

namespace san::cli {
namespace {

namespace fs = std::filesystem;

class Given final : public PictureSource {
 public:
  explicit Given(std::vector<ImageInput> inputs) : inputs_(std::move(inputs)) {}
  std::optional<ImageInput> next() override {
    if (at_ == inputs_.size()) return {};
    return inputs_[at_++];
  }
  std::int64_t count() const override { return static_cast<std::int64_t>(inputs_.size()); }

 private:
  std::vector<ImageInput> inputs_;
  std::size_t at_ = 0;
};

/// "/data/a.jpg" → "data/a.jpg", "../a.jpg" → "_up/a.jpg": below the results' folder, whatever the path.
std::string stem_of(const fs::path& path) {
  fs::path stem;
  for (const fs::path& part : path.lexically_normal().relative_path())
    stem /= part == ".." ? fs::path("_up") : part;
  return stem.string();
}

bool read_path(std::istream& file, std::string& line) {
  while (std::getline(file, line)) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.empty()) return true;
  }
  return false;
}

class Listed final : public PictureSource {
 public:
  explicit Listed(const std::string& list) : name_(list) {
    if (list == "-") return;
    std::ifstream counted(list);
    require(counted.good(), "{}: the list of pictures cannot be read: {}", list, std::strerror(errno));
    count_ = 0;
    for (std::string line; read_path(counted, line);) ++count_;
    file_.open(list);
  }
  std::optional<ImageInput> next() override {
    std::istream& file = name_ == "-" ? std::cin : file_;
    std::string line;
    if (!read_path(file, line)) {
      require(!file.bad(), "{}: the list of pictures cannot be read", name_);
      return {};
    }
    return ImageInput{line, stem_of(line)};
  }
  std::int64_t count() const override { return count_; }

 private:
  std::string name_;
  std::ifstream file_;
  std::int64_t count_ = -1;
};

class Watched final : public PictureSource {
 public:
  Watched(const std::string& folder, const std::atomic<bool>& interrupted)
      : folder_(folder), interrupted_(interrupted), notify_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
    require(fs::is_directory(folder), "--watch {}: no such folder", folder);
    require(notify_ >= 0 && ::inotify_add_watch(notify_, folder.c_str(), IN_CLOSE_WRITE | IN_MOVED_TO) >= 0,
            "--watch {}: the folder cannot be watched: {}", folder, std::strerror(errno));
    look();
  }
  ~Watched() override {
    if (notify_ >= 0) ::close(notify_);
  }
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;

  std::optional<ImageInput> next() override {
    while (waiting_.empty() && !interrupted_) wait();
    if (interrupted_) return {};
    const std::string name = waiting_.front();
    waiting_.pop_front();
    return ImageInput{folder_ / name, name};
  }

 private:
  void add(const std::string& name) {
    if (!is_picture_name(name) || name.starts_with('.')) return;
    if (std::ranges::find(waiting_, name) == waiting_.end()) waiting_.push_back(name);
  }

  /// All that lies there: at the beginning, and when there were more changes than the system notes.
  void look() {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_))
      if (entry.is_regular_file()) names.insert(entry.path().filename().string());
    for (const std::string& name : names) add(name);
  }

  void wait() {
    constexpr int kLookEveryMs = 100;
    pollfd ready{notify_, POLLIN, 0};
    if (::poll(&ready, 1, kLookEveryMs) <= 0) return;
    alignas(inotify_event) std::array<char, 1 << 14> events;
    const ssize_t size = ::read(notify_, events.data(), events.size());
    for (ssize_t at = 0; at < size;) {
      inotify_event event;
      std::memcpy(&event, events.data() + at, sizeof event);
      if ((event.mask & IN_Q_OVERFLOW) != 0) look();
      if (event.len > 0) add(events.data() + at + sizeof event);
      at += static_cast<ssize_t>(sizeof event + event.len);
    }
  }

  fs::path folder_;
  const std::atomic<bool>& interrupted_;
  int notify_;
  std::deque<std::string> waiting_;
};

}  // namespace

std::unique_ptr<PictureSource> given_pictures(std::vector<ImageInput> inputs) {
  return std::make_unique<Given>(std::move(inputs));
}

std::unique_ptr<PictureSource> listed_pictures(const std::string& list) {
  return std::make_unique<Listed>(list);
}

std::unique_ptr<PictureSource> watched_pictures(const std::string& folder,
                                                const std::atomic<bool>& interrupted) {
  return std::make_unique<Watched>(folder, interrupted);
}

}  // namespace san::cli
