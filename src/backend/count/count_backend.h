#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "backend/backend.h"

namespace san {

/// What one run of a network costs, from shapes alone.
struct Cost {
  std::int64_t macs = 0;
  std::int64_t peak_activation_bytes = 0;  ///< float32 values alive at once, weights not counted
  std::map<std::string, std::int64_t> macs_by_op;
};

enum class CountMode : std::uint8_t {
  kDefinition,  ///< as the paper defines the network: dense masks, unfolded bias MLP
  kNeeded       ///< with every exact rewrite: what a good implementation has to do
};

/// Computes shapes only: multiply-adds per op and the peak of live activations.
class CountBackend : public Backend {
 public:
  virtual Cost cost() const = 0;
};
std::unique_ptr<CountBackend> make_count_backend(CountMode mode);

/// Multiply-adds of attention_bias when its last layer is folded into the queries: groups·Q·E·M +
/// groups·Q·T·M, plus Q·E for the constant term.
std::int64_t folded_attention_bias_macs(std::int64_t batch, std::int64_t q, std::int64_t t, std::int64_t m,
                                        std::int64_t e, std::int64_t groups);

}  // namespace san
