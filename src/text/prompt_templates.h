#pragma once
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace san {

/// Texts with one {} each, where a class name goes.
struct PromptTemplates {
  std::string name;  // of a built-in set, else the file or "custom"
  std::vector<std::string> texts;

  std::string fill(std::size_t index, std::string_view class_name) const;
};

/// Throws Error naming the first text that has not exactly one {}, or when there are none.
PromptTemplates make_templates(std::string name, std::vector<std::string> texts);

/// "vild" (14 texts, what SAN uses), "imagenet" (80) or "single" ({} alone); otherwise a file with one
/// template per line (blank lines and lines that begin with # are skipped). Throws Error with the names there
/// are.
PromptTemplates load_templates(const std::string& name_or_path);

std::vector<std::string> built_in_template_names();

}  // namespace san
