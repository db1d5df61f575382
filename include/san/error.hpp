#pragma once
#include <stdexcept>

#if defined(__GNUC__)
#define SAN_API __attribute__((visibility("default")))
#else
#define SAN_API
#endif

namespace san {

/// The one exception type. The message says where, what was expected, what was met, and what to do.
class SAN_API Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Thrown where the caller asked for an end before it was reached.
class SAN_API Cancelled : public Error {
 public:
  using Error::Error;
};

}  // namespace san
