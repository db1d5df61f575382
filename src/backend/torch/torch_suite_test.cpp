#include "backend/backend_suite/suite.h"
#include "backend/torch/factory.h"

namespace {
SAN_BACKEND_SUITE(torch, [] { return san::make_torch_backend(); });
}  // namespace
