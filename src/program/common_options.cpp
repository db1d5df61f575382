#include "program/common_options.h"

#include "base/error.h"
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

void add_class_count_option(CLI::App& app, int& count, int most) {
  const auto counts = CLI::Range(1, most);
  app.add_option("--class-count", count, "How many classes to name")->capture_default_str()->check(counts);
  app.add_option_function<std::string>(
         "--classes",
         [&count, counts](const std::string& given) {
           const std::string wrong = counts(given);
           require(wrong.empty(), "--classes {}: expected how many, as --class-count takes it: {}", given,
                   wrong);
           log::warn("--classes takes names in other commands; write --class-count {}", given);
           count = std::stoi(given);
         },
         "Once the spelling of --class-count")
      ->group("");
}

void require_background(const ModelFacts& facts, bool other) {
  require(!other || facts.knows_background,
          "method {} knows no background: every pixel gets one of the classes, none becomes \"other\"",
          facts.method);
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
