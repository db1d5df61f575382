#include "checkpoint/name_maps.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <utility>

#include "base/error.h"
#include "checkpoint/mapped_source.h"

namespace san {
namespace {

using Recipes = std::map<std::string, ParameterRecipe>;
using Rename = std::pair<std::string_view, std::string_view>;

// Wrappers (data parallel, compiled, nested) put one of these before every name.
constexpr std::array<std::string_view, 4> kWrappers = {"module.", "_orig_mod.", "model.", "clip."};

std::string common_wrapper(const std::vector<std::string>& names) {
  std::string prefix;
  constexpr int kMaxWrappers = 8;  // nobody wraps deeper
  bool longer = !names.empty();
  for (int depth = 0; longer && depth < kMaxWrappers; ++depth) {
    longer = false;
    for (const auto wrapper : kWrappers) {
      const std::string candidate = prefix + std::string(wrapper);
      if (!std::ranges::all_of(names, [&](const auto& name) { return name.starts_with(candidate); }))
        continue;
      prefix = candidate;
      longer = true;
    }
  }
  return prefix;
}

bool replace_prefix(std::string& name, std::string_view from, std::string_view to) {
  if (!name.starts_with(from)) return false;
  name = std::string(to) + name.substr(from.size());
  return true;
}

template <std::size_t N>
bool replace_first_prefix(std::string& name, const std::array<Rename, N>& table) {
  return std::ranges::any_of(table, [&](const Rename& r) { return replace_prefix(name, r.first, r.second); });
}

constexpr int kMaxBlock = 9999;

// The block number at the start of "12.ln_1.weight", and what follows its dot.
std::optional<std::pair<int, std::string>> split_block(std::string_view name) {
  int block = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), block);
  if (error != std::errc{} || end == name.data() + name.size() || *end != '.' || block < 0 ||
      block > kMaxBlock)
    return std::nullopt;
  return std::pair(block, std::string(end + 1, name.data() + name.size()));
}

constexpr std::string_view kLogitScale = "logit_scale";
constexpr std::string_view kVisionBlocks = "visual.transformer.resblocks.";

bool is_buffer(std::string_view name) {
  constexpr std::array<std::string_view, 9> kBuffers = {
      "input_resolution", "context_length",          "vocab_size",    "attn_mask", "logit_bias", "pixel_mean",
      "pixel_std",        "ov_classifier.attn_mask", "text.attn_mask"};
  return std::ranges::find(kBuffers, name) != kBuffers.end() || name.starts_with("criterion.") ||
         name.ends_with(".position_ids");
}

// open_clip's later name forms, brought to OpenAI's.
std::string openai_from_open_clip(std::string name, ParameterRecipe& recipe) {
  replace_prefix(name, "text.", "");
  if (name == "text_projection.weight") {
    recipe.transpose = true;
    name = "text_projection";
  }
  return name;
}

std::string openai_from_hugging_face(std::string name, ParameterRecipe& recipe) {
  constexpr std::array<Rename, 10> kOutside = {{
      {"vision_model.embeddings.class_embedding", "visual.class_embedding"},
      {"vision_model.embeddings.patch_embedding.", "visual.conv1."},
      {"vision_model.embeddings.position_embedding.weight", "visual.positional_embedding"},
      {"vision_model.pre_layrnorm.", "visual.ln_pre."},
      {"vision_model.post_layernorm.", "visual.ln_post."},
      {"visual_projection.weight", "visual.proj"},
      {"text_model.embeddings.token_embedding.", "token_embedding."},
      {"text_model.embeddings.position_embedding.weight", "positional_embedding"},
      {"text_model.final_layer_norm.", "ln_final."},
      {"text_projection.weight", "text_projection"},
  }};
  constexpr std::array<Rename, 2> kBlocks = {{{"vision_model.encoder.layers.", kVisionBlocks},
                                              {"text_model.encoder.layers.", "transformer.resblocks."}}};
  constexpr std::array<Rename, 6> kInside = {{{"layer_norm1.", "ln_1."},
                                              {"layer_norm2.", "ln_2."},
                                              {"mlp.fc1.", "mlp.c_fc."},
                                              {"mlp.fc2.", "mlp.c_proj."},
                                              {"self_attn.out_proj.", "attn.out_proj."},
                                              {"self_attn.q_proj.", "attn.in_proj_"}}};
  recipe.transpose = name == "visual_projection.weight" || name == "text_projection.weight";
  if (replace_first_prefix(name, kOutside)) return name;
  for (const auto& [from, to] : kBlocks) {
    if (!name.starts_with(from)) continue;
    auto block = split_block(std::string_view(name).substr(from.size()));
    if (!block) continue;
    if (block->second.starts_with("self_attn.q_proj.")) {
      const std::string input = recipe.inputs.front();
      const std::size_t q = input.rfind("q_proj.");
      for (const char* part : {"k", "v"}) recipe.inputs.push_back(std::string(input).replace(q, 1, part));
    }
    replace_first_prefix(block->second, kInside);
    return fmt::format("{}{}.{}", to, block->first, block->second);
  }
  return name;
}

