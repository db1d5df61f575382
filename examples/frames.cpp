// frames MODEL COUNT: a camera's frames, in buffers that are used again, until somebody says stop.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <san/san.hpp>

namespace {

std::atomic<bool> g_stop{false};  // may be set by a signal handler or another thread

void next_frame(std::vector<std::uint8_t>& bgra, int number) {
  for (std::size_t i = 0; i < bgra.size(); ++i)
    bgra[i] = static_cast<std::uint8_t>(i * 7 + static_cast<std::size_t>(number));
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 3) return 2;
  std::signal(SIGINT, [](int) { g_stop = true; });
  const san::Model model = san::Model::load(argv[1]);
  const san::Vocabulary words = model.vocabulary({"road", "car", "person"});
  san::Segmenter segmenter = model.segmenter();
  san::SegmentationOptions options;
  options.watch.cancelled = &g_stop;  // ends even a frame that is being computed

  constexpr int kHeight = 120, kWidth = 160, kStride = 4 * 192;  // rows as the camera lays them out
  std::vector<std::uint8_t> pixels(std::size_t{kStride} * kHeight);
  const san::ImageView frame(pixels.data(), kHeight, kWidth, san::PixelFormat::kBgra, kStride);
  san::Segmentation result;
  segmenter.warm_up(kHeight, kWidth, options);
  for (int number = 0; number < std::atoi(argv[2]); ++number) {
    next_frame(pixels, number);
    segmenter.segment(frame, words, options, result);
    std::printf("frame %d: road %lld pixels, %.1f ms\n", number, static_cast<long long>(result.areas[0]),
                result.timing.total_ms());
  }
  return 0;
} catch (const san::Cancelled&) {
  std::puts("stopped");
  return 0;
} catch (const san::Error& e) {
  std::fprintf(stderr, "error: %s\n", e.what());
  return 1;
}
