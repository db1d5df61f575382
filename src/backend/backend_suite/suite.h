#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"

/// Every op on every kind of input, compared with the reference backend. A backend's test file is one line:
/// `SAN_BACKEND_SUITE(native, [] { return make_native_backend({}); })`.
namespace san::suite {

using BackendFactory = std::function<std::unique_ptr<Backend>()>;

/// Largest |difference| allowed, as a multiple of the rms of the reference's values.
struct Tolerance {
  const char* op;
  double limit;
  const char* reason;
};

/// The one tolerance table; ops absent from it must be exact.
const std::vector<Tolerance>& tolerances();
/// What holds for an op: a backend's own bound where it has one, else the table's.
double tolerance(const std::string& op, const std::vector<Tolerance>& own = {});

/// Registers one GoogleTest per case, named <backend>.<op>/<case>; `factory` runs once per test. `own`: wider
/// bounds for arithmetic that the backend does not choose, each with its reason. Returns the number of cases.
int register_backend(const std::string& backend, const BackendFactory& factory,
                     const std::vector<Tolerance>& own = {});

/// Names of the ops that have cases.
std::vector<std::string> covered_ops();

}  // namespace san::suite

#define SAN_BACKEND_SUITE(backend, factory) \
  const int san_suite_of_##backend = san::suite::register_backend(#backend, factory)
