// Weights and values in and out, and the ops that only move or combine values.
#include <algorithm>
#include <cmath>

#include "backend/native/bf16.h"
#include "backend/native/native_backend_impl.h"
#include "backend/native/param_rows.h"
#include "base/error.h"
#include "tensor/int8_rows.h"

namespace san {

std::unique_ptr<Backend> make_native_backend(const NativeOptions& options) {
  return std::make_unique<native::NativeBackend>(options);
}

namespace native {

const FloatStorage& storage(const Tensor& x) {
  const auto* s = dynamic_cast<const FloatStorage*>(x.storage().get());
  require(s != nullptr, "native backend: a tensor of shape {} holds no float values of this backend",
          x.shape());
  return *s;
}

View view(const Tensor& x) {
  const FloatStorage& s = storage(x);
  return {s.data, x.shape(), s.strides};
}

namespace {

BufferPtr host_copy(const std::vector<float>& values) {
  BufferPtr memory = allocate_floats(static_cast<std::int64_t>(values.size()));
  std::copy(values.begin(), values.end(), memory.get());
  return memory;
}

/// Calls body(panel, begin, end) on all threads: the rows of a weight [out, in] that make a panel's columns.
template <class Packed, class Body>
void for_each_panel(const Packed& packed, ThreadPool& pool, const Body& body) {
  pool.parallel_for(packed.panels(), 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t p = first; p < last; ++p)
      body(p, p * packed.panel, std::min(packed.columns, (p + 1) * packed.panel));
  });
}

}  // namespace

NativeBackend::NativeBackend(const NativeOptions& options)
    : buffers_(std::make_shared<BufferPool>()),
      pool_(options.pool ? options.pool : std::make_shared<ThreadPool>(options.threads)),
      int8_(options.int8),
      bf16_(options.bf16),
      exact_attention_(options.exact_attention) {
  if (exact_attention_) return;
  // With VNNI integers are multiplied as fast as bfloat16 and nearer to the truth; matrix registers are
  // faster.
  if (bf16_ || (int8_ && bf16_forms().front() == Bf16Form::kAmx))
    bf16_attention_ = bf16_forms().front();
  else if (int8_ && integers_are_multiplied())
    integer_attention_ = integer_forms().front();
}

Tensor NativeBackend::tensor(const Shape& shape, BufferPtr memory, float* first, const Strides& strides) {
  return {shape, std::allocate_shared<FloatStorage>(RecyclingAllocator<FloatStorage>(buffers_->small()),
                                                    std::move(memory), first, strides)};
}

Tensor NativeBackend::make(const Shape& shape) {
  BufferPtr memory = buffers_->acquire(shape.elements());
  float* first = memory.get();
  return tensor(shape, std::move(memory), first, dense_strides(shape));
}

Tensor NativeBackend::same_buffer(const Tensor& x, const Shape& shape, std::int64_t offset,
                                  const Strides& strides) {
  const FloatStorage& s = storage(x);
  return tensor(shape, s.buffer, s.data + offset, strides);
}

Tensor NativeBackend::dense_copy(const Tensor& x) {
  const Tensor y = make(x.shape());
  copy_values(view(x), view(y), *pool_);
  return y;
}

Tensor NativeBackend::with_rows(const Tensor& x) {
  return as_rows(view(x)) ? x : dense_copy(x);
}

Tensor NativeBackend::with_dense(const Tensor& x) {
  return dense(view(x)) ? x : dense_copy(x);
}

PackedMatrix NativeBackend::pack(const float* source, std::int64_t row_stride, std::int64_t column_stride,
                                 std::int64_t depth, std::int64_t columns, BufferPtr memory) {
  PackedMatrix packed = make_packed(depth, columns, std::move(memory));
  pool_->parallel_for(packed.panels(), 2, [&](std::int64_t begin, std::int64_t end) {
    pack_matrix(source + begin * packed.panel * column_stride, row_stride, column_stride, packed, begin, end);
  });
  return packed;
}

// Weights
// ------------------------------------------------------------------------------------------------------------

