#include "train/report.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/atomic_file.h"
#include "base/error.h"

namespace san {
namespace {

TEST(Report, IsOnePageWithoutReferences) {
  const auto folder = std::filesystem::temp_directory_path() / fmt::format("san_report_{}", ::getpid());
  std::filesystem::create_directories(folder / "samples");
  std::ofstream(folder / "metrics.jsonl")
      << R"({"step":1,"loss":2.5,"progress":0.5,"images_per_s":3,"elapsed_s":1})"
      << "\n{damaged\n"
      << R"({"step":1,"evaluation":true,"miou":0.25,"classes":[["cat",0.5],["</script>",null]]})"
      << "\n";
  std::ofstream(folder / "samples/step_1.png", std::ios::binary) << "a picture";
  write_report(folder, "run </script> one");
  const std::string page = read_text_file(folder / "report.html");
  EXPECT_NE(page.find(R"("loss":2.5)"), std::string::npos);
  EXPECT_NE(page.find(R"("miou":0.25)"), std::string::npos);
  EXPECT_NE(page.find(R"("classes":[["cat",0.5])"), std::string::npos);
  EXPECT_NE(page.find("YSBwaWN0dXJl"), std::string::npos) << "the picture in base 64";
  EXPECT_NE(page.find("step_1"), std::string::npos);
  EXPECT_EQ(page.find("http"), std::string::npos) << "refers to something outside";
  EXPECT_EQ(page.find("</script>"), page.rfind("</script>")) << "data ended the script";
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace san
