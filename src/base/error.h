#pragma once
#include <spdlog/fmt/fmt.h>

#include <utility>

#include "san/error.hpp"

namespace san {

namespace detail {
[[noreturn, gnu::cold]] void throw_error(fmt::string_view format, fmt::format_args args);
}

/// Throws Error with a fmt-formatted message.
template <class... Args>
[[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) {
  detail::throw_error(format, fmt::make_format_args(args...));
}

/// Throws Error unless `condition`; always on, in Release too. Text is made only then: hand over values that
/// fmt can print, not strings made of them.
template <class... Args>
[[gnu::always_inline]] inline void require(bool condition, fmt::format_string<Args...> format,
                                           Args&&... args) {
  if (!condition) [[unlikely]]
    detail::throw_error(format, fmt::make_format_args(args...));
}

}  // namespace san
