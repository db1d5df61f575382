#pragma once
#include <memory>
#include <string>
#include <vector>

#include "bank/bank.h"
#include "text/vocabulary.h"

namespace san {

/// Of every class its place in the bank, by name whatever the case; -1 where it has no examples.
std::vector<int> places_in(const ExampleBank& bank, const std::vector<std::string>& classes);

/// The vocabulary with what the bank knows of its classes; see Model::with_bank(). Throws Error when
/// `network` is not the bank's, and where no class of the vocabulary has an example.
std::shared_ptr<const TextEmbeddings> with_examples(const TextEmbeddings& words, const ExampleBank& bank,
                                                    const std::string& network, float weight);

}  // namespace san
