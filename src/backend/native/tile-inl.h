// The register tile every product is made of; included once per target.
#if defined(SAN_NATIVE_TILE_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef SAN_NATIVE_TILE_INL
#undef SAN_NATIVE_TILE_INL
#else
#define SAN_NATIVE_TILE_INL
#endif

#include <algorithm>

#include "backend/native/bf16.h"
#include "backend/native/halves-inl.h"
#include "backend/native/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace san::native::HWY_NAMESPACE {

// Rows × vectors of one register tile: with 32 registers 24 accumulators, with 16 registers 12.
constexpr int kTileVectors = 3;
constexpr int kTileRows = HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64 ? 8 : 4;

// How a lane of a row times a lane of a matrix is added to a sum of float32. Lanes are moved as floats
// whatever they hold.

struct Floats {
  static constexpr int kRows = kTileRows;
  static HWY_INLINE V add(V sum, V x, V y) { return hn::MulAdd(x, y, sum); }
};

/// Two bfloat16 a lane, of neighbouring depths.
struct Bf16Pairs {
  static constexpr int kRows = kTileRows;
  static HWY_INLINE V add(V sum, V x, V y) {
    return hn::MulAdd(first(x), first(y), hn::MulAdd(second(x), second(y), sum));
  }
  static HWY_INLINE V first(V pair) { return hn::BitCast(F(), hn::ShiftLeft<16>(hn::BitCast(U(), pair))); }
  static HWY_INLINE V second(V pair) {
    return hn::BitCast(F(), hn::And(hn::BitCast(U(), pair), hn::Set(U(), 0xffff0000u)));
  }
};

#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
/// The same by one instruction, of AVX-512 BF16; it takes what is denormal for zero.
struct Bf16Dots {
  static constexpr int kRows = kTileRows;
  static HWY_INLINE V add(V sum, V x, V y) {
    asm("vdpbf16ps %2, %1, %0" : "+v"(sum.raw) : "v"(x.raw), "v"(y.raw));
    return sum;
  }
};
#endif

/// c[r, :] = start + Σ_k a[r, k] · b[k, :]; rows of b, c and sums are whole vectors.
struct Tile {
  const float* a = nullptr;
  std::int64_t a_row = 0;   ///< floats between rows of a …
  std::int64_t a_step = 1;  ///< … and along depth; one of them is 1
  const float* b = nullptr;
  std::int64_t depth = 0;
  float* c = nullptr;
  std::int64_t c_stride = 0;
  const float* bias = nullptr;  ///< what every row starts from unless there are sums; null: zero
  const float* sums = nullptr;  ///< what c starts from, may be c itself
  std::int64_t sums_stride = 0;
  const std::byte* halves = nullptr;  ///< what a tile of halves takes for b: float16 …
  float* floats = nullptr;            ///< … whose floats it leaves here, for the tiles after it
};

template <class Product, int rows, int vectors, bool adjacent_rows, bool of_halves = false>
HWY_NOINLINE void multiply_tile(const Tile& t) {
  const F d;
  const auto n = static_cast<std::int64_t>(lanes());
  V acc[rows][vectors];
  if (t.sums) {
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r)
#pragma GCC unroll 3
      for (int v = 0; v < vectors; ++v) acc[r][v] = hn::LoadU(d, t.sums + r * t.sums_stride + v * n);
  } else {
#pragma GCC unroll 3
    for (int v = 0; v < vectors; ++v) {
      const V start = t.bias ? hn::LoadU(d, t.bias + v * n) : hn::Zero(d);
#pragma GCC unroll 8
      for (int r = 0; r < rows; ++r) acc[r][v] = start;
    }
  }
  const float* HWY_RESTRICT b = t.b;
  const std::byte* HWY_RESTRICT halves = t.halves;
  float* HWY_RESTRICT floats = t.floats;
  float* const c = t.c;
  const std::int64_t c_stride = t.c_stride, depth = t.depth;
  const float* HWY_RESTRICT a[rows];
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r) a[r] = t.a + r * t.a_row;
  for (std::int64_t k = 0; k < depth; ++k) {
    V column[vectors];
#pragma GCC unroll 3
    for (int v = 0; v < vectors; ++v) {
      if constexpr (of_halves) {
        column[v] = halves_vector(halves + 2 * v * n);
        hn::StoreU(column[v], d, floats + v * n);
      } else {
        column[v] = hn::LoadU(d, b + v * n);
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) {
      const V x = hn::Set(d, adjacent_rows ? a[0][r] : a[r][k]);
#pragma GCC unroll 3
      for (int v = 0; v < vectors; ++v) acc[r][v] = Product::add(acc[r][v], x, column[v]);
    }
    if (adjacent_rows) a[0] += t.a_step;
    if constexpr (of_halves)
      halves += 2 * vectors * n, floats += vectors * n;
    else
      b += vectors * n;
  }
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 3
    for (int v = 0; v < vectors; ++v) hn::StoreU(acc[r][v], d, c + r * c_stride + v * n);
}

template <class Product, int vectors, bool adjacent_rows>
void multiply_rows(const Tile& t, std::int64_t rows) {
  switch (rows) {
    case 1:
      return multiply_tile<Product, 1, vectors, adjacent_rows>(t);
    case 2:
      return multiply_tile<Product, 2, vectors, adjacent_rows>(t);
    case 3:
      return multiply_tile<Product, 3, vectors, adjacent_rows>(t);
    case 4:
      return multiply_tile<Product, 4, vectors, adjacent_rows>(t);
    case 5:
      return multiply_tile<Product, std::min(5, kTileRows), vectors, adjacent_rows>(t);
    case 6:
      return multiply_tile<Product, std::min(6, kTileRows), vectors, adjacent_rows>(t);
    case 7:
      return multiply_tile<Product, std::min(7, kTileRows), vectors, adjacent_rows>(t);
    default:
      return multiply_tile<Product, kTileRows, vectors, adjacent_rows>(t);
  }
}

/// `rows` ≤ Product::kRows, `vectors` ≤ kTileVectors; adjacent_rows: a's rows lie side by side (a_row = 1).
template <bool adjacent_rows, class Product>
void multiply(Product&, const Tile& t, std::int64_t rows, std::int64_t vectors) {
  if (vectors == 1) return multiply_rows<Product, 1, adjacent_rows>(t, rows);
  if (vectors == 2) return multiply_rows<Product, 2, adjacent_rows>(t, rows);
  multiply_rows<Product, 3, adjacent_rows>(t, rows);
}

/// The same of halves: between the products of a whole tile there is time to convert them.
inline void multiply_halves(const Tile& t, std::int64_t rows, std::int64_t vectors) {
  if (rows == kTileRows) {
    if (vectors == 1) return multiply_tile<Floats, kTileRows, 1, false, true>(t);
    if (vectors == 2) return multiply_tile<Floats, kTileRows, 2, false, true>(t);
    return multiply_tile<Floats, kTileRows, 3, false, true>(t);
  }
  halves_to_floats(t.halves, t.depth * vectors * static_cast<std::int64_t>(lanes()), t.floats);
  Floats product;
  multiply<false>(product, t, rows, vectors);
}

}  // namespace san::native::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
