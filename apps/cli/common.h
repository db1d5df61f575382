#pragma once
#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "program.h"
#include "program/words/vocabulary_arguments.h"

namespace san {
class Backend;
struct Grid;
struct LoadedModel;
}  // namespace san

namespace san::cli {

/// Which network and what runs it.
struct ModelArguments {
  std::string model = "default", backend = "native", device = "cpu", precision = "model",
              text_precision = "fp32", bpe, seed, calibration;
  int threads = 0;

  void add_to(CLI::App& app);
  LoadedModel load() const;
  /// For that model, which load() gave; tells the precision where it was not asked for by name.
  std::unique_ptr<Backend> make_backend(const LoadedModel& loaded, const Program& program) const;
};

/// Says on standard error what `chosen` is, where --precision `asked` left it open.
void tell_precision(const std::string& backend, const std::string& asked, const std::string& chosen);

/// Likewise of --text-precision.
void tell_text_precision(const std::string& asked, const std::string& chosen);

/// --calibration, for commands whose scores count.
void add_calibration_option(CLI::App& app, std::string& calibration);

/// --method, from the list of all methods. Empty: the one that the model was made for.
void add_method_option(CLI::App& app, std::string& method);

/// "640x864" (height × width) as a grid of pixels: multiples of 32. Throws Error otherwise.
Grid parse_size(const std::string& text);

}  // namespace san::cli
