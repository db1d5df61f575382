#pragma once
#include <CLI/CLI.hpp>
#include <string>

namespace san::cli {

/// --tile SIDE[,OVERLAP], in pixels of the picture.
struct TileArgument {
  int side = 0, overlap = 0;

  /// Without an overlap: a quarter of the side. Throws Error for anything else.
  static TileArgument parse(const std::string& text);
};

/// How often and through which windows a picture is seen, for every command that labels pictures.
struct ViewArguments {
  bool augment = false;
  int window = 0;
  TileArgument tile;

  void add_to(CLI::App& app);
};

}  // namespace san::cli