std::string san_from_openai(const std::string& name, int feature_blocks) {
  if (name.starts_with(kVisionBlocks)) {
    const auto block = split_block(std::string_view(name).substr(kVisionBlocks.size()));
    if (!block) return name;
    if (block->first < feature_blocks)
      return fmt::format("clip_visual_extractor.resblocks.{}.{}", block->first, block->second);
    return fmt::format("clip_rec_head.resblocks.{}.{}", block->first - feature_blocks, block->second);
  }
  constexpr std::array<Rename, 12> kTable = {
      {{"visual.class_embedding", "clip_visual_extractor.class_embedding"},
       {"visual.positional_embedding", "clip_visual_extractor.positional_embedding"},
       {"visual.conv1.", "clip_visual_extractor.conv1."},
       {"visual.ln_pre.", "clip_visual_extractor.ln_pre."},
       {"visual.ln_post.", "clip_rec_head.ln_post."},
       {"visual.proj", "clip_rec_head.proj"},
       {"transformer.resblocks.", "ov_classifier.transformer.resblocks."},
       {"token_embedding.", "ov_classifier.token_embedding."},
       {"positional_embedding", "ov_classifier.positional_embedding"},
       {"text_projection", "ov_classifier.text_projection"},
       {"ln_final.", "ov_classifier.ln_final."},
       {"logit_scale", "ov_classifier.logit_scale"}}};
  std::string out = name;
  replace_first_prefix(out, kTable);
  return out;
}

int count_vision_blocks(const Recipes& openai) {
  int blocks = 0;
  for (const auto& [name, recipe] : openai)
    if (name.starts_with(kVisionBlocks))
      if (const auto block = split_block(std::string_view(name).substr(kVisionBlocks.size())))
        blocks = std::max(blocks, block->first + 1);
  return blocks;
}

bool is_split_part(std::string_view name) {
  return name.find(".self_attn.k_proj.") != std::string_view::npos ||
         name.find(".self_attn.v_proj.") != std::string_view::npos;
}

}  // namespace

std::string_view layout_name(SourceLayout layout) {
  switch (layout) {
    case SourceLayout::kSan:
      return "SAN";
    case SourceLayout::kOpenClip:
      return "OpenAI / open_clip CLIP";
    case SourceLayout::kHuggingFace:
      return "Hugging Face CLIP";
  }
  return "";
}

SourceLayout detect_layout(const ParameterSource& source) {
  const auto names = source.names();
  const std::string wrapper = common_wrapper(names);
  const auto any = [&](std::string_view start) {
    return std::ranges::any_of(names, [&](const auto& name) {
      return std::string_view(name).substr(wrapper.size()).starts_with(start);
    });
  };
  if (any("side_adapter_network.") || any("clip_visual_extractor.")) return SourceLayout::kSan;
  if (any("vision_model.embeddings.patch_embedding.")) return SourceLayout::kHuggingFace;
  require(!any("visual.trunk.") && !any("visual.layer1."),
          "{}: a CLIP whose vision tower is not a plain ViT; only ViT towers (ViT-B/16, ViT-L/14, …) are "
          "supported",
          source.description());
  if (any("visual.conv1.") && any("visual.transformer.resblocks.")) return SourceLayout::kOpenClip;
  fail("{}: neither a SAN nor a CLIP checkpoint; its {} parameters begin with \"{}\"", source.description(),
       names.size(), names.empty() ? "" : names.front());
}

SanSource to_san_names(std::shared_ptr<const ParameterSource> source, std::optional<int> feature_blocks) {
  SanSource out;
  out.layout = detect_layout(*source);
  const auto names = source->names();
  const std::size_t wrapper = common_wrapper(names).size();
  Recipes recipes;
  for (const auto& full : names) {
    const std::string name = full.substr(wrapper);
    ParameterRecipe recipe{{full}, false};
    if (is_buffer(name)) {
      out.dropped.push_back(full);
    } else if (out.layout == SourceLayout::kSan) {
      recipes.emplace(name, std::move(recipe));
    } else if (out.layout == SourceLayout::kOpenClip || !is_split_part(name)) {
      recipe.scalar = name.ends_with(kLogitScale);
      std::string openai = out.layout == SourceLayout::kOpenClip ? openai_from_open_clip(name, recipe)
                                                                 : openai_from_hugging_face(name, recipe);
      const auto [place, added] = recipes.emplace(std::move(openai), std::move(recipe));
      require(added, "{}: \"{}\" and \"{}\" are both {}", source->description(), place->second.inputs.front(),
              full, place->first);
    }
  }
  if (out.layout != SourceLayout::kSan) {
    const int blocks = count_vision_blocks(recipes);
    const int split = feature_blocks.value_or(blocks * 3 / 4);
    require(split >= 0 && split <= blocks, "{}: {} of the {} vision blocks cannot be feature blocks",
            source->description(), split, blocks);
    Recipes renamed;
    for (auto& [name, recipe] : recipes) renamed.emplace(san_from_openai(name, split), std::move(recipe));
    recipes = std::move(renamed);
  }
  out.parameters = std::make_shared<MappedSource>(std::move(source), std::move(recipes));
  return out;
}

}  // namespace san
