#include "train/report.h"

#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>

#include "base/atomic_file.h"
#include "base/error.h"

namespace san {
namespace {

TEST(Report, PngHoldsThePixels) {
  Image image(2, 3);
  for (std::size_t i = 0; i < image.rgb.size(); ++i) image.rgb[i] = static_cast<std::uint8_t>(11 * i);
  const std::string png = encode_png_bytes(image);
  ASSERT_EQ(png.substr(1, 3), "PNG");
  const std::size_t at = png.find("IDAT");
  std::string rows(2 * (1 + 9), '\0');
  uLongf size = rows.size();
  ASSERT_EQ(::uncompress(reinterpret_cast<Bytef*>(rows.data()), &size,
                         reinterpret_cast<const Bytef*>(png.data() + at + 4),
                         static_cast<uLong>(png.size() - at - 4)),
            Z_OK);
  EXPECT_EQ(static_cast<std::uint8_t>(rows[1]), 0);
  EXPECT_EQ(static_cast<std::uint8_t>(rows[12]), 11 * 10);
}

TEST(Report, SheetsPutInputTruthAndPredictionAboveOneAnother) {
  const std::vector<std::uint8_t> rgb{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  const std::vector<std::uint16_t> truth{0, 0, 65535, 1}, predicted{0, 1, 1, 1};
  SampleSheet sheet(8);
  sheet.add(rgb.data(), truth.data(), predicted.data(), 2, 2, 65535);
  sheet.add(rgb.data(), truth.data(), predicted.data(), 2, 2, 65535);
  const Image image = sheet.image();
  EXPECT_EQ(image.height, 6);
  EXPECT_EQ(image.width, 8);
  EXPECT_EQ(image.row(1)[3], 10);
  EXPECT_EQ(image.row(3)[0], 112) << "ignored";
  EXPECT_TRUE(std::equal(image.row(3) + 3, image.row(3) + 6, image.row(4) + 3))
      << "class 1 looks the same in both";
  EXPECT_TRUE(std::equal(image.row(0), image.row(0) + 6, image.row(0) + 18)) << "the second column";
}

TEST(Report, IsOnePageWithoutReferences) {
  const auto folder = std::filesystem::temp_directory_path() / fmt::format("san_report_{}", ::getpid());
  std::filesystem::create_directories(folder / "samples");
  std::ofstream(folder / "metrics.jsonl")
      << R"({"step":1,"loss":2.5,"progress":0.5,"images_per_s":3,"elapsed_s":1})"
      << "\n{damaged\n"
      << R"({"step":1,"evaluation":true,"miou":0.25,"classes":[["cat",0.5],["</script>",null]]})"
      << "\n";
  std::ofstream(folder / "samples/step_1.png", std::ios::binary) << encode_png_bytes(Image(2, 2));
  write_report(folder, "run </script> one");
  const std::string page = read_text_file(folder / "report.html");
  EXPECT_NE(page.find(R"("loss":2.5)"), std::string::npos);
  EXPECT_NE(page.find(R"("miou":0.25)"), std::string::npos);
  EXPECT_NE(page.find(R"("classes":[["cat",0.5])"), std::string::npos);
  EXPECT_NE(page.find("step_1"), std::string::npos);
  EXPECT_EQ(page.find("http"), std::string::npos) << "refers to something outside";
  EXPECT_EQ(page.find("</script>"), page.rfind("</script>")) << "data ended the script";
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace san
