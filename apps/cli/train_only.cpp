// The training program alone, for machines without the libraries of the whole (tools/build-cuda.sh).
#include <cstdio>
#include <cstdlib>

#include "base/error.h"
#include "base/log.h"
#include "commands.h"

int main(int argc, char** argv) {
  CLI::App app{"san-train: the training commands of san", "san-train"};
  app.require_subcommand(1);
  app.parse_complete_callback([] { san::log::setup(false); });
  san::cli::add_train(app);
  san::cli::add_pretrain(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  } catch (const std::exception& e) {
    fmt::print(stderr, "error: {}\n", e.what());
    return 2;
  }
  // Everything is on disk; a CUDA libtorch of another compiler does not survive the destruction of its
  // statics.
  std::fflush(nullptr);
  std::_Exit(0);
}
