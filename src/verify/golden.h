#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "image/preprocess.h"
#include "model/clip_text.h"
#include "tensor/parameter_source.h"
#include "verify/sliced.h"

namespace san {

/// One tensor of a golden file against ours.
struct TensorCheck {
  std::string name;
  std::int64_t values = 0;
  double max_error = 0;
  double rms = 0;    ///< of the golden values
  double bound = 0;  ///< on max_error; 0: exact
  std::string note;  ///< where the bound comes from when it is not the recorded noise, or what failed
  bool passed = false;
};

struct GoldenReport {
  std::string description;  ///< case, weights and network
  std::vector<TensorCheck> checks;
  bool passed() const;
};

/// The report as a table for people; `backend`: what recomputed it.
std::string describe(const GoldenReport& report, const std::string& backend);

struct VerifyOptions {
  std::filesystem::path bpe;  ///< CLIP's merges; without, token ids are taken from the file, not checked
  /// A tensor may differ by this many times the recorded float32 noise of the authors' own run.
  double noise_factor = 20;
  int threads = 0;
  /// Unit roundoff of the arithmetic that recomputes, in units of float32's: the noise counts as many times.
  double roundoff = 1;
};

/// What recomputes a recording: the network on a backend, or what was made of it elsewhere.
class GoldenNetwork {
 public:
  virtual ~GoldenNetwork() = default;
  using Wanted = std::function<bool(std::string_view name)>;
  using Tap = std::function<void(const std::string& name, const Values& value)>;
  /// [1, Q, K + 1] and [1, Q, h·w].
  using Logits = std::function<void(const Values& class_logits, const Values& mask_logits)>;

  /// Embeddings [prompts, D], once for every form it has.
  virtual std::vector<std::vector<float>> embed(const Prompts& prompts) = 0;
  /// The image branch for a picture and text rows [K, D], once for every form it has: `tap` gets the wanted
  /// intermediate values under the network's names, `logits` the results.
  virtual void run(const Preprocessed& image, const Values& text, const Wanted& wanted, const Tap& tap,
                   const Logits& logits) = 0;
  /// Why a recorded tensor is none of its values; empty: it should be one.
  virtual std::string omits(const std::string& /*name*/) const { return {}; }
};
using MakeGoldenNetwork =
    std::function<std::unique_ptr<GoldenNetwork>(const SanConfig& config, const ParameterSource& parameters)>;

/// Recomputes an inference golden file of the authors' code, from the weights inside it or by its formula,
/// and compares every tensor. Throws Error naming the file when it is not a golden file, when its parts
/// contradict each other, and beyond these limits: 1e9 parameters, 32768 tokens a branch, 2^29 values of
/// scores or mask logits at the picture's size, 65535 pixels a side, 65535 classes, 1000 templates.
GoldenReport verify_inference(const std::filesystem::path& golden, Backend& backend,
                              const VerifyOptions& options);
GoldenReport verify_inference(const std::filesystem::path& golden, const MakeGoldenNetwork& make,
                              const VerifyOptions& options);

/// Which kind of golden file this is; throws Error for another file.
enum class GoldenKind { kInference, kTraining };
GoldenKind golden_kind(const std::filesystem::path& golden);

}  // namespace san
