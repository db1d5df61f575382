#pragma once
#include "backend/torch/torch_headers.h"

namespace san {

/// Whether fused_cpu_attention() takes these: on the CPU, all float32 or all bfloat16, in a build with
/// oneDNN.
bool has_fused_cpu_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v);

/// softmax(q kᵀ / √(C / heads)) v per head, differentiable; q [B, Tq, C], k and v [B, Tk, C], values of all
/// heads side by side. `causal`: query i sees keys 0..i. Neither direction keeps the matrix of scores: the
/// way back computes it again, block by block in the cache (Dao et al., arXiv 2205.14135). Sums in float32;
/// the same result for any number of threads.
at::Tensor fused_cpu_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                               std::int64_t heads, bool causal);

}  // namespace san
