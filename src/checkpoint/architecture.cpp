#include "checkpoint/architecture.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "base/error.h"

namespace san {
namespace {

constexpr std::int64_t kOpenAiHeadWidth = 64;

// Shapes of a source, with the rank checked.
class Shapes {
 public:
  explicit Shapes(const ParameterSource& source) : source_(source), names_(source.names()) {}

  Shape get(const std::string& name, int rank) const {
    const Shape shape = source_.shape(name);
    require(shape.rank() == rank, "{}: \"{}\" {} should have {} dimensions", source_.description(), name,
            shape.str(), rank);
    return shape;
  }

  // The numbers N for which a name "prefix N .…" exists, ascending.
  std::vector<std::int64_t> numbered(std::string_view prefix) const {
    std::set<std::int64_t> numbers;
    for (const auto& name : names_) {
      if (!name.starts_with(prefix)) continue;
      const char *begin = name.data() + prefix.size(), *last = name.data() + name.size();
      std::int64_t number = 0;
      const auto [end, error] = std::from_chars(begin, last, number);
      if (error == std::errc{} && end != last && *end == '.') numbers.insert(number);
    }
    return {numbers.begin(), numbers.end()};
  }

  std::int64_t count(std::string_view prefix) const {
    return static_cast<std::int64_t>(numbered(prefix).size());
  }

  std::int64_t square_root(const std::string& name, std::int64_t tokens) const {
    const auto side = static_cast<std::int64_t>(std::lround(std::sqrt(static_cast<double>(tokens))));
    require(side > 0 && side * side == tokens, "{}: \"{}\" has {} grid positions, which is not a square",
            source_.description(), name, tokens);
    return side;
  }

 private:
  const ParameterSource& source_;
  std::vector<std::string> names_;
};

std::int64_t openai_heads(std::int64_t width) {
  return std::max<std::int64_t>(1, width / kOpenAiHeadWidth);
}

Architecture::SideAdapter infer_side(const Shapes& shapes) {
  const std::string root = "side_adapter_network.", vit = root + "vit_model.",
                    decoder = root + "mask_decoder.";
  Architecture::SideAdapter side;
  const Shape positions = shapes.get(vit + "pos_embed", 3);
  side.tower.width = positions[2];
  side.tower.blocks = shapes.count(vit + "blocks.");
  side.tower.mlp_width = shapes.get(vit + "blocks.0.mlp.fc1.weight", 2)[0];
  side.grid = shapes.square_root(vit + "pos_embed", positions[1]);
  side.patch = shapes.get(vit + "patch_embed.proj.weight", 4)[2];
  side.queries = shapes.get(root + "query_embed", 3)[1];
  side.fusion_blocks = shapes.numbered(root + "fusion_layers.layer_");
  side.embed_channels = shapes.get(decoder + "query_mlp.layers.2.bias", 1)[0];
  side.mlp_channels = shapes.get(decoder + "query_mlp.layers.0.bias", 1)[0];
  side.bias_channels = shapes.get(decoder + "attn_mlp.layers.2.bias", 1)[0];
  return side;
}

}  // namespace

Architecture infer_architecture(const ParameterSource& source) {
  const Shapes shapes(source);
  Architecture a;
  const std::string extractor = "clip_visual_extractor.", head = "clip_rec_head.", text = "ov_classifier.";
  const Shape convolution = shapes.get(extractor + "conv1.weight", 4);
  a.vision.width = convolution[0];
  a.vision.heads = openai_heads(a.vision.width);
  a.patch = convolution[2];
  a.feature_blocks = shapes.count(extractor + "resblocks.");
  a.vision.blocks = a.feature_blocks + shapes.count(head + "resblocks.");
  const std::string first = (a.feature_blocks > 0 ? extractor : head) + "resblocks.0.";
  a.vision.mlp_width = shapes.get(first + "mlp.c_fc.weight", 2)[0];
  const std::string positions = extractor + "positional_embedding";
  a.grid = shapes.square_root(positions, shapes.get(positions, 2)[0] - 1);
  a.embed_dim = shapes.get(head + "proj", 2)[1];

  const Shape tokens = shapes.get(text + "token_embedding.weight", 2);
  a.vocabulary = tokens[0];
  a.text.width = tokens[1];
  a.text.heads = openai_heads(a.text.width);
  a.text.blocks = shapes.count(text + "transformer.resblocks.");
  a.text.mlp_width = shapes.get(text + "transformer.resblocks.0.mlp.c_fc.weight", 2)[0];
  a.context = shapes.get(text + "positional_embedding", 2)[0];
  if (source.contains("side_adapter_network.query_embed")) a.side = infer_side(shapes);
  return a;
}

}  // namespace san
