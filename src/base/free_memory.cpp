#include "base/free_memory.h"

#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>

namespace san {
namespace {

constexpr std::int64_t kUnlimited = std::numeric_limits<std::int64_t>::max();

std::int64_t number_in(const std::string& path, const std::string& key) {
  std::ifstream file(path);
  for (std::string word; file >> word;)
    if (std::int64_t value = 0; word == key && file >> value) return value;
  return -1;
}

std::int64_t group_memory_left() {
  std::string folder = "/sys/fs/cgroup";
  std::ifstream group("/proc/self/cgroup");
  for (std::string line; std::getline(group, line);)
    if (line.starts_with("0::")) folder += line.substr(3);
  std::ifstream limit_file(folder + "/memory.max"), used_file(folder + "/memory.current");
  std::int64_t limit = 0, used = 0;
  if (!(limit_file >> limit) || !(used_file >> used)) return kUnlimited;
  const std::int64_t cached = std::max<std::int64_t>(0, number_in(folder + "/memory.stat", "inactive_file"));
  return std::max<std::int64_t>(1, limit - used + cached);
}

std::int64_t addresses_left() {
  rlimit limit{};
  std::int64_t pages = 0;
  if (::getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
      !(std::ifstream("/proc/self/statm") >> pages))
    return kUnlimited;
  return std::max<std::int64_t>(1,
                                static_cast<std::int64_t>(limit.rlim_cur) - pages * ::sysconf(_SC_PAGESIZE));
}

}  // namespace

void give_back_free_memory() {
#ifdef __GLIBC__
  ::malloc_trim(0);
#endif
}

std::int64_t available_memory_bytes() {
  const std::int64_t kilobytes = number_in("/proc/meminfo", "MemAvailable:");
  return kilobytes < 0 ? 0 : std::min({1024 * kilobytes, group_memory_left(), addresses_left()});
}

}  // namespace san
