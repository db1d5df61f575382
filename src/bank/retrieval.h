#pragma once
#include <memory>
#include <string>

#include "bank/bank.h"
#include "text/vocabulary.h"

namespace san {

/// The vocabulary with what the bank knows of its classes; see Model::with_bank(). Throws Error when
/// `network` is not the bank's, and where no class of the vocabulary has an example.
std::shared_ptr<const TextEmbeddings> with_examples(const TextEmbeddings& words, const ExampleBank& bank,
                                                    const std::string& network, float weight);

}  // namespace san
