#pragma once
#include <string>

#include "base/error.h"

namespace san::test {

/// The message of the Error that `body` throws; empty where it throws none. For tests.
template <class Body>
std::string error_of(Body&& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

}  // namespace san::test
