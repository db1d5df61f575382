#include "man_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace san::manual {
namespace {

/// Text that roff prints as it stands: no escapes, no requests, hyphens that can be copied.
std::string roff(const std::string& text) {
  std::string out;
  bool line_start = true;
  for (const char c : text) {
    if (line_start && (c == '.' || c == '\'')) out += "\\&";
    line_start = c == '\n';
    switch (c) {
      case '\\':
        out += "\\e";
        break;
      case '-':
        out += "\\-";
        break;
      case '\'':
        out += "\\(aq";
        break;
      case '`':
        out += "\\(ga";
        break;
      case '^':
        out += "\\(ha";
        break;
      case '~':
        out += "\\(ti";
        break;
      default:
        out += c;
    }
  }
  return out;
}

/// An argument of a macro.
std::string quoted(const std::string& text) {
  std::string out;
  for (const char c : roff(text)) c == '"' ? out += "\\(dq" : out += c;
  return fmt::format("\"{}\"", out);
}

std::string bold(const std::string& text) {
  return fmt::format("\\fB{}\\fR", roff(text));
}
std::string italic(const std::string& text) {
  return fmt::format("\\fI{}\\fR", roff(text));
}

std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::toupper(c); });
  return text;
}

std::string sentence(const std::string& text) {
  return text.empty() || std::string(".!?").find(text.back()) != std::string::npos ? text : text + ".";
}

std::string title_of(const Option& o) {
  if (o.names.empty()) return italic(o.positional) + (o.repeats ? "..." : "");
  std::string title;
  for (const std::string& name : o.names) title += fmt::format("{}{}", title.empty() ? "" : ", ", bold(name));
  if (!o.is_flag())
    title += fmt::format(" {}{}", italic(o.value), o.repeats && o.separator.empty() ? "..." : "");
  return title;
}

std::string details_of(const Option& o) {
  std::string text = roff(sentence(o.description));
  if (o.has_choices()) {
    text += "\nOne of: ";
    for (std::size_t i = 0; i < o.choices.size(); ++i)
      text += fmt::format("{}{}", i ? ", " : "", bold(o.choices[i]));
    text += '.';
  }
  if (const std::size_t range = o.limits.find('['); range != std::string::npos)  // "INT in [0 - 9]"
    text += fmt::format("\nWithin {}.", roff(o.limits.substr(range)));
  else if (!o.limits.empty())
    text += fmt::format("\nExpected: {}", roff(sentence(o.limits)));
  if (!o.separator.empty() && o.names.size() > 0 && o.description.find("separated") == std::string::npos)
    text += fmt::format("\nSeveral are separated by {}.", o.separator == "," ? "commas" : roff(o.separator));
  if (!o.default_value.empty()) text += "\nDefault: " + bold(o.default_value) + '.';
  if (o.required) text += "\nRequired.";
  return text;
}

std::string synopsis_of(const Command& c) {
  std::string line = bold(c.path);
  if (!c.options.empty()) line += " [\\fIoptions\\fR]";
  if (!c.commands.empty()) line += " \\fIcommand\\fR ...";
  for (const Option& o : c.options)
    if (!o.names.empty() && o.required) line += fmt::format(" {} {}", bold(o.names.back()), italic(o.value));
  for (const Option& o : c.options)
    if (o.names.empty()) {
      const std::string name = italic(o.positional) + (o.repeats ? "..." : "");
      line += o.required ? fmt::format(" {}", name) : fmt::format(" [{}]", name);
    }
  return line;
}

void add_options(std::string& page, const Command& c) {
  std::string group;
  const auto add = [&](bool positional) {
    for (const Option& o : c.options) {
      if (o.names.empty() != positional) continue;
      if (o.group != group) page += ".SS " + quoted(group = o.group) + "\n";
      page += ".TP\n" + title_of(o) + "\n" + details_of(o) + "\n";
    }
  };
  const auto any = [&](bool positional) {
    return std::ranges::any_of(c.options, [&](const Option& o) { return o.names.empty() == positional; });
  };
  if (any(true)) page += ".SH ARGUMENTS\n", add(true);
  group.clear();
  if (any(false)) page += ".SH OPTIONS\n", add(false);
}

}  // namespace

std::string man_page(const Command& c, const Command& root, const std::string& version) {
  std::string page = fmt::format(".TH {} 1 \"\" {} {}\n", quoted(upper(c.page())), quoted("san " + version),
                                 quoted("User Commands"));
  // ~ and ^ and the like are printed as they are typed; words are not broken.
  page += ".nh\n.ad l\n";
  std::string summary = first_sentence(c.description);
  const std::string prefix = c.name() + ": ";
  if (summary.starts_with(prefix)) summary.erase(0, prefix.size());
  page += ".SH NAME\n" + roff(c.page()) + " \\- " + roff(summary) + "\n";
  page += ".SH SYNOPSIS\n" + synopsis_of(c) + "\n";
  page += ".SH DESCRIPTION\n" + roff(sentence(c.description)) + "\n";
  if (c.elsewhere)
    page += ".PP\nA companion program has the options of this command; where it is installed, " +
            bold(c.path + " --help") + " tells them.\n";
  if (!c.commands.empty()) {
    page += ".SH COMMANDS\n";
    for (const Command& below : c.commands)
      page += ".TP\n.BR " + quoted(below.page()) + " (1)\n" + roff(sentence(below.description)) + "\n";
  }
  add_options(page, c);
  if (!c.footer.empty()) page += ".SH NOTES\n.nf\n" + roff(c.footer) + "\n.fi\n";
  if (&c != &root) {
    page += ".SH SEE ALSO\n.BR " + quoted(root.page()) + " (1)\n";
  } else {
    page +=
        ".SH FILES\n.TP\n.I \\(ti/.cache/san\nText embeddings of class names, kept between runs.\n"
        ".SH ENVIRONMENT\n.TP\n.B SAN_CACHE_DIR\nAnother folder for the same.\n";
  }
  return page;
}

}  // namespace san::manual
