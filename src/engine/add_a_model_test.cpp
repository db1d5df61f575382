// The network of docs/add-a-model.md: a second architecture and a method for it, added from outside. It names
// every pixel after the colour that its words stand for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "backend/reference/reference_backend.h"
#include "base/error.h"
#include "base/test_error.h"
#include "checkpoint/memory_source.h"
#include "checkpoint/model_file.h"
#include "engine/engine.h"
#include "method/input.h"

namespace san {
namespace {

using test::error_of;
using testing::AllOf;
using testing::HasSubstr;

constexpr int kContext = 16, kVocabulary = 512 + 1 + 2;  // bytes, one merge, begin and end

struct ColorFeatures final : Features {
  std::size_t bytes() const override { return pixels.size() * sizeof(float); }

  std::vector<float> pixels;  // [h·w, 3], norm 1
};

class Colors final : public Method {
 public:
  explicit Colors(ParamLoader& loader) : pixels_(ParamScope(loader, "pixels").linear(3, 3)) {}

  InputSize input() const override { return {16, 64}; }

  std::unique_ptr<Features> look(const Compute& compute, const Image& picture,
                                 const LookOptions& options) const override {
    Backend& b = compute.backend;
    const NetworkInput input = fit_picture(compute, picture, this->input(), options, /*multiple=*/1);
    const Grid size{input.height, input.width};
    auto seen = std::make_unique<ColorFeatures>();
    seen->pixels = b.to_host(b.l2_normalize(b.linear(input.image, pixels_)));
    seen->view = view_of(input, size, options.mirrored);
    seen->view.grid_scale = 10;
    return seen;
  }

  std::unique_ptr<Classifier> prepare(Backend& b, const TextEmbeddings& vocabulary) const override {
    return std::make_unique<ClassifierRows>(
        b.from_host({vocabulary.row_count(), vocabulary.dim}, vocabulary.rows));
  }

  Logits name(const Compute& compute, std::shared_ptr<const Features> features,
              const Classifier& classifier) const override {
    Backend& b = compute.backend;
    const auto& seen = own<ColorFeatures>(*features);
    const Tensor pixels = b.from_host({static_cast<std::int64_t>(seen.pixels.size() / 3), 3}, seen.pixels);
    Logits logits(std::move(features),
                  b.to_host(b.matmul(pixels, own<ClassifierRows>(classifier).rows, true)));
    logits.view.grid_logits = logits.values;
    return logits;
  }

 private:
  LinearWeight pixels_;
};

TextForward color_words(ParamLoader& loader) {
  const TableWeight words = ParamScope(loader).table("words", kVocabulary, 3);
  return [words](Backend& b, const std::vector<std::vector<int>>& prompts) {
    std::vector<std::int32_t> first;  // after the begin token
    for (const auto& prompt : prompts) first.push_back(prompt.at(1));
    const auto count = static_cast<std::int64_t>(first.size());
    return b.l2_normalize(b.reshape(b.embedding(words, b.from_ids({1, count}, first)), {count, 3}));
  };
}

void register_colors() {
  ArchitectureInfo architecture;
  architecture.name = "colors";
  architecture.parameters = [](const ModelConfig&) {
    ParamLoader loader;
    const Colors pixels(loader);
    color_words(loader);
    return loader.declarations();
  };
  architecture.text = [](const ModelConfig&) { return TextTower{kContext, kVocabulary, 3, color_words}; };
  register_architecture(architecture);

  MethodInfo method;
  method.name = method.architecture = "colors";
  method.summary = "every pixel by its colour";
  method.make = [](ParamLoader& loader, const ModelConfig&) { return std::make_unique<Colors>(loader); };
  register_method(method);
}

// A model file whose words "red", "green" and "blue" stand for these colours.
void write_colors(const std::filesystem::path& path) {
  const BpeMerges merges{"q q"};
  const BpeTokenizer tokenizer(merges, kContext);
  std::vector<float> words(std::size_t{3} * kVocabulary, 0.0f);
  const char* const names[] = {"red", "green", "blue"};
  for (std::size_t color = 0; color < 3; ++color) {
    const auto token = static_cast<std::size_t>(tokenizer.encode_uncut(names[color])[1]);
    for (std::size_t c = 0; c < 3; ++c)
      words[3 * token + c] = static_cast<float>(((c == color ? 1 : 0) - kClipMean[c]) / kClipDeviation[c]);
  }
  const MemorySource parameters({{"pixels.weight", HostArray::from({3, 3}, {1, 0, 0, 0, 1, 0, 0, 0, 1})},
                                 {"pixels.bias", HostArray::from({3}, {0, 0, 0})},
                                 {"words", HostArray::from({kVocabulary, 3}, words)}},
                                "colours");
  ModelMetadata metadata;
  metadata.architecture = "colors";
  metadata.config = "{}";
  metadata.merges = format_bpe_merges(merges);
  metadata.templates = {"{}"};
  write_model_file(path, parameters, metadata, DType::kF32);
}

TEST(AddAModel, ASecondArchitectureComesFromOutside) {
  const auto path = std::filesystem::temp_directory_path() / fmt::format("san_colors_{}", ::getpid());
  write_colors(path);
  EXPECT_THAT(error_of([&] { load_model(path.string()); }),
              AllOf(HasSubstr(path.string()), HasSubstr("\"colors\""), HasSubstr("knows san")));
  register_colors();
  EXPECT_THAT(describe_methods(), HasSubstr("colors (every pixel by its colour)"));

  const auto engine = std::make_shared<const Engine>(load_model(path.string()), make_reference_backend());
  EXPECT_EQ(engine->method_info().name, "colors");
  EXPECT_THAT(error_of([&] { Engine(load_model(path.string()), make_reference_backend(), "maskclip"); }),
              AllOf(HasSubstr("maskclip"), HasSubstr("\"colors\""), HasSubstr("there is colors")));
  EXPECT_THAT(error_of([&] { san_config(engine->model(), "san bench"); }), HasSubstr("takes SAN networks"));
  std::filesystem::remove(path);

  Image picture(20, 40);  // left half green, right half red
  for (int y = 0; y < 20; ++y)
    for (int x = 0; x < 40; ++x) picture.row(y)[3 * x + (x < 20 ? 1 : 0)] = 255;
  EncodingOptions options;
  options.use_cache = false, options.quiet = true;
  const auto encode = [&](const char* classes) { return engine->encode(parse_class_list(classes), options); };
  Session session(engine, 1);
  const auto features = session.look(picture);
  const LabelMap labels = session.segment(features, encode("red, green")).labels;
  for (int y = 0; y < 20; ++y)
    for (int x = 0; x < 40; ++x) ASSERT_EQ(labels.row(y)[x], x < 20 ? 1 : 0) << y << ", " << x;
  EXPECT_EQ(session.segment(features, encode("blue, green|red")).areas[1], 20 * 40);
}

}  // namespace
}  // namespace san
