#pragma once
#include <CLI/CLI.hpp>

#include "san/codec.hpp"

namespace san::cli {

/// How pictures are decoded: limits and sandbox, for every command that reads pictures of its user.
struct PictureArguments {
  DecodeOptions decode;

  void add_to(CLI::App& app);
};

}  // namespace san::cli
