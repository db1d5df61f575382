#include "text/prompt_templates.h"

#include "base/atomic_file.h"
#include "base/error.h"
#include "embedded/templates_imagenet.h"
#include "embedded/templates_vild.h"
#include "text/text_lines.h"

namespace san {
namespace {

constexpr std::string_view kPlace = "{}";
constexpr std::size_t kMaxTemplateBytes = 1 << 20;

}  // namespace

std::string PromptTemplates::fill(std::size_t index, std::string_view class_name) const {
  std::string text = texts.at(index);
  return text.replace(text.find(kPlace), kPlace.size(), class_name);
}

PromptTemplates make_templates(std::string name, std::vector<std::string> texts) {
  require(!texts.empty(), "prompt templates '{}': there are none; give at least one text with {{}} in it",
          name);
  for (const std::string& text : texts) {
    const std::size_t place = text.find(kPlace);
    require(place != std::string::npos && text.find(kPlace, place + 1) == std::string::npos,
            "prompt templates '{}': '{}' must have exactly one {{}}, where the class name goes", name,
            std::string_view(text).substr(0, 80));
  }
  return {std::move(name), std::move(texts)};
}

std::vector<std::string> built_in_template_names() {
  return {"vild", "imagenet", "single"};
}

PromptTemplates load_templates(const std::string& name_or_path) {
  if (name_or_path == "vild") return make_templates("vild", content_lines(embedded::templates_vild()));
  if (name_or_path == "imagenet")
    return make_templates("imagenet", content_lines(embedded::templates_imagenet()));
  if (name_or_path == "single") return make_templates("single", {std::string(kPlace)});
  require(std::filesystem::is_regular_file(name_or_path),
          "prompt templates '{}': neither a built-in set ({}) nor a file with one template per line",
          name_or_path, fmt::join(built_in_template_names(), ", "));
  return make_templates(name_or_path, content_lines(read_text_file(name_or_path, kMaxTemplateBytes)));
}

}  // namespace san
