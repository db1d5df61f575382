#include <fmt/format.h>

#include "verify/golden.h"

namespace san {

std::string describe(const GoldenReport& report, const std::string& backend) {
  std::string text = fmt::format("{}\nbackend {}\n\n", report.description, backend);
  text += fmt::format("{:<50}{:>10}{:>12}{:>12}{:>12}  {}\n", "tensor", "values", "max error", "error/rms",
                      "bound", "result");
  std::size_t agree = 0, left_out = 0;
  for (const TensorCheck& c : report.checks) {
    const std::string relative = c.rms > 0 ? fmt::format("{:.2e}", c.max_error / c.rms) : "";
    const bool not_computed = c.passed && c.values == 0;
    text += fmt::format("{:<50}{:>10}{:>12.2e}{:>12}{:>12.2e}  {}{}{}\n", c.name, c.values, c.max_error,
                        relative, c.bound,
                        not_computed ? "none"
                        : c.passed   ? "pass"
                                     : "FAIL",
                        c.note.empty() ? "" : "  ", c.note);
    not_computed ? ++left_out : agree += c.passed ? 1 : 0;
  }
  text += fmt::format("\n{} of {} tensors agree", agree, report.checks.size() - left_out);
  return text + (left_out > 0 ? fmt::format("; {} are not computed here\n", left_out) : "\n");
}

}  // namespace san
