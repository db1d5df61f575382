#include "prepare/prepare.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "base/log.h"
#include "commands.h"
#include "common.h"
#include "picture_arguments.h"

namespace san::cli {
namespace {

void run(PrepareOptions options, const PictureArguments& pictures, Program& program) {
  options.decode = pictures.decode;
  options.cancelled = &program.interrupted;
  const PrepareSummary summary = prepare_dataset(options);
  fmt::print("{}", summary.text());
  std::int64_t failed = 0;
  for (const auto& entry : summary.splits) failed += entry.second.failed;
  if (failed == 0) return;
  const auto first = std::ranges::find(summary.problems, ProblemKind::kUnreadableLabel, &Problem::kind);
  log::error("{} label files cannot be converted{}", failed,
             first == summary.problems.end()
                 ? ""
                 : fmt::format(", the first of them {}: {}", first->path.string(), first->detail));
  program.exit_code = 1;
}

}  // namespace

void add_prepare(CLI::App& app, Program& program) {
  auto* command =
      app.add_subcommand("prepare", "Convert the raw download of a benchmark to the layout evaluation reads");
  const auto options = std::make_shared<PrepareOptions>();
  const auto pictures = std::make_shared<PictureArguments>();
  command->add_option("dataset", options->dataset, "Which benchmark")
      ->required()
      ->check(CLI::IsMember(shipped_datasets()));
  command->add_option("--source", options->source, "Folder with the unpacked downloads")
      ->required()
      ->check(CLI::ExistingDirectory);
  command->add_option("--output", options->output, "Data root to write into")->required();
  command->add_option("--split", options->splits, "Only these splits; otherwise all that are found");
  command->add_flag("--copy-images", options->copy_images, "Copy pictures instead of linking to them");
  command->add_option("--threads", options->threads, "0: one per processor")->capture_default_str();
  command->add_flag("-q,--quiet", options->quiet, "No progress bars");
  pictures->add_to(*command);
  command->callback([options, pictures, &program] { run(*options, *pictures, program); });
}

}  // namespace san::cli
