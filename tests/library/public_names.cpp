#include "public_names.h"

#include <regex>
#include <utility>
#include <vector>

namespace san::testing {
namespace {

/// Without comments, preprocessor lines and what stands in string literals.
std::string bare(const std::string& text) {
  static const std::regex kNoise(R"(//[^\n]*|/\*[^]*?\*/|(^|\n)[ \t]*#[^\n]*)");
  static const std::regex kString(R"("(\\.|[^"\\])*")");
  return std::regex_replace(std::regex_replace(text, kNoise, "\n"), kString, "\"\"");
}

/// Without arguments of templates.
std::string without_templates(const std::string& text) {
  std::string out;
  int depth = 0;
  for (const char c : text) {
    if (c == '<') ++depth;
    if (depth == 0) out += c;
    if (c == '>') --depth;
  }
  return out;
}

std::string last_word(const std::string& text) {
  static const std::regex kWord(R"((\w+)\s*$)");
  std::smatch match;
  return std::regex_search(text, match, kWord) ? match[1].str() : "";
}

class Reader {
 public:
  explicit Reader(const std::string& headers) : text_(bare(headers)) {}

  std::set<std::string> read() {
    while (at_ < text_.size()) step();
    return std::move(found_);
  }

 private:
  struct Scope {
    std::string prefix;  ///< of names in it
    std::string name;    ///< of the class; empty: a namespace
    bool open = true;    ///< what comes next is public
  };

  void step() {
    const char c = text_[at_++];
    if (c == '(') ++parentheses_;
    if (c == ')') --parentheses_;
    if (parentheses_ > 0) {
      statement_ += c;
    } else if (c == ';') {
      declare();
    } else if (c == '{') {
      enter();
    } else if (c == '}') {
      scopes_.pop_back();
    } else if (c == ':' && is_access()) {
      scopes_.back().open = last_word(statement_) == "public";
      statement_.clear();
    } else {
      statement_ += c;
    }
  }

  bool is_access() const {
    const std::string word = last_word(statement_);
    return word == "public" || word == "private";
  }

  /// At a brace: of a namespace, a type, a function, or a value.
  void enter() {
    static const std::regex kSpace(R"(\bnamespace\b)"), kType(R"(\b(class|struct)\s+(SAN_API\s+)?(\w+))"),
        kEnum(R"(\benum\s+class\s+(\w+))");
    std::smatch match;
    if (std::regex_search(statement_, kSpace)) {
      scopes_.push_back({});
      statement_.clear();
    } else if (std::regex_search(statement_, match, kEnum)) {
      const std::string name = match[1];
      for (const std::string& value : split(until_closed())) add(name + "::" + before_equals(value));
      statement_.clear();
    } else if (std::regex_search(statement_, match, kType)) {
      const bool seen = scopes_.back().open;
      const std::string name = match[3], prefix = scopes_.back().prefix + name + "::";
      scopes_.push_back({prefix, name, seen && match[1] == "struct"});
      statement_.clear();
    } else {
      until_closed();
      if (without_templates(before_equals_text(statement_)).find('(') != std::string::npos) declare();
    }
  }

  /// What stands before the brace that closes the one just read, without what that holds in braces.
  std::string until_closed() {
    std::string inside;
    for (int depth = 1; at_ < text_.size();) {
      const char c = text_[at_++];
      if (c == '{') ++depth;
      if (c == '}' && --depth == 0) break;
      if (depth == 1) inside += c;
    }
    return inside;
  }

  void declare() {
    const std::string text = std::exchange(statement_, {});
    static const std::regex kOthers(R"(\b(friend|using|operator|typedef)\b|~|^\s*(class|struct)\s+\w+\s*$)");
    if (!scopes_.back().open || std::regex_search(text, kOthers)) return;
    const std::string head = without_templates(before_equals_text(text));
    const std::size_t arguments = head.find('(');
    if (arguments == std::string::npos) {
      for (const std::string& name : split(text)) add(before_equals(name));
      return;
    }
    const std::string name = last_word(head.substr(0, arguments));
    const bool makes = name == scopes_.back().name;
    if (makes && (text.find("&&") != std::string::npos || head.substr(arguments, 2) == "()")) return;
    add(name);
  }

  /// Before the first "=" that is not in parentheses.
  static std::string before_equals_text(const std::string& text) {
    int depth = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '(') ++depth;
      if (text[i] == ')') --depth;
      if (depth == 0 && text[i] == '=') return text.substr(0, i);
    }
    return text;
  }
  static std::string before_equals(const std::string& text) {
    return last_word(without_templates(before_equals_text(text)));
  }

  /// At commas outside of templates and parentheses.
  static std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> parts(1);
    int depth = 0;
    for (const char c : text) {
      if (c == '<' || c == '(') ++depth;
      if (c == '>' || c == ')') --depth;
      if (c == ',' && depth == 0)
        parts.emplace_back();
      else
        parts.back() += c;
    }
    return parts;
  }

  void add(const std::string& name) {
    if (scopes_.back().open && !name.empty()) found_.insert(scopes_.back().prefix + name);
  }

  std::string text_, statement_;
  std::size_t at_ = 0;
  int parentheses_ = 0;
  std::vector<Scope> scopes_{{}};
  std::set<std::string> found_;
};

}  // namespace

std::set<std::string> public_names(const std::string& headers) {
  return Reader(headers).read();
}

}  // namespace san::testing
