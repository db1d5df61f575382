// Products by matrix registers (AMX), of 16 rows of 16 lanes each, and their definition in plain vector code;
// included once per target. Lanes hold four bytes or two bfloat16, packed as for the instructions that
// multiply vectors of them.
#if defined(SAN_NATIVE_MATRIX_TILE_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef SAN_NATIVE_MATRIX_TILE_INL
#undef SAN_NATIVE_MATRIX_TILE_INL
#else
#define SAN_NATIVE_MATRIX_TILE_INL
#endif

#include <cstring>

#include "backend/native/amx.h"
#include "backend/native/int8_tile-inl.h"
#include "backend/native/tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace san::native::HWY_NAMESPACE {

/// c[r, :] = start + Σ_k a[r, k] · b[k, :] over lanes k of depth; strides in bytes.
struct MatrixTile {
  const void* a = nullptr;
  std::int64_t a_stride = 0;
  const void* b = nullptr;  ///< rows of whole vectors
  std::int64_t depth = 0;
  void* c = nullptr;
  std::int64_t c_stride = 0;
  const void* start = nullptr;  ///< what every row begins with unless there are sums; null: zero
  const void* sums = nullptr;   ///< what c begins with, may be c itself
  std::int64_t sums_stride = 0;
};

constexpr int kMatrixRows = kTileSide, kMatrixDepth = kTileSide;

#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3

/// Registers 0 to 2 are sums; 3 holds rows of a, 4 and 7 those of b; 5 and 6 are a and b of a depth that is
/// no multiple of 16. One thread at a time.
class AmxTiles {
 public:
  AmxTiles() = default;
  AmxTiles(const AmxTiles&) = delete;
  AmxTiles& operator=(const AmxTiles&) = delete;
  ~AmxTiles() {
    if (rows_ != 0) asm volatile("tilerelease");
  }

  /// `rows` ≤ 16, `vectors` ≤ 3. `bytes`: lanes are four of them, unsigned in a and signed in b, and sums are
  /// int32; else two bfloat16 and float32.
  template <bool bytes>
  void multiply(const MatrixTile& t, std::int64_t rows, std::int64_t vectors) {
    configure(static_cast<int>(rows), static_cast<int>(t.depth % kMatrixDepth));
    if (vectors == 1) return multiply_vectors<bytes, 1>(t);
    if (vectors == 2) return multiply_vectors<bytes, 2>(t);
    multiply_vectors<bytes, 3>(t);
  }

 private:
  struct alignas(64) Shapes {
    std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
    std::uint16_t row_bytes[16] = {};
    std::uint8_t rows[16] = {};
  };

  void configure(int rows, int rest) {
    if (rows == rows_ && (rest == rest_ || rest == 0)) return;
    rows_ = rows, rest_ = rest;
    Shapes shapes;
    const auto set = [&](int tile, int height, int lanes_wide) {
      shapes.row_bytes[tile] = static_cast<std::uint16_t>(4 * lanes_wide);
      shapes.rows[tile] = static_cast<std::uint8_t>(height);
    };
    for (const int sums : {0, 1, 2}) set(sums, rows, kMatrixDepth);
    set(3, rows, kMatrixDepth);
    set(4, kMatrixDepth, kMatrixDepth);
    set(7, kMatrixDepth, kMatrixDepth);
    if (rest > 0) set(5, rows, rest), set(6, rest, kMatrixDepth);
    asm volatile("ldtilecfg %0" ::"m"(shapes));
  }

  template <int tile>
  static HWY_INLINE void load(const char* from, std::int64_t stride) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(from), "r"(stride), "i"(tile) : "memory");
  }
  template <int tile>
  static HWY_INLINE void store(char* to, std::int64_t stride) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(to), "r"(stride), "i"(tile) : "memory");
  }
  template <int tile>
  static HWY_INLINE void start(const MatrixTile& t) {
    if (t.sums)
      load<tile>(static_cast<const char*>(t.sums) + tile * kVectorBytes, t.sums_stride);
    else if (t.start)
      load<tile>(static_cast<const char*>(t.start) + tile * kVectorBytes, 0);
    else
      asm volatile("tilezero %%tmm%c0" ::"i"(tile));
  }
  template <bool bytes, int sum, int a, int b>
  static HWY_INLINE void add() {
    if constexpr (bytes)
      asm volatile("tdpbusd %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(sum), "i"(a), "i"(b));
    else
      asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(sum), "i"(a), "i"(b));
  }

  template <bool bytes, int vectors>
  static void multiply_vectors(const MatrixTile& t) {
    start<0>(t);
    if constexpr (vectors > 1) start<1>(t);
    if constexpr (vectors > 2) start<2>(t);
    const char* a = static_cast<const char*>(t.a);
    const char* b = static_cast<const char*>(t.b);
    constexpr std::int64_t b_stride = vectors * kVectorBytes;
    for (std::int64_t k = 0; k + kMatrixDepth <= t.depth; k += kMatrixDepth) {
      load<3>(a, t.a_stride);
      load<4>(b, b_stride);
      add<bytes, 0, 3, 4>();
      if constexpr (vectors > 1) {
        load<7>(b + kVectorBytes, b_stride);
        add<bytes, 1, 3, 7>();
      }
      if constexpr (vectors > 2) {
        load<4>(b + 2 * kVectorBytes, b_stride);
        add<bytes, 2, 3, 4>();
      }
      a += kVectorBytes;
      b += kMatrixDepth * b_stride;
    }
    if (t.depth % kMatrixDepth != 0) {
      load<5>(a, t.a_stride);
      load<6>(b, b_stride);
      add<bytes, 0, 5, 6>();
      if constexpr (vectors > 1) {
        load<6>(b + kVectorBytes, b_stride);
        add<bytes, 1, 5, 6>();
      }
      if constexpr (vectors > 2) {
        load<6>(b + 2 * kVectorBytes, b_stride);
        add<bytes, 2, 5, 6>();
      }
    }
    char* c = static_cast<char*>(t.c);
    store<0>(c, t.c_stride);
    if constexpr (vectors > 1) store<1>(c + kVectorBytes, t.c_stride);
    if constexpr (vectors > 2) store<2>(c + 2 * kVectorBytes, t.c_stride);
  }

  static constexpr std::int64_t kVectorBytes = 64;
  int rows_ = 0, rest_ = 0;
};

