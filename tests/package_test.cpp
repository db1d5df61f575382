// Installs the build, then builds and runs somebody else's project against what was installed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <regex>

#include "support/files.h"
#include "support/process.h"

namespace san::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kFlags = "-Wall -Wextra -Wpedantic -Werror " SAN_SANITIZE_FLAG;

class Package : public ::testing::Test {
 protected:
  ProcessResult run(const std::vector<std::string>& command) const {
    ProcessOptions options;
    options.folder = folder_.path();
    options.environment = {{"SAN_CACHE_DIR", (folder_ / "cache").string()}};
    return run_process(command, options);
  }
  ProcessResult must_run(const std::vector<std::string>& command) const {
    const ProcessResult result = run(command);
    EXPECT_EQ(result.code, 0) << command[0] << "\n" << result.out << result.err;
    return result;
  }
  TemporaryFolder folder_;
};

TEST_F(Package, ServesConsumersInCppAndC) {
  must_run({"cmake", "--install", SAN_BINARY_DIR, "--prefix", (folder_ / "installed").string()});
  // Nothing may depend on where it was installed first.
  fs::rename(folder_ / "installed", folder_ / "moved");
  const ProcessResult program = must_run({(folder_ / "moved/bin/san").string(), "--version"});

  // What the public headers include must be the public headers and the language.
  std::vector<std::string> foreign;
  for (const std::string& file : files_below(folder_ / "moved/include"))
    for (const std::string& line : lines_of(read_file(folder_ / "moved/include" / file)))
      if (line.starts_with("#include \"") && !line.starts_with("#include \"san/"))
        foreign.push_back(file + ": " + line);
  EXPECT_THAT(foreign, ::testing::IsEmpty());

  must_run({"cmake", "-S", SAN_SOURCE_DIR "/examples", "-B", "build", "-G", "Ninja",
            "-DCMAKE_PREFIX_PATH=" + (folder_ / "moved").string(), "-DCMAKE_BUILD_TYPE=Debug",
            "-DCMAKE_C_FLAGS=" + kFlags, "-DCMAKE_CXX_FLAGS=" + kFlags});
  must_run({"cmake", "--build", "build", "-j2"});
  const std::string photos = SAN_SOURCE_DIR "/tests/data/photos", cat = photos + "/cat.jpg";

  EXPECT_THAT(must_run({"build/one_picture", "formula:tiny", cat}).out, HasSubstr("wooden table: "));
  EXPECT_GT(fs::file_size(folder_ / "overlay.png"), 1000u);
  write_file(folder_ / "words.txt", "cat\nsofa|couch\nwall\n");
  const ProcessResult words =
      must_run({"build/own_words", "formula:tiny", cat, (folder_ / "words.txt").string()});
  EXPECT_THAT(words.err, HasSubstr("of 8 prompts"));
  EXPECT_THAT(words.out, HasSubstr(" pixels"));
  EXPECT_THAT(must_run({"build/own_words", "formula:tiny", cat, "gone"}).err,
              ::testing::Not(HasSubstr("prompts")))
      << "the saved vocabulary serves";
  const ProcessResult folder = run({"build/folder", "formula:tiny", photos});
  EXPECT_EQ(folder.code, 1) << "a README lies among the photos";
  EXPECT_THAT(folder.err, HasSubstr("README.md"));
  EXPECT_TRUE(fs::exists(folder_ / "cat.labels.png") && fs::exists(folder_ / "coffee.json"));
  EXPECT_THAT(must_run({"build/threads", "formula:tiny", cat}).out, HasSubstr("0 of 12 results differ"));
  EXPECT_THAT(must_run({"build/frames", "formula:tiny", "3"}).out, HasSubstr("frame 2: road "));
  EXPECT_THAT(must_run({"build/in_c", "formula:tiny"}).out, HasSubstr("the first pixel is of class "));

  const ProcessResult no_picture = run({"build/one_picture", "formula:tiny", "none.jpg"});
  EXPECT_EQ(no_picture.code, 1);
  EXPECT_THAT(no_picture.err, ::testing::AllOf(HasSubstr("error: "), HasSubstr("none.jpg")));
  const ProcessResult no_model = run({"build/in_c", "none.safetensors"});
  EXPECT_EQ(no_model.code, 1);
  EXPECT_THAT(no_model.err, ::testing::AllOf(HasSubstr("error: "), HasSubstr("none.safetensors")));
}

TEST_F(Package, IsFoundByPkgConfigWhereverItWasMoved) {
  must_run({"cmake", "--install", SAN_BINARY_DIR, "--prefix", (folder_ / "installed").string()});
  fs::rename(folder_ / "installed", folder_ / "moved");
  std::string folder;
  for (const std::string& file : files_below(folder_ / "moved"))
    if (file.ends_with("/san.pc")) folder = (folder_ / "moved" / file).parent_path().string();
  ASSERT_NE(folder, "") << "no san.pc is installed";
  const std::string from_there = "PKG_CONFIG_PATH='" + folder + "' pkg-config san ";
  EXPECT_EQ(must_run({"sh", "-c", from_there + "--modversion"}).out, SAN_PROJECT_VERSION "\n");
  must_run({"sh", "-c",
            "cc " + kFlags + " $(" + from_there +
                "--cflags) '" SAN_SOURCE_DIR "/examples/in_c.c' -o in_c $(" + from_there +
                "--libs) -Wl,-rpath,$(" + from_there + "--variable=libdir)"});
  EXPECT_THAT(must_run({"./in_c", "formula:tiny"}).out, HasSubstr("the first pixel is of class "));
}

