#pragma once
#include <dnnl.hpp>
#include <type_traits>

/// What this room's uses of oneDNN share; only for sources compiled with SAN_TORCH_ONEDNN.
namespace san {

inline dnnl::engine& onednn_engine() {
  static dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

/// Of float, and of at::BFloat16.
template <class T>
inline constexpr dnnl::memory::data_type kOneDnnType =
    std::is_same_v<T, float> ? dnnl::memory::data_type::f32 : dnnl::memory::data_type::bf16;

}  // namespace san
