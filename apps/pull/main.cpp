// `san pull`, which alone needs libcurl and what it brings.
#include <fmt/format.h>

#include <optional>

#include "base/log.h"
#include "base/progress.h"
#include "hub/fetch/pull.h"
#include "program/commands.h"

namespace san {
namespace {

/// One bar per file and attempt. Messages come between bars.
class Bars {
 public:
  explicit Bars(bool quiet) : quiet_(quiet) {}
  void show(const std::string& file, std::int64_t done, std::int64_t total) {
    if (!bar_ || file != file_ || done < bar_->done() || total != bar_->total()) {
      bar_.reset();
      file_ = file;
      bar_.emplace(file, total, quiet_, Progress::Unit::kBytes, done);
    }
    bar_->advance(done - bar_->done());
  }
  void say(const std::string& message) {
    bar_.reset();
    log::info("{}", message);
  }

 private:
  bool quiet_;
  std::string file_;
  std::optional<Progress> bar_;
};

struct Arguments {
  PullRequest request;
  bool quiet = false;
};

void run(Arguments& a, const std::atomic<bool>& interrupted) {
  Bars bars(a.quiet);
  a.request.progress = [&](const std::string& file, std::int64_t done, std::int64_t total) {
    bars.show(file, done, total);
  };
  a.request.say = [&](const std::string& message) { bars.say(message); };
  a.request.cancelled = [&] { return interrupted.load(); };
  const Pulled pulled = pull_model(a.request);
  fmt::print("{}{}\n{} ({:.1f} MB)\nUse it as --model {}\n", pulled.model.name,
             pulled.was_there ? " is there already" : "", pulled.path.string(),
             static_cast<double>(pulled.model.model_bytes) / 1e6, pulled.model.name);
}

void add_options(CLI::App& app, Arguments& a) {
  PullRequest& r = a.request;
  app.add_option(
         "what", r.what,
         "A name that `san models` lists, hf:OWNER/REPO/FILE[@REVISION] of the Hugging Face hub, or an "
         "https:// or file:// address")
      ->required();
  app.add_option("--as", r.name, "Name to keep it under; default: as it was asked for");
  app.add_option("--bpe", r.bpe,
                 "Tokenizer merges to embed where the checkpoint has none (bpe_simple_vocab_16e6.txt(.gz), "
                 "merges.txt or tokenizer.json)");
  app.add_option("--activation", r.activation, "quick_gelu or gelu, where the file does not tell");
  app.add_option("--set", r.set, "field=value where shapes do not tell, as for `san convert`");
  app.add_flag("--fp16", r.half, "Keep matrices as float16 (half the size)");
  app.add_flag("--again", r.again, "Fetch it even if it is there");
  app.add_flag("-q,--quiet", a.quiet, "No progress bars");
  app.footer(
      "What is fetched is checked (length, SHA-256) and converted to one model file in $SAN_MODELS_DIR,\n"
      "$XDG_DATA_HOME/san/models or ~/.local/share/san/models. After Ctrl-C or a lost connection the same\n"
      "command goes on. $HF_ENDPOINT, $HF_TOKEN (sent to that host alone), $HF_HUB_OFFLINE and $HTTPS_PROXY\n"
      "are honoured. Nothing in a checkpoint is executed.\n"
      "Exit code 0: the model is there; 2: it is not; 130: interrupted.");
}

}  // namespace
}  // namespace san

// NOLINTNEXTLINE(bugprone-exception-escape): nothing is left to do when the last words cannot be printed.
int main(int argc, char** argv) {
  CLI::App app{"Fetch a model by name; after it, --model NAME works everywhere.", "san pull"};
  san::Arguments arguments;
  san::add_options(app, arguments);
  return san::run_only_command(app, argc, argv, [&](const std::atomic<bool>& interrupted) {
    san::run(arguments, interrupted);
    return 0;
  });
}
