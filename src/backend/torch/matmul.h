#pragma once
#include "backend/torch/torch_headers.h"

namespace san {

/// a [..., M, K] × b [..., K, N] with equal batch axes, or b [K, N] for all. Differentiable. On the CPU both
/// directions run on oneDNN, float32 or bfloat16, when the build has it: a libtorch built on the reference
/// BLAS is 10 to 100 times slower.
at::Tensor matmul_fast(const at::Tensor& a, const at::Tensor& b);
/// x [..., in] × wᵀ [out, in] + bias (may be undefined).
at::Tensor linear_fast(const at::Tensor& x, const at::Tensor& w, const at::Tensor& bias);
/// Whether CPU matmuls run on oneDNN in this build.
bool matmul_uses_onednn();
/// Whether this processor multiplies bfloat16 numbers itself (AVX-512 BF16 or AMX), through oneDNN.
bool cpu_multiplies_bf16();

}  // namespace san
