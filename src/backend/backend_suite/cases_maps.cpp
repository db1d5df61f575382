// Ops on maps: resampling, pooling, patches.
#include "backend/backend_suite/cases.h"

namespace san::suite {
namespace {

std::string name(const Grid& g) {
  return std::to_string(g.height) + "x" + std::to_string(g.width);
}

}  // namespace

void add_map_cases(std::vector<Case>& cases) {
  struct Resize {
    Grid from, to;
    double scale;
  };
  const std::vector<Resize> resizes = {
      {{5, 7}, {5, 7}, 0},       {{5, 7}, {13, 20}, 0},     {{13, 20}, {5, 7}, 0},   {{1, 1}, {3, 4}, 0},
      {{3, 4}, {1, 1}, 0},       {{14, 14}, {20, 27}, 0},   {{20, 27}, {40, 54}, 0}, {{40, 1}, {1, 40}, 0},
      {{32, 32}, {16, 16}, 0.5}, {{32, 45}, {22, 31}, 0.7}, {{8, 9}, {21, 24}, 2.7}};
  for (const Resize& r : resizes)
    for (const auto kernel : {Interpolation::kBilinear, Interpolation::kBicubic}) {
      const std::string label = name(r.from) + "_" + name(r.to) + (r.scale > 0 ? "_scaled" : "") +
                                (kernel == Interpolation::kBicubic ? "_bicubic" : "_bilinear");
      cases.push_back({"resize", label, [r, kernel](Inputs& in) {
                         const ResizeSpec spec{r.from, r.to, kernel, r.scale};
                         return std::vector{in.b.resize(in.normal({2, r.from.tokens(), 3}), spec),
                                            in.b.resize(in.normal({1, r.from.tokens(), 37}), spec)};
                       }});
    }

  const std::vector<std::pair<Grid, Grid>> pools = {
      {{40, 40}, {20, 20}}, {{40, 54}, {20, 27}}, {{40, 54}, {32, 43}}, {{7, 5}, {3, 4}},
      {{3, 4}, {7, 5}},     {{6, 6}, {1, 1}},     {{1, 1}, {1, 1}},     {{9, 17}, {9, 17}}};
  for (const auto& [from, to] : pools)
    cases.push_back({"adaptive_max_pool", name(from) + "_" + name(to), [from = from, to = to](Inputs& in) {
                       return std::vector{
                           in.b.adaptive_max_pool(in.normal({2, 3, from.tokens()}), from, to),
                           in.b.adaptive_max_pool(in.normal({2, 2, 5, from.tokens()}), from, to)};
                     }});

  struct Patch {
    Grid grid;
    std::int64_t patch, in, out;
    bool bias;
  };
  const std::vector<Patch> patches = {{{32, 48}, 16, 3, 24, true},  {{64, 64}, 32, 3, 17, false},
                                      {{29, 45}, 14, 3, 40, true},  {{24, 17}, 8, 3, 9, false},
                                      {{47, 33}, 16, 3, 240, true}, {{5, 6}, 1, 4, 3, true},
                                      {{63, 95}, 32, 1, 5, true}};
  for (const Patch& p : patches)
    cases.push_back({"patch_embed", name(p.grid) + "_p" + std::to_string(p.patch) + (p.bias ? "_bias" : ""),
                     [p](Inputs& in) {
                       const PatchWeight w = in.patch(p.patch, p.in, p.out, p.bias);
                       return std::vector{in.b.patch_embed(in.normal({2, p.grid.tokens(), p.in}), p.grid, w)};
                     }});
}

}  // namespace san::suite
