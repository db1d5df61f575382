#pragma once
#include <atomic>
#include <filesystem>
#include <string>
#include <vector>

namespace san::cli {

/// One run of a command line. main() makes it and hands it to the commands.
struct Program {
  char** arguments;                      ///< main()'s
  const std::atomic<bool>& interrupted;  ///< set by Ctrl-C or SIGTERM; long work looks at it between steps
  int exit_code =
      0;  ///< of the command that ran, where it is not simply 0 (work done in part, a check failed)

  /// libtorch costs start-up time and memory, so what needs it lives in a second program beside this one:
  /// runs the same command line there. Does nothing where this already is it; throws Error when it cannot be
  /// run.
  void run_torch_companion() const;
  /// The same for what builds and renders the demo world (librsvg, npm): `san world …` becomes `san-world …`.
  void run_world_companion() const;
  /// The same for what fetches models (libcurl): `san pull …` becomes `san-pull …`.
  void run_pull_companion() const;
  /// The same for what answers over HTTP: `san serve …` becomes `san-serve …`.
  void run_serve_companion() const;
  /// The same for what writes ONNX graphs (protobuf, onnx): `san export …` becomes `san-export …`. With
  /// `words` these are its arguments.
  void run_export_companion(std::vector<std::string> words = {}) const;
};

/// Where the program with libtorch is, should it be installed: san-torch beside this one.
std::filesystem::path torch_companion();

/// Version, commit, instruction set of this processor that the kernels use, backends.
std::string version_text();

}  // namespace san::cli
