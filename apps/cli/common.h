#pragma once
#include <CLI/CLI.hpp>
#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "san/class_names.hpp"

namespace san {
class Backend;
struct Grid;
struct LoadedModel;
}  // namespace san

namespace san::cli {

/// Which network and what runs it.
struct ModelArguments {
  std::string model = "default", backend = "native", device = "cpu", precision = "fp32", bpe, seed;
  int threads = 0;

  void add_to(CLI::App& app);
  LoadedModel load() const;
  std::unique_ptr<Backend> make_backend() const;
};

/// --method, from the list of all methods. Empty: the one that the model was made for.
void add_method_option(CLI::App& app, std::string& method);

/// Which classes, and how their names become text embeddings.
struct VocabularyArguments {
  std::string classes, classes_file, label_set, templates, cache_dir;
  bool no_cache = false, quiet = false;

  void add_to(CLI::App& app, bool required);
  std::vector<ClassName> parse() const;
};

/// Set by Ctrl-C; long work looks at it between steps. A second Ctrl-C ends the process at once.
const std::atomic<bool>& interrupted();
void catch_interrupts();

/// libtorch costs start-up time and memory, so what needs it lives in a second program beside this one: runs
/// the same command line there. Returns only by Error: when that program is not there, or this already is it.
void run_torch_companion();
void remember_arguments(char** argv);

/// The exit code of the command that ran, where it is not simply 0 (work done in part, a check failed).
void set_exit_code(int code);
int exit_code();

/// "640x864" (height × width) as a grid of pixels: multiples of 32. Throws Error otherwise.
Grid parse_size(const std::string& text);

/// Folder for results: created, or Error.
void make_folder(const std::filesystem::path& folder);

}  // namespace san::cli