#endif

/// The same by vectors, for any machine.
class PlainTiles {
 public:
  template <bool bytes>
  void multiply(const MatrixTile& t, std::int64_t rows, std::int64_t vectors) {
    using D = std::conditional_t<bytes, I, F>;
    const D d;
    const auto n = static_cast<std::int64_t>(lanes());
    using Lane = hn::TFromD<D>;
    const auto row = [](auto* base, std::int64_t r, std::int64_t stride) {
      using Byte =
          std::conditional_t<std::is_const_v<std::remove_pointer_t<decltype(base)>>, const char, char>;
      return static_cast<Byte*>(base) + r * stride;
    };
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t v = 0; v < vectors; ++v) {
        auto* c = reinterpret_cast<Lane*>(row(t.c, r, t.c_stride)) + v * n;
        const auto* start = static_cast<const Lane*>(t.start);
        const auto* sums = static_cast<const Lane*>(t.sums);
        auto sum = start ? hn::LoadU(d, start + v * n) : hn::Zero(d);
        if (sums) sum = hn::LoadU(d, reinterpret_cast<const Lane*>(row(t.sums, r, t.sums_stride)) + v * n);
        for (std::int64_t k = 0; k < t.depth; ++k) {
          Lane lane;
          std::memcpy(&lane, row(t.a, r, t.a_stride) + 4 * k, sizeof lane);
          const auto x = hn::Set(d, lane);
          const auto y = hn::LoadU(d, static_cast<const Lane*>(t.b) + (k * vectors + v) * n);
          if constexpr (bytes)
            sum = PortableQuads::dot(sum, x, y);
          else
            sum = Bf16Pairs::add(sum, x, y);
        }
        hn::StoreU(sum, d, c);
      }
  }
};

/// Bytes by tiles: what int8_tile_of() takes.
template <class Tiles>
struct ByteTiles {
  static constexpr int kVectors = 3, kRows = kMatrixRows;
  Tiles tiles;
};

template <class Tiles>
void int8_tile_of(ByteTiles<Tiles>& form, const std::byte* a, std::int64_t stride, std::int64_t rows,
                  const std::int32_t* w, std::int64_t groups, std::int64_t vectors, std::int32_t* sums) {
  const std::int64_t row_bytes = vectors * static_cast<std::int64_t>(lanes() * sizeof(std::int32_t));
  form.tiles.template multiply<true>({a, stride, w, groups, sums, row_bytes, nullptr, nullptr, 0}, rows,
                                     vectors);
}

/// Pairs of bfloat16 by tiles: what multiply() takes.
template <class Tiles>
struct Bf16Tiles {
  static constexpr int kRows = kMatrixRows;
  Tiles tiles;
};

template <class Product>
constexpr bool kMultipliesTiles = false;
template <class Tiles>
constexpr bool kMultipliesTiles<Bf16Tiles<Tiles>> = true;

template <bool adjacent_rows, class Tiles>
void multiply(Bf16Tiles<Tiles>& product, const Tile& t, std::int64_t rows, std::int64_t vectors) {
  static_assert(!adjacent_rows, "tiles are rows along depth");
  product.tiles.template multiply<false>(
      {t.a, t.a_row * 4, t.b, t.depth, t.c, t.c_stride * 4, t.bias, t.sums, t.sums_stride * 4}, rows,
      vectors);
}

/// Calls body with what multiplies pairs of bfloat16 in this form.
template <class Body>
HWY_INLINE void with_bf16(Bf16Form form, Body&& body) {
  const auto run = [&](auto product) HWY_ATTR { body(product); };
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  if (form == Bf16Form::kAmx) {
    Bf16Tiles<AmxTiles> tiles;
    return body(tiles);
  }
  if (form == Bf16Form::kDots) return run(Bf16Dots());
#endif
  if (form == Bf16Form::kPlainTiles) return run(Bf16Tiles<PlainTiles>());
  run(Bf16Pairs());
}

}  // namespace san::native::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
