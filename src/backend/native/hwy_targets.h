#pragma once
// Kernels keep arrays of vectors in registers, which sizeless vectors (SVE, RVV) cannot; SSSE3 machines are
// few enough to run the portable code.
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
