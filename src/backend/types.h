#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tensor/host_array.h"
#include "tensor/parameter_source.h"
#include "tensor/tensor.h"

namespace san {

/// Rows × columns of a map laid out as tokens, row-major.
struct Grid {
  std::int64_t height = 0, width = 0;
  std::int64_t tokens() const { return height * width; }
  friend bool operator==(const Grid&, const Grid&) = default;
};

/// kGelu is the exact (erf) one; kQuickGelu x·σ(1.702x); kInverseNorm 1 / max(√x, 1e-12), the factor of an L2
/// normalisation.
enum class Activation : std::uint8_t { kNone, kRelu, kGelu, kQuickGelu, kSigmoid, kExp, kInverseNorm };
enum class Interpolation : std::uint8_t { kBilinear, kBicubic };

/// Grid resampling, align_corners = false, no antialiasing, bicubic a = −0.75 (docs/network.md §2, §3).
struct ResizeSpec {
  Grid from, to;
  Interpolation kernel = Interpolation::kBilinear;
  /// Source step per target pixel is 1/scale; 0 means from/to, the size ratio.
  double scale = 0;
};

/// A named parameter on its way into a backend. `rows` selects [row_begin, row_end) of the first axis: a
/// slice of a fused weight stays the same parameter to an optimiser.
struct Param {
  std::string name;
  HostArray value;  ///< without values where `read` gives them
  bool trainable = false;
  std::int64_t row_begin = 0, row_end = -1;  ///< −1: to the last row
  RowReader read = nullptr;                  ///< of all rows

  Shape shape() const;             ///< of the selected rows
  std::vector<float> f32() const;  ///< of the selected rows
  HostArray stored() const;        ///< the selected rows in memory, as they are stored
  std::int64_t row_bytes() const;  ///< as they are stored
  bool whole() const { return row_begin == 0 && row_end < 0; }
};

enum class LinearLayout : std::uint8_t { kOutIn, kInOut };

/// Prepared weights: what a backend made of parameters at load, opaque to the network, immutable, shared by
/// sessions.
struct LinearWeight {
  std::string name;
  std::int64_t in = 0, out = 0;
  bool has_bias = false;
  std::shared_ptr<Storage> data;
};
/// A linear layer whose outputs are `groups` vectors of out / groups channels each, for attention_bias.
struct GroupedLinearWeight {
  std::string name;
  std::int64_t in = 0, out = 0;
  int groups = 0;
  bool has_bias = false;
  std::shared_ptr<Storage> data;
};
struct NormWeight {
  std::string name;
  std::int64_t channels = 0;
  float eps = 0;
  std::shared_ptr<Storage> data;
};
struct PatchWeight {
  std::string name;
  std::int64_t patch = 0, in = 0, out = 0;
  bool has_bias = false;
  std::shared_ptr<Storage> data;
};
struct TableWeight {
  std::string name;
  std::int64_t rows = 0, width = 0;
  std::shared_ptr<Storage> data;
};

struct LinearOptions {
  Activation activation = Activation::kNone;
  Tensor residual;  ///< added after the activation; shape of the result
};

struct AttentionOptions {
  int heads = 1;
  Tensor bias;          ///< added to the scaled scores: [B or 1, heads or 1, Tq, Tk]
  bool causal = false;  ///< query i sees keys 0..i (needs Tq = Tk)
  Tensor self_key,
      self_value;  ///< [B, Tq, d]: one extra key and value that only query i sees, without bias
};

/// Learned values of an affine map, both [1]; empty: none.
struct BiasScaling {
  Tensor scale, shift;
};

/// Tokens of texts that begin alike, what they have in common only once: token i follows token parents[i] <
/// i, or nothing (−1).
struct TokenTree {
  std::vector<std::int32_t> parents;

  /// How many tokens lie before each: its position in every text that it belongs to.
  std::vector<std::int32_t> depths() const;
};

struct Normed {
  Tensor sum, normed;
};

/// One executed op, for profilers and counters.
struct OpRecord {
  const char* op = "";
  std::string name;        ///< the scope or the weight, e.g. "vit_model.blocks.3.attn.qkv"
  Shape shape;             ///< of the result
  std::int64_t macs = 0;   ///< multiply-adds of the op as executed by this backend
  std::int64_t bytes = 0;  ///< operands, weights and result, each touched once
  double ms = 0;
  int depth = 0;  ///< > 0 inside a composite that runs its plain definition
};

}  // namespace san
