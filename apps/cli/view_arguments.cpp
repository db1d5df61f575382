#include "view_arguments.h"

#include <charconv>

#include "base/error.h"

namespace san::cli {
namespace {

constexpr int kSmallest = 32, kLargest = 1 << 15;

int whole_number(std::string_view text) {
  int value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : -1;
}

}  // namespace

TileArgument TileArgument::parse(const std::string& text) {
  const std::size_t comma = text.find(',');
  TileArgument tile;
  tile.side = whole_number(std::string_view(text).substr(0, comma));
  tile.overlap = comma == text.npos ? tile.side / 4 : whole_number(std::string_view(text).substr(comma + 1));
  require(tile.side >= kSmallest && tile.side <= kLargest,
          "--tile {}: expected SIDE or SIDE,OVERLAP in pixels, a side of {} to {}", text, kSmallest,
          kLargest);
  require(tile.overlap >= 0 && tile.overlap <= tile.side / 2,
          "--tile {}: tiles of {} pixels can overlap by 0 to {}", text, tile.side, tile.side / 2);
  return tile;
}

void ViewArguments::add_to(CLI::App& app) {
  app.add_flag("--tta", augment,
               "Test-time augmentation: six sizes, 0.5 to 1.75 times the input's, each also mirrored, class "
               "maps averaged");
  auto* windows =
      app.add_option("--window", window,
                     "Sliding windows of this side in pixels, overlapping by a third, averaged evenly; "
                     "0: whole pictures")
          ->check(CLI::Range(0, kLargest))
          ->capture_default_str();
  app.add_option_function<std::string>(
         "--tile", [this](const std::string& text) { tile = TileArgument::parse(text); },
         "SIDE[,OVERLAP]: square tiles of that many pixels that fade into each other over the overlap (a "
         "quarter of "
         "the side); for pictures with more detail than the network's input")
      ->excludes(windows);
}

}  // namespace san::cli
