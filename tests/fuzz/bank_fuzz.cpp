// The reader of banks of examples. Input: a whole file, or its JSON header alone.
#include "bank/retrieval.h"
#include "fuzz_source.h"

namespace {

void open(san::FileBytes file) {
  san::fuzz::tolerate([&] {
    const san::ExampleBank bank = san::read_bank(std::move(file));
    if (bank.count() > 256 || bank.dim > 64) return;  // the solver's time, not the reader's
    san::TextEmbeddings words;
    words.classes = {bank.classes.front()};
    words.first_row = {0, 1};
    words.dim = bank.dim;
    const auto with = san::with_examples(words, bank, bank.network, -1);
    std::vector<float> logits(1);
    with->examples->add(std::span(bank.examples).first(static_cast<std::size_t>(bank.dim)), logits);
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  open(san::fuzz::hold("", data, size));
  const std::uint64_t length = size;
  open(san::fuzz::hold({reinterpret_cast<const char*>(&length), sizeof length}, data, size));
  return 0;
}
