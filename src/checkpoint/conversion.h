#pragma once
#include <string>
#include <vector>

#include "tensor/parameter_source.h"

namespace san {

/// How a source differs from what a network declares.
struct ParameterDifferences {
  struct Misshapen {
    std::string name;
    Shape expected, actual;
  };
  std::vector<std::string> missing, unexpected;
  std::vector<Misshapen> misshapen;

  bool empty() const { return missing.empty() && unexpected.empty() && misshapen.empty(); }
  /// Counts, then at most 20 lines of each kind.
  std::string str() const;
};

ParameterDifferences compare_parameters(const std::vector<Declaration>& required,
                                        const ParameterSource& source);

/// Throws one Error that reports every missing, unexpected and misshapen parameter at once.
void require_same_parameters(const std::vector<Declaration>& required, const ParameterSource& source);

}  // namespace san
