#include "method/input.h"

#include <algorithm>
#include <chrono>
#include <functional>

#include "image/crop.h"

namespace san {

NetworkInput fit_picture(const Compute& compute, const Image& picture, const InputSize& usual,
                         const LookOptions& options, int multiple, int least) {
  const auto start = std::chrono::steady_clock::now();
  const int short_side = options.short_side > 0 ? options.short_side : usual.short_side;
  const int long_side =
      options.long_side > 0
          ? options.long_side
          : static_cast<int>(static_cast<std::int64_t>(usual.long_side) * short_side / usual.short_side);
  const Size size =
      resize_shortest_edge({picture.height, picture.width}, short_side, long_side, options.size_rule);
  LookMemory& memory = compute.memory;
  if (options.mirrored) memory.mirrored = mirrored(picture);
  const Image& resized =
      memory.resizer.run(options.mirrored ? memory.mirrored : picture, std::max(size.height, least),
                         std::max(size.width, least), options.filter, &compute.pool);
  NetworkInput input{placement(resized, multiple), {}};
  const Shape shape{1, std::int64_t{input.height} * input.width, 3};
  const auto fill = [&](std::span<float> values) { preprocess(resized, input, values, &compute.pool); };
  input.image = compute.backend.from_host(shape, std::cref(fill));
  input.ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  return input;
}

HeadView view_of(const Placement& input, Grid grid, bool mirrored) {
  HeadView view;
  view.grid_height = static_cast<int>(grid.height), view.grid_width = static_cast<int>(grid.width);
  view.padded_height = input.height, view.padded_width = input.width;
  view.content_height = input.content_height, view.content_width = input.content_width;
  view.mirrored = mirrored;
  return view;
}

}  // namespace san