TEST_F(Package, HasManualPagesAndCompletions) {
  must_run({"cmake", "--install", SAN_BINARY_DIR, "--prefix", (folder_ / "installed").string()});
  const fs::path share = folder_ / "installed/share";
  const std::string page = must_run({"gzip", "-dc", (share / "man/man1/san-segment.1.gz").string()}).out;
  // Every option that the program tells of is in the page and in the completion.
  std::string completion = read_file(share / "bash-completion/completions/san");
  const std::string help = must_run({(folder_ / "installed/bin/san").string(), "segment", "--help"}).out;
  int options = 0;
  static const std::regex kOption("(--[a-z-]+)");
  for (std::sregex_iterator found(help.begin(), help.end(), kOption), end; found != end; ++found, ++options) {
    EXPECT_THAT(completion, HasSubstr(found->str()));
    EXPECT_THAT(page, HasSubstr(std::regex_replace(found->str(), std::regex("-"), "\\-")));
  }
  EXPECT_GT(options, 20);
  for (const char* name : {"man/man1/san.1.gz", "man/man1/san-world-render.1.gz", "zsh/site-functions/_san",
                           "fish/vendor_completions.d/san.fish"})
    EXPECT_TRUE(fs::exists(share / name)) << name;
}

// What `readelf -d` says a file needs itself.
std::string needed(const fs::path& file) {
  return run_process({"readelf", "-d", file.string()}).out;
}

TEST_F(Package, HasWhatTheDemoWorldReads) {
  must_run({"cmake", "--install", SAN_BINARY_DIR, "--prefix", (folder_ / "installed").string()});
  fs::rename(folder_ / "installed", folder_ / "moved");
  for (const char* name :
       {"concepts.tsv", "measured.tsv", "pack.pictures", "openclipart.tsv", "ATTRIBUTION.md"})
    EXPECT_TRUE(fs::exists(folder_ / "moved/share/san/world" / name)) << name;
  // From a folder that has none of it.
  must_run({(folder_ / "moved/bin/san").string(), "world", "render", "--output", "scenes", "--pictures",
            "configs/world/pack.pictures", "--count", "1", "--size", "64"});
  EXPECT_TRUE(fs::exists(folder_ / "scenes/images/00000.png"));
  EXPECT_TRUE(fs::exists(folder_ / "scenes/sheet.png"));
}

TEST_F(Package, ProgramsLinkOnlyWhatTheyComputeWith) {
  must_run({"cmake", "--install", SAN_BINARY_DIR, "--prefix", (folder_ / "installed").string()});
  ASSERT_THAT(needed(folder_ / "installed/bin/san-world"), HasSubstr("librsvg"));
  // What a picture's labels need, however it came: a library more is start-up time of every call
  // (docs/performance.md).
  const std::string started = run_process({"ldd", (folder_ / "installed/bin/san").string()}).out;
  constexpr std::ptrdiff_t kMostLibraries = 24;
  EXPECT_THAT(started, HasSubstr("libc.so"));
  EXPECT_LE(std::ranges::count(started, '\n'), kMostLibraries) << started;
  // Decoding, drawings, fetching, graphs, serving and videos are other programs' work.
  for (const char* library :
       {"libopencv", "libdnnl", "libgomp", "libgdal", "libtiff", "librsvg", "libpango", "libcairo", "libcurl",
        "libprotobuf", "libonnx", "libcpp-httplib", "libssl", "libpugixml", "libavcodec", "libsan.so"})
    EXPECT_THAT(started, Not(HasSubstr(library)));
  EXPECT_THAT(needed(folder_ / "installed/bin/san-pull"), HasSubstr("libcurl"));
  EXPECT_THAT(needed(folder_ / "installed/bin/san-serve"),
              AllOf(HasSubstr("libcpp-httplib"), HasSubstr("libsan.so.0")));
  const std::string model = read_file(SAN_SOURCE_DIR "/models/default/model.safetensors").substr(0, 4096);
  for (const char* program : {"san-pull", "san-serve"})
    EXPECT_EQ(read_file(folder_ / "installed/bin" / program).find(model), std::string::npos)
        << "a second copy of the built-in model";
  for (const std::string& file : files_below(folder_ / "installed"))
    if (file.find("libsan.so") != std::string::npos) {
      for (const char* library : {"libdnnl", "libgomp", "librsvg", "libcurl"})
        EXPECT_THAT(needed(folder_ / "installed" / file), Not(HasSubstr(library))) << file;
    }
}

TEST_F(Package, IsNotMistakenForAnotherVersion) {
  must_run({"cmake", "--install", SAN_BINARY_DIR, "--prefix", (folder_ / "moved").string()});
  write_file(
      folder_ / "CMakeLists.txt",
      "cmake_minimum_required(VERSION 3.25)\nproject(x LANGUAGES CXX)\nfind_package(san 9.0 REQUIRED)\n");
  const ProcessResult r = run({"cmake", "-S", ".", "-B", "build", "-G", "Ninja",
                               "-DCMAKE_PREFIX_PATH=" + (folder_ / "moved").string()});
  EXPECT_NE(r.code, 0);
  EXPECT_THAT(r.err, HasSubstr("san-config.cmake"));
}

}  // namespace
}  // namespace san::testing
