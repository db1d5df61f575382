#pragma once
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "backend/backend.h"

namespace san::suite {

/// Draws the inputs of one case: the same values for every backend. In view mode every tensor is a slice of a
/// larger one, so that it starts misaligned and its rows are not adjacent.
class Inputs {
 public:
  Inputs(Backend& backend, std::uint32_t seed, bool views) : b(backend), rng_(seed), views_(views) {}

  Tensor normal(const Shape& shape, float deviation = 1);
  Tensor scalar(float value);
  Tensor integers(const Shape& shape, int limit);
  LinearWeight linear(std::int64_t in, std::int64_t out, bool bias = true,
                      LinearLayout layout = LinearLayout::kOutIn);
  GroupedLinearWeight grouped(std::int64_t in, std::int64_t out, int groups, bool bias);
  NormWeight norm(std::int64_t channels, float eps = 1e-5f);
  PatchWeight patch(std::int64_t patch, std::int64_t in, std::int64_t out, bool bias);
  Param param(const Shape& shape, float deviation);
  /// The same with values that are read when they are asked for.
  static Param unread(const Param& param);

  Backend& b;

 private:
  std::vector<float> draw(std::int64_t count, float deviation);

  std::mt19937 rng_;
  int params_ = 0;
  bool views_;
};

struct Case {
  std::string op, label;
  std::function<std::vector<Tensor>(Inputs&)> run;
};

void add_plain_cases(std::vector<Case>& cases);
void add_map_cases(std::vector<Case>& cases);
void add_weight_cases(std::vector<Case>& cases);
void add_composite_cases(std::vector<Case>& cases);

}  // namespace san::suite
