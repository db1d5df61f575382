#pragma once
// Kernels keep arrays of vectors in registers, which sizeless vectors (SVE, RVV) cannot.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
