#include "base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>

namespace san::log {

void setup(bool verbose) {
  auto logger = spdlog::get("san");
  if (!logger) logger = spdlog::stderr_color_mt("san");
  logger->set_pattern("%^%l%$: %v");
  logger->set_level(verbose ? spdlog::level::debug : spdlog::level::info);
  spdlog::set_default_logger(logger);
}

}  // namespace san::log
