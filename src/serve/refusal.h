#pragma once
#include <spdlog/fmt/fmt.h>

#include <string>
#include <string_view>
#include <utility>

#include "san/error.hpp"

namespace san::serve {

/// What a client is told in place of an answer. The message is for whoever sent the request: it never shows a
/// path, an address or another client's data.
class Refusal : public Error {
 public:
  Refusal(int status, std::string code, const std::string& message, std::string field = "",
          int retry_after_s = 0)
      : Error(message),
        status_(status),
        code_(std::move(code)),
        field_(std::move(field)),
        retry_after_s_(retry_after_s) {}

  int status() const { return status_; }               ///< HTTP's: 4xx or 5xx
  const std::string& code() const { return code_; }    ///< one of a fixed set of words, for programs
  const std::string& field() const { return field_; }  ///< of the request, such as "classes[3]"; may be empty
  int retry_after_s() const { return retry_after_s_; }  ///< 0: trying again does not help

 private:
  int status_;
  std::string code_, field_;
  int retry_after_s_;
};

/// Throws Refusal with a fmt-formatted message.
template <class... Args>
[[noreturn]] void refuse(int status, const char* code, const std::string& field,
                         fmt::format_string<Args...> format, Args&&... args) {
  throw Refusal(status, code, fmt::format(format, std::forward<Args>(args)...), field);
}

/// Throws Refusal of what may be answered after some seconds.
[[noreturn]] void refuse_for_now(int status, const char* code, std::string_view message, int retry_after_s);

/// Throws Refusal unless `condition`.
template <class... Args>
void expect(bool condition, int status, const char* code, const std::string& field,
            fmt::format_string<Args...> format, Args&&... args) {
  if (!condition) refuse(status, code, field, format, std::forward<Args>(args)...);
}

/// `text` as a stranger may read it: what looks like a path of this machine or a memory address is left out,
/// control characters are escaped, and it ends after 400 bytes.
std::string public_words(std::string_view text);

}  // namespace san::serve
