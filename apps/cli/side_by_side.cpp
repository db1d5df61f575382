#include "side_by_side.h"

#include <algorithm>

#include "base/free_memory.h"
#include "base/log.h"

namespace san::cli {
namespace {

/// What else a picture takes, of 12 megapixels: itself, its labels, an overlay and the file of it.
constexpr std::int64_t kPictureBytes = 150'000'000;

std::int64_t bytes_of_one(const Model& model, const ModelFacts& facts, int short_side) {
  const PictureCost largest = model.cost(facts.short_side, facts.long_side);
  const double scale = short_side > 0 ? static_cast<double>(short_side) / facts.short_side : 1;
  return kPictureBytes +
         static_cast<std::int64_t>(scale * scale * static_cast<double>(largest.peak_activation_bytes));
}

}  // namespace

int pictures_at_a_time(const Model& model, const ThreadBudget& threads, std::int64_t pictures,
                       int short_side) {
  const std::int64_t most =
      pictures < 0 ? threads.threads() : std::min<std::int64_t>(threads.threads(), pictures);
  const ModelFacts facts = model.facts();
  // libtorch has threads of its own; what other methods hold is not known.
  if (most <= 1 || facts.backend != "native" || facts.method != "san") return 1;
  const std::int64_t each = bytes_of_one(model, facts, short_side), left = available_memory_bytes();
  const std::int64_t jobs = left == 0 ? most : std::clamp<std::int64_t>(left / 2 / each, 1, most);
  log::debug("{} pictures at a time, each on a thread of its own: about {} MB each of {} MB left", jobs,
             each / 1'000'000, left / 1'000'000);
  return static_cast<int>(jobs);
}

}  // namespace san::cli
