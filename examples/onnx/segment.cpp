// segment FOLDER PICTURE.ppm: how much of a picture is what, from the graph that
//   san export --onnx FOLDER --segmenter --classes "cat, pizza, night sky"
// wrote. Needs ONNX Runtime alone. With Debian 13's libonnxruntime-dev (else -I, -L and -lonnxruntime):
//   c++ -std=c++20 segment.cpp -o segment $(pkg-config --cflags --libs libonnxruntime)
#include <onnxruntime_cxx_api.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

struct Picture {
  std::int64_t height = 0, width = 0;
  std::vector<std::uint8_t> rgb;  // [height, width, 3]
};

// A binary PPM of 8 bits, as `convert picture.jpg picture.ppm` makes it.
Picture load_ppm(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string magic;
  Picture picture;
  int most = 0;
  if (!(in >> magic >> picture.width >> picture.height >> most) || magic != "P6" || most != 255 ||
      picture.width < 1 || picture.height < 1 || picture.width > 65535 || picture.height > 65535)
    throw std::runtime_error(path + ": expected a binary PPM of 8 bits");
  in.get();
  picture.rgb.resize(static_cast<std::size_t>(3 * picture.width * picture.height));
  if (!in.read(reinterpret_cast<char*>(picture.rgb.data()), static_cast<std::streamsize>(picture.rgb.size())))
    throw std::runtime_error(path + ": cut short");
  return picture;
}

int main(int argc, char** argv) try {
  if (argc != 3) return 2;
  Picture picture = load_ppm(argv[2]);
  Ort::Env environment(ORT_LOGGING_LEVEL_WARNING, "segment");
  Ort::Session session(environment, (std::string(argv[1]) + "/segmenter.onnx").c_str(),
                       Ort::SessionOptions{});

  const std::array<std::int64_t, 3> shape{picture.height, picture.width, 3};
  const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  const Ort::Value input = Ort::Value::CreateTensor<std::uint8_t>(
      memory, picture.rgb.data(), picture.rgb.size(), shape.data(), shape.size());
  const char* inputs[] = {"picture"};
  const char* outputs[] = {"labels"};
  const auto results = session.Run(Ort::RunOptions{nullptr}, inputs, &input, 1, outputs, 1);

  const auto* labels = results[0].GetTensorData<std::int32_t>();
  std::map<std::int32_t, std::int64_t> areas;  // metadata.json lists the classes
  for (std::int64_t i = 0; i < picture.height * picture.width; ++i) ++areas[labels[i]];
  for (const auto& [label, pixels] : areas)
    std::printf("class %d: %lld pixels\n", label, static_cast<long long>(pixels));
} catch (const std::exception& e) {
  std::fprintf(stderr, "error: %s\n", e.what());
  return 1;
}
