#include "program/common_options.h"

#include "base/log.h"
#include "san/model.hpp"

namespace san {

CLI::Option* add_short_side_option(CLI::App& app, int& short_side) {
  return app
      .add_option("--short-side", short_side,
                  "Resize the short side to this for the network; 0: the model's own")
      ->check(CLI::Range(0, 8192))
      ->capture_default_str();
}

CLI::Option* add_background_option(CLI::App& app, std::string& background) {
  return app
      .add_option(
          "--background", background,
          "none: every pixel gets a class; other: pixels the learned background wins become \"other\"")
      ->check(CLI::IsMember({"none", "other"}))
      ->capture_default_str();
}

void log_model(const ModelFacts& facts) {
  if (facts.random_weights)
    log::warn("{}", facts.description);
  else if (facts.untrained_adapter)
    log::warn("{}: train it with `san train --init` first; its masks mean nothing", facts.description);
  else
    log::info("model: {}", facts.description);
}

}  // namespace san