std::shared_ptr<Storage> NativeBackend::do_prepare_linear(const Param& weight, const Param* bias,
                                                          LinearLayout layout) {
  const std::int64_t columns = weight.shape()[1];
  auto packed = std::make_shared<PackedLinear>();
  const bool out_in = layout == LinearLayout::kOutIn;
  if (bias) packed->bias = host_copy(bias->f32());
  if (int8_ && out_in && columns <= kInt8MaxDepth && int8_(weight.name))
    packed->int8 = pack_int8_linear(weight);
  else
    packed->matrix = pack_linear(weight, out_in);
  return packed;
}

PackedInt8 NativeBackend::pack_int8_linear(const Param& weight) {
  constexpr int kBytesSlot = 3;
  const std::int64_t out = weight.shape()[0], in = weight.shape()[1];
  const Int8Form form = int8_forms().front();
  PackedInt8 packed = make_packed_int8(in, out, form, buffers_->acquire(int8_packed_floats(in, out, form)));
  const ParamRows rows(weight);
  for_each_panel(packed, *pool_, [&](std::int64_t panel, std::int64_t begin, std::int64_t end) {
    const float* floats = rows.floats(begin, end);
    auto* bytes = reinterpret_cast<std::int8_t*>(thread_scratch(((end - begin) * in + 3) / 4, kBytesSlot));
    for (std::int64_t r = 0; r < end - begin; ++r)
      packed.scales[static_cast<std::size_t>(begin + r)] =
          quantize_row({floats + r * in, static_cast<std::size_t>(in)}, bytes + r * in);
    pack_int8(bytes, packed, panel, panel + 1);
  });
  for (std::size_t r = 0; r < packed.scales.size(); ++r)
    require(!std::isnan(packed.scales[r]),
            "{}: row {} has a value that is not finite, which int8 cannot hold; use --precision fp32",
            weight.name, r);
  return packed;
}

PackedMatrix NativeBackend::pack_linear(const Param& weight, bool out_in) {
  const Shape s = weight.shape();
  const std::int64_t in = s[out_in ? 1 : 0], out = s[out_in ? 0 : 1];
  const std::int64_t row_stride = out_in ? 1 : out, column_stride = out_in ? in : 1;
  const Lanes lanes = bf16_ && out_in && bf16_(weight.name)                     ? Lanes::kBf16Pairs
                      : weight.value.dtype == DType::kF16 && halves_are_cheap() ? Lanes::kHalves
                                                                                : Lanes::kFloats;
  PackedMatrix packed = make_packed(in, out, buffers_->acquire(packed_floats(in, out, lanes)), lanes);
  if (!out_in) {  // a panel has a part of every row
    const HostArray all = weight.stored();
    if (lanes != Lanes::kHalves)
      return pack(all.to_f32().data(), row_stride, column_stride, in, out, std::move(packed.values));
    pack_matrix(reinterpret_cast<const std::uint16_t*>(all.data.get()), row_stride, column_stride, packed, 0,
                packed.panels());
    return packed;
  }
  const ParamRows rows(weight);
  for_each_panel(packed, *pool_, [&](std::int64_t panel, std::int64_t begin, std::int64_t end) {
    if (lanes == Lanes::kHalves)
      pack_matrix(reinterpret_cast<const std::uint16_t*>(rows.stored(begin, end)), row_stride, column_stride,
                  packed, panel, panel + 1);
    else if (lanes == Lanes::kBf16Pairs)
      pack_matrix_bf16(rows.floats(begin, end), in, row_stride, column_stride, packed, panel, panel + 1);
    else
      pack_matrix(rows.floats(begin, end), row_stride, column_stride, packed, panel, panel + 1);
  });
  return packed;
}

std::shared_ptr<Storage> NativeBackend::do_prepare_layer_norm(const Param& weight, const Param& bias,
                                                              float eps) {
  auto norm = std::make_shared<PackedNorm>();
  norm->weight = host_copy(weight.f32());
  norm->bias = host_copy(bias.f32());
  norm->eps = eps;
  return norm;
}

