#include "image_inputs.h"

#include <glob.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>

#include "base/error.h"
#include "base/reader_limit.h"
#include "image/codec/decode.h"

namespace san::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStandardInput = "-";

std::vector<fs::path> pictures_in(const fs::path& folder) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.is_regular_file() && is_picture_name(entry.path())) found.push_back(entry.path());
  std::ranges::sort(found);
  require(!found.empty(), "{}: no pictures in this folder (jpg, png, webp, bmp, tif, ppm)", folder.string());
  return found;
}

std::vector<fs::path> matches(const std::string& pattern) {
  glob_t result{};
  const int code = ::glob(pattern.c_str(), 0, nullptr, &result);
  std::vector<fs::path> found;
  for (std::size_t i = 0; code == 0 && i < result.gl_pathc; ++i) found.emplace_back(result.gl_pathv[i]);
  ::globfree(&result);
  return found;
}

}  // namespace

std::vector<ImageInput> find_images(const std::vector<std::string>& inputs) {
  std::vector<fs::path> paths;
  const auto append = [&](const std::vector<fs::path>& more) {
    paths.insert(paths.end(), more.begin(), more.end());
  };
  for (const std::string& input : inputs) {
    if (input == kStandardInput) {
      require(std::ranges::find(paths, fs::path(kStandardInput)) == paths.end(),
              "-: standard input holds one picture; give - once");
      paths.emplace_back(input);
    } else if (fs::is_directory(input)) {
      append(pictures_in(input));
    } else if (fs::exists(input)) {
      paths.emplace_back(input);
    } else {
      const auto found = matches(input);
      require(!found.empty(), "{}: no such file or folder, and as a pattern it matches nothing", input);
      for (const fs::path& path : found)
        fs::is_directory(path) ? append(pictures_in(path)) : paths.push_back(path);
    }
  }
  std::map<std::string, int> stems, names;
  for (const fs::path& path : paths) ++stems[path.stem().string()], ++names[path.filename().string()];
  std::vector<ImageInput> out;
  std::map<std::string, int> used;
  for (const fs::path& path : paths) {
    if (path == kStandardInput) {
      out.push_back({path, "stdin"});
      ++used["stdin"];
      continue;
    }
    std::string stem = stems[path.stem().string()] == 1 ? path.stem().string() : path.filename().string();
    if (const int n = used[stem]++; n > 0) stem += fmt::format("-{}", n + 1);
    out.push_back({path, stem});
  }
  return out;
}

std::string read_standard_input(std::size_t limit_bytes, const std::atomic<bool>& interrupted) {
  constexpr int kLookEveryMs = 100;
  require(!::isatty(STDIN_FILENO),
          "-: standard input is a terminal; pipe a picture into it, such as `san segment - < photo.jpg`");
  const ReaderLimit limit(limit_bytes);
  std::string content;
  std::array<char, 1 << 16> chunk;
  while (true) {
    require(!interrupted, "interrupted while waiting for standard input");
    pollfd input{STDIN_FILENO, POLLIN, 0};
    if (::poll(&input, 1, kLookEveryMs) <= 0) continue;
    const ssize_t count = ::read(STDIN_FILENO, chunk.data(), chunk.size());
    if (count < 0 && errno == EINTR) continue;
    require(count >= 0, "-: standard input cannot be read: {}", std::strerror(errno));
    if (count == 0) break;
    content.append(chunk.data(), static_cast<std::size_t>(count));
    limit.check(content.size(), "-", "bytes on standard input");
  }
  require(!content.empty(), "-: standard input is empty; pipe a picture into it");
  return content;
}

}  // namespace san::cli
