#include "cli_fixture.h"

#include <algorithm>
#include <filesystem>

#include "image/codec/encode.h"

namespace san::testing {

namespace fs = std::filesystem;

Cli::Cli() {
  fs::create_directory(folder_ / "cache");
}

ProcessResult Cli::san(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), SAN_PROGRAM);
  ProcessOptions options;
  options.folder = folder_.path();
  options.environment = {{"SAN_CACHE_DIR", (folder_ / "cache").string()}};
  return run_process(arguments, options);
}

ProcessResult Cli::segment(const std::vector<std::string>& inputs,
                           const std::vector<std::string>& more) const {
  std::vector<std::string> arguments{"segment"};
  arguments.insert(arguments.end(), inputs.begin(), inputs.end());
  arguments.emplace_back("--quiet");
  for (const auto& [option, value] :
       {std::pair{"--model", "formula:tiny"}, {"--threads", "1"}, {"--output", "out"}})
    if (std::ranges::find(more, option) == more.end()) arguments.insert(arguments.end(), {option, value});
  arguments.insert(arguments.end(), more.begin(), more.end());
  return san(arguments);
}

void Cli::picture(const std::string& name, int height, int width, int seed) const {
  Image image(height, width);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      std::uint8_t* pixel = image.row(y) + 3 * x;
      pixel[0] = static_cast<std::uint8_t>(x * 3 + seed * 50);
      pixel[1] = static_cast<std::uint8_t>(y * 4);
      pixel[2] = static_cast<std::uint8_t>((x / 16 + y / 16) % 2 * 200);
    }
  fs::create_directories((folder_ / name).parent_path());
  if (fs::path(name).extension() == ".jpg")
    write_jpeg(folder_ / name, image);
  else
    write_png(folder_ / name, image);
}

std::vector<std::string> complaints(const ProcessResult& result) {
  std::vector<std::string> lines;
  for (const std::string& line : lines_of(result.err))
    if (!line.empty() && !line.starts_with("warning: ") && !line.starts_with("info: ") &&
        !line.starts_with("  "))
      lines.push_back(line);
  return lines;
}

void expect_error(const ProcessResult& result, int code, const std::string& words) {
  EXPECT_EQ(result.code, code) << result.out << result.err;
  const std::vector<std::string> lines = complaints(result);
  ASSERT_EQ(lines.size(), 1u) << result.err;
  EXPECT_TRUE(lines[0].starts_with("error: ")) << lines[0];
  EXPECT_THAT(lines[0], ::testing::HasSubstr(words));
}

void expect_success(const ProcessResult& result) {
  EXPECT_EQ(result.code, 0) << result.out << result.err;
  EXPECT_THAT(complaints(result), ::testing::IsEmpty());
}

}  // namespace san::testing
