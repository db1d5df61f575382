#include "program/last_resort.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <new>
#include <stdexcept>

#include "base/error.h"
#include "base/utf8.h"

namespace {

// Bytes of the allocation that failed last; std::bad_alloc does not say.
thread_local std::size_t refused_bytes = 0;

}  // namespace

// Sanitizers bring their own, which check more.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
// NOLINTBEGIN(cppcoreguidelines-no-malloc): this is what stands below new and delete.
void* operator new(std::size_t size) {
  for (;;) {
    if (void* memory = std::malloc(size != 0 ? size : 1)) return memory;
    refused_bytes = size;
    const std::new_handler handler = std::get_new_handler();
    if (handler == nullptr) throw std::bad_alloc();
    handler();
  }
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
// NOLINTEND(cppcoreguidelines-no-malloc)
#endif

namespace san {
namespace {

constexpr double kMiB = 1 << 20;

std::string out_of_memory(std::string_view command) {
  rlimit limit{};
  const bool limited = ::getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
  const double has =
      limited ? static_cast<double>(limit.rlim_cur)
              : static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE));
  return fmt::format(
      "out of memory: needs {} at once beside what is in use, has {:.0f} MiB in all, because {}; use a "
      "smaller "
      "picture, fewer classes, or a smaller --short-side{}",
      refused_bytes > 0 ? fmt::format("{:.0f} MiB", static_cast<double>(refused_bytes) / kMiB) : "more",
      has / kMiB, limited ? "a limit is set (ulimit -v)" : "the machine has no more",
      command.empty() ? "" : fmt::format("; it was for: {}", printable(command, 300)));
}

std::string describe(const std::exception_ptr& failure, std::string_view command) {
  try {
    std::rethrow_exception(failure);
  } catch (const std::bad_alloc&) {
    return out_of_memory(command);
  } catch (const std::length_error&) {
    return "a size is larger than any memory: " + out_of_memory(command);
  } catch (const std::filesystem::filesystem_error& e) {
    return fmt::format("{}: expected a file or folder that can be used, got: {}", e.path1().string(),
                       e.code().message());
  } catch (const Error& e) {
    return e.what();
  } catch (const std::exception& e) {
    return fmt::format("unexpected failure, please report it: {}", e.what());
  }
}

}  // namespace

std::string last_words(const std::exception_ptr& failure, std::string_view command) {
  return printable_lines(describe(failure, command));
}

}  // namespace san
