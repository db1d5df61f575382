#include "backend/native/attention_integers.h"

#include <algorithm>

#include "backend/native/attention.h"
#include "backend/native/int8_gemm.h"

namespace san::native {
namespace {

std::int64_t groups(std::int64_t count, std::int64_t group) {
  return (count + group - 1) / group;
}

/// Where a head's integers lie in memory that has room for the wider ones.
struct HeadMemory {
  HeadMemory(const Attention& a, float* first)
      : width(a.width),
        keys(first),
        values(keys + a.keys * groups(a.width, 2)),
        units(values + groups(a.keys, 2) * a.width),
        errors(units + 4 * a.width) {}
  static std::int64_t floats(const Attention& a) {
    return a.keys * groups(a.width, 2) + groups(a.keys, 2) * a.width + 4 * a.width + 2;
  }
  bool bytes(const Attention& a) const {
    return errors[0] <= a.most_rounding.scores && errors[1] <= a.most_rounding.values;
  }
  ByteSteps key_steps() const { return {units, units + width}; }
  ByteSteps value_steps() const { return {units + 2 * width, units + 3 * width}; }

  std::int64_t width;
  float *keys, *values, *units;
  float* errors;  ///< what bytes would change: of scores and of values
};

}  // namespace

std::vector<IntegerForm> integer_forms() {
#if defined(__x86_64__)
  const std::vector<Int8Form> bytes = int8_forms();
  if (std::find(bytes.begin(), bytes.end(), Int8Form::kQuads) != bytes.end())
    return {IntegerForm::kDots, IntegerForm::kPlain};
#endif
  return {IntegerForm::kPlain};
}

bool integers_are_multiplied() {
  return integer_forms().front() == IntegerForm::kDots;
}

void integer_attention(const Attention& a, BufferPool& buffers, ThreadPool& pool) {
  const std::int64_t blocks = query_blocks(a), all_heads = a.batch * a.heads;
  const std::int64_t each = HeadMemory::floats(a);
  const BufferPtr packed = buffers.acquire(all_heads * each);
  const auto memory = [&](std::int64_t head) { return HeadMemory(a, packed.get() + head * each); };
  const auto matrix = [&](const Heads& h, std::int64_t rows, std::int64_t head) -> HeadMatrix {
    return {h.data + head / a.heads * h.batch_stride + head % a.heads * a.width, h.row_stride, rows, a.width};
  };
  // Body(head, whether it is of its values).
  const auto for_each_half = [&](const auto& body) {
    pool.parallel_for(2 * all_heads, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) body(i / 2, i % 2 != 0);
    });
  };
  for_each_half([&](std::int64_t head, bool values) {
    const HeadMemory m = memory(head);
    if (values)
      m.errors[1] = find_value_steps(matrix(a.v, a.keys, head), m.value_steps());
    else
      m.errors[0] = find_key_steps(matrix(a.q, a.queries, head), matrix(a.k, a.keys, head), m.key_steps());
  });
  for_each_half([&](std::int64_t head, bool values) {
    const HeadMemory m = memory(head);
    const HeadMatrix x = matrix(values ? a.v : a.k, a.keys, head);
    if (m.bytes(a))
      values ? pack_int8_values(x, m.value_steps(), m.values) : pack_int8_keys(x, m.key_steps(), m.keys);
    else
      values ? pack_int16_values(x, m.values, m.units + 1) : pack_int16_keys(x, m.keys, m.units);
  });
  pool.parallel_for(all_heads * blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t batch = i / blocks / a.heads, head = i / blocks % a.heads;
      const HeadMemory m = memory(i / blocks);
      const bool bytes = m.bytes(a);
      const HeadRows rows{m.keys, m.values, groups(a.width, bytes ? 4 : 2), a.width, m.units};
      (bytes ? attend_int8 : attend_int16)(a, rows, batch, head, i % blocks);
    }
  });
}

}  // namespace san::native
