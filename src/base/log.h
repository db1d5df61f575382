#pragma once
#include <spdlog/spdlog.h>

namespace san::log {
using spdlog::debug;
using spdlog::error;
using spdlog::info;
using spdlog::warn;

/// Plain lines to standard error ("warning: ..."), level info; `verbose` shows debug too.
void setup(bool verbose);
}  // namespace san::log
