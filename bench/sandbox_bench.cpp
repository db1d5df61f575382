#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "base/atomic_file.h"
#include "base/error.h"
#include "image/codec/decode.h"
#include "image/codec/encode.h"

/// What the sandbox costs a picture: decoding in this process and in a helper in turn, the
/// fastest of many rounds (whatever else runs on the machine only adds). sandbox_bench [PICTURE...]: JPEG or
/// PNG files; without any, drawings of usual sizes.
namespace san {
namespace {

std::string processor() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return "unknown processor";
}

/// Soft gradients with a little noise: about as many bytes as a photograph.
Image drawing(int height, int width) {
  Image image(height, width);
  std::mt19937 random(1);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int c = 0; c < 3; ++c)
        image.row(y)[3 * x + c] =
            static_cast<std::uint8_t>((x * (c + 1) / 4 + y / 3 + static_cast<int>(random() % 12)) % 256);
  return image;
}

double milliseconds(const std::function<void()>& action) {
  const auto start = std::chrono::steady_clock::now();
  action();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

void compare(const std::string& name, const std::string& file) {
  const auto bytes = std::as_bytes(std::span(file));
  const Image here = decode_image(bytes, name);
  require(decode_image(bytes, name, {.sandbox = true}) == here, "{}: other pixels in the sandbox", name);
  constexpr int kRounds = 31;
  double plain = 1e9, boxed = 1e9;
  for (int round = 0; round < kRounds; ++round) {
    plain = std::min(plain, milliseconds([&] { decode_image(bytes, name); }));
    boxed = std::min(boxed, milliseconds([&] { decode_image(bytes, name, {.sandbox = true}); }));
  }
  std::printf("%-22s %5dx%-5d %9zu bytes  %8.2f ms  %8.2f ms  +%6.2f ms  x%.2f\n", name.c_str(), here.width,
              here.height, file.size(), plain, boxed, boxed - plain, boxed / plain);
}

void run(int count, char** files) {
  const Image tiny = drawing(8, 8);
  const std::vector<std::byte> first = encode_png(tiny);
  std::printf("%s; in this process, in the sandbox, cost of the sandbox\n", processor().c_str());
  std::printf("first picture, helper started: %.1f ms\n",
              milliseconds([&] { decode_image(first, "first.png", {.sandbox = true}); }));
  for (int i = 0; i < count; ++i)
    compare(std::string(files[i]).substr(std::string(files[i]).rfind('/') + 1), read_text_file(files[i]));
  if (count > 0) return;
  const std::pair<int, int> sizes[]{{8, 8}, {256, 256}, {480, 640}, {1080, 1920}, {3000, 4000}};
  for (const auto& [height, width] : sizes) {
    const Image image = drawing(height, width);
    const auto text = [](const std::vector<std::byte>& bytes) {
      return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    };
    compare("drawing.jpg", text(encode_jpeg(image, 90)));
    compare("drawing.png", text(encode_png(image)));
  }
}

}  // namespace
}  // namespace san

int main(int argc, char** argv) {
  try {
    san::run(argc - 1, argv + 1);
    return 0;
  } catch (const san::Error& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 2;
  }
}
