#pragma once

namespace san {

/// Speeds of a product of matrices that was repeated, in 10⁹ floating-point operations per second, two per
/// multiply-add.
struct MatmulPeak {
  double best = 0;    ///< what the machine can do
  double median = 0;  ///< what it did in that time: others that use it slow this down as all else
};

}  // namespace san
