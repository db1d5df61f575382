#include "bank/retrieval.h"

#include <algorithm>
#include <map>

#include "bank/likelihoods.h"
#include "base/error.h"
#include "text/text_cleaning.h"

namespace san {
namespace {

class BankLogits final : public ExampleLogits {
 public:
  BankLogits(const ExampleBank& bank, std::vector<int> place, double weight, std::optional<PictureGate> gate)
      : likelihoods_(bank),
        place_(std::move(place)),
        weight_(weight),
        gate_(gate),
        dim_(static_cast<std::size_t>(bank.dim)) {}

  void add(std::span<const float> embeddings, std::span<float> logits) const override {
    const std::size_t count = embeddings.size() / dim_, classes = likelihoods_.classes();
    if (weight_ == 0 || count == 0) return;
    std::vector<double> ratios(count * classes);
    double distance = 0;
    for (std::size_t i = 0; i < count; ++i)
      distance += likelihoods_.ratios(embeddings.subspan(i * dim_, dim_),
                                      std::span(ratios).subspan(i * classes, classes));
    const double weight = weight_ * (gate_ ? gate_->at(distance / static_cast<double>(count)) : 1);
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t c = 0; c < place_.size(); ++c)
        if (place_[c] >= 0)
          logits[i * place_.size() + c] +=
              static_cast<float>(weight * ratios[i * classes + static_cast<std::size_t>(place_[c])]);
  }

 private:
  ClassLikelihoods likelihoods_;
  std::vector<int> place_;  ///< in the bank, of each class of the vocabulary; -1: it has no examples
  double weight_;
  std::optional<PictureGate> gate_;
  std::size_t dim_;
};

}  // namespace

std::vector<int> places_in(const ExampleBank& bank, const std::vector<std::string>& classes) {
  const std::vector<std::int64_t> pictures = bank.pictures_of_classes();
  std::map<std::u32string, int> known;
  for (std::size_t c = 0; c < bank.classes.size(); ++c)
    if (pictures[c] > 0) known.emplace(clean_text(bank.classes[c]), static_cast<int>(c));
  std::vector<int> places;
  for (const std::string& name : classes) {
    const auto found = known.find(clean_text(name));
    places.push_back(found == known.end() ? -1 : found->second);
  }
  return places;
}

std::shared_ptr<const TextEmbeddings> with_examples(const TextEmbeddings& words, const ExampleBank& bank,
                                                    const std::string& network, float weight) {
  require(bank.network == network,
          "bank: its examples are another network's; make it anew with this model (san bank build --model)");
  require(bank.dim == words.dim, "bank: examples of {} values for words of {}", bank.dim, words.dim);
  require(weight <= 1000, "bank: a weight of {}; expected 0 to 1000", weight);
  std::vector<int> place = places_in(bank, words.classes);
  require(std::ranges::any_of(place, [](int c) { return c >= 0; }),
          "bank: it has examples of none of the classes; its own are {}{}",
          fmt::join(std::vector(bank.classes.begin(),
                                bank.classes.begin() + std::min<std::ptrdiff_t>(8, std::ssize(bank.classes))),
                    ", "),
          bank.classes.size() > 8 ? ", …" : "");
  auto out = std::make_shared<TextEmbeddings>(words);
  out->examples = weight < 0
                      ? std::make_shared<const BankLogits>(bank, std::move(place), bank.weight, bank.gate)
                      : std::make_shared<const BankLogits>(bank, std::move(place), weight, std::nullopt);
  return out;
}

}  // namespace san
