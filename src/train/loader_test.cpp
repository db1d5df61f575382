#include "train/loader.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace san {
namespace {

TEST(Loader, HandsBatchesOutInOrderWhateverTheThreads) {
  struct Batch {
    int index = 0;
    std::vector<int> slots = std::vector<int>(10);
  };
  for (const int threads : {1, 4}) {
    int next = 0;
    Loader<Batch> loader(
        {[&] {
           auto b = std::make_unique<Batch>();
           b->index = next++;
           return b;
         },
         [](Batch& b, int slot) { b.slots[static_cast<std::size_t>(slot)] = 100 * b.index + slot; }, 10, 3},
        threads, 3);
    for (int i = 0; i < 20; ++i) {
      const auto batch = loader.next();
      ASSERT_EQ(batch->index, i);
      for (int s = 0; s < 10; ++s) ASSERT_EQ(batch->slots[static_cast<std::size_t>(s)], 100 * i + s);
    }
  }
}

TEST(Loader, RethrowsWhatAWorkerThrew) {
  struct Batch {};
  Loader<Batch> loader(
      {[] { return std::make_unique<Batch>(); }, [](Batch&, int) { fail("picture 7 is damaged"); }, 2, 1}, 2,
      2);
  EXPECT_THROW(loader.next(), Error);
}

}  // namespace
}  // namespace san