std::shared_ptr<Storage> NativeBackend::do_prepare_patch_embed(const Param& weight, const Param* bias) {
  const Shape s = weight.shape();
  const std::int64_t out = s[0], in = s[1], area = s[2] * s[3], depth = in * area;
  const std::vector<float> values = weight.f32();
  // [out, in, p, p] → [out, p, p, in]: the order of a patch in an image of tokens.
  std::vector<float> by_pixel(values.size());
  for (std::int64_t o = 0; o < out; ++o)
    for (std::int64_t c = 0; c < in; ++c)
      for (std::int64_t i = 0; i < area; ++i)
        by_pixel[static_cast<std::size_t>(o * depth + i * in + c)] =
            values[static_cast<std::size_t>(o * depth + c * area + i)];
  auto packed = std::make_shared<PackedLinear>();
  packed->matrix = pack(by_pixel.data(), 1, depth, depth, out, buffers_->acquire(packed_floats(depth, out)));
  if (bias) packed->bias = host_copy(bias->f32());
  return packed;
}

std::shared_ptr<Storage> NativeBackend::do_prepare_table(const Param& table) {
  auto packed = std::make_shared<PackedTable>();
  packed->values = table.stored();
  return packed;
}

Tensor NativeBackend::do_prepare_tensor(const Param& value, const Shape& as) {
  BufferPtr memory = host_copy(value.f32());
  float* first = memory.get();
  return {as, std::make_shared<FloatStorage>(std::move(memory), first, dense_strides(as))};
}

// Values
// -------------------------------------------------------------------------------------------------------------

Tensor NativeBackend::do_from_host(const Shape& shape, std::span<const float> values) {
  const Tensor x = make(shape);
  std::copy(values.begin(), values.end(), data(x));
  return x;
}

Tensor NativeBackend::do_filled(const Shape& shape, const std::function<void(std::span<float>)>& fill) {
  const Tensor x = make(shape);
  fill({data(x), static_cast<std::size_t>(shape.elements())});
  return x;
}

Tensor NativeBackend::do_from_ids(const Shape& shape, std::span<const std::int32_t> ids) {
  auto s = std::make_shared<IdStorage>();
  s->ids.assign(ids.begin(), ids.end());
  return {shape, std::move(s)};
}

void NativeBackend::do_to_host(const Tensor& x, std::span<float> values) {
  copy_values(view(x), {values.data(), x.shape(), dense_strides(x.shape())}, *pool_);
}

// Layout: views of the same buffer wherever strides can say it
// ------------------------------------------------------------------------------------

Tensor NativeBackend::do_reshape(const Tensor& x, const Shape& out) {
  if (const auto strides = restride(view(x), out)) return same_buffer(x, out, 0, *strides);
  return same_buffer(dense_copy(x), out, 0, dense_strides(out));
}

Tensor NativeBackend::do_permute(const Tensor& x, std::span<const int> axes, const Shape& out) {
  const View v = view(x);
  Strides strides{};
  for (std::size_t i = 0; i < axes.size(); ++i) strides[i] = v.stride(axes[i]);
  return same_buffer(x, out, 0, strides);
}

Tensor NativeBackend::do_broadcast(const Tensor& x, const Shape& out) {
  return same_buffer(x, out, 0, broadcast_view(view(x), out).strides);
}

Tensor NativeBackend::do_slice(const Tensor& x, int axis, std::int64_t begin, const Shape& out) {
  const View v = view(x);
  return same_buffer(x, out, begin * v.stride(axis), v.strides);
}

Tensor NativeBackend::do_concat(std::span<const Tensor> xs, int axis, const Shape& out) {
  const Tensor y = make(out);
  View to = view(y);
  for (const Tensor& x : xs) {
    to.shape = x.shape();
    copy_values(view(x), to, *pool_);
    to.data += x[axis] * to.stride(axis);
  }
  return y;
}

// Element by element
// --------------------------------------------------------------------------------------------------

Tensor NativeBackend::do_add(const Tensor& a, const Tensor& b, const Shape& out) {
  const Tensor y = make(out);
  combine(Binary::kAdd, view(a), view(b), view(y), *pool_);
  return y;
}

Tensor NativeBackend::do_mul(const Tensor& a, const Tensor& b, const Shape& out) {
  const Tensor y = make(out);
  combine(Binary::kMul, view(a), view(b), view(y), *pool_);
  return y;
}

Tensor NativeBackend::do_activate(const Tensor& x, Activation kind) {
  const Tensor y = make(x.shape());
  activate_values(kind, view(x), view(y), *pool_);
  return y;
}

}  // namespace native
}  // namespace san
