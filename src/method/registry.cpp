#include "method/registry.h"

#include <algorithm>

#include "method/methods.h"

namespace san {
namespace {

struct Registry {
  std::vector<ArchitectureInfo> architectures{san_architecture()};
  std::vector<MethodInfo> methods{san_method(), maskclip_method(), crops_method()};
};

Registry& registry() {
  static Registry all;
  return all;
}

template <class Infos>
auto named(const Infos& infos, std::string_view name) {
  return std::ranges::find_if(infos, [&](const auto& info) { return info.name == name; });
}

template <class Infos>
std::vector<std::string> names_of(const Infos& infos) {
  std::vector<std::string> names;
  for (const auto& info : infos) names.push_back(info.name);
  return names;
}

template <class Info>
void add(std::vector<Info>& infos, Info info, const char* what) {
  require(!info.name.empty() && named(infos, info.name) == infos.end(), "{} \"{}\" is registered already",
          what, info.name);
  infos.push_back(std::move(info));
}

}  // namespace

void register_architecture(ArchitectureInfo info) {
  add(registry().architectures, std::move(info), "architecture");
}

void register_method(MethodInfo info) {
  (void)find_architecture(info.architecture, "method " + info.name);
  add(registry().methods, std::move(info), "method");
}

std::vector<std::string> method_names() {
  return names_of(registry().methods);
}

std::vector<std::string> method_names(std::string_view architecture) {
  std::vector<std::string> names;
  for (const MethodInfo& info : registry().methods)
    if (info.architecture == architecture) names.push_back(info.name);
  return names;
}

std::string describe_methods() {
  std::string text;
  for (const MethodInfo& info : registry().methods)
    text += fmt::format("{}{} ({})", text.empty() ? "" : "; ", info.name, info.summary);
  return text;
}

ArchitectureInfo find_architecture(std::string_view name, const std::string& where) {
  const auto& known = registry().architectures;
  const auto found = named(known, name);
  require(found != known.end(), "{}: its architecture is \"{}\", but this program knows {}; is it too old?",
          where, name, fmt::join(names_of(known), ", "));
  return *found;
}

MethodInfo find_method(std::string_view name, std::string_view architecture, const std::string& where) {
  const std::vector<std::string> fit = method_names(architecture);
  require(!fit.empty(), "{}: no method of this program runs models of architecture \"{}\"", where,
          architecture);
  const auto& known = registry().methods;
  const auto found = named(known, name.empty() ? fit.front() : name);
  require(found != known.end(), "method \"{}\" is unknown; expected {}", name,
          fmt::join(method_names(), ", "));
  require(found->architecture == architecture,
          "{}: method {} runs models of architecture \"{}\", but this one's is \"{}\"; for it there is {}",
          where, name, found->architecture, architecture, fmt::join(fit, ", "));
  return *found;
}

}  // namespace san
