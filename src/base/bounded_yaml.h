#pragma once
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <sstream>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "base/reader_limit.h"

namespace san {
namespace detail {

inline constexpr std::size_t kMaxNodes = 500'000, kMaxAnchors = 1000, kMaxDepth = 64;

/// Follows a document's events and stops it at the limits.
class NodeCounter final : public YAML::EventHandler {
 public:
  explicit NodeCounter(const std::string& where) : where_(where) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t anchor) override { leaf(anchor); }
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t anchor, const std::string&) override {
    leaf(anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchored_.find(anchor);
    require(found != anchored_.end(), "{}: line {}: a value that contains itself", where_, mark.line + 1);
    count(found->second);
  }
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(anchor);
  }
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    YAML::anchor_t anchor;
    std::size_t before;
  };

  void count(std::size_t more) {
    nodes_ += more;
    nodes_limit_.check(nodes_, where_, "values, aliases written out");
  }
  void remember(YAML::anchor_t anchor, std::size_t size) {
    if (anchor == 0) return;
    anchored_[anchor] = size;
    anchors_limit_.check(anchored_.size(), where_, "anchors");
  }
  void leaf(YAML::anchor_t anchor) {
    count(1);
    remember(anchor, 1);
  }
  void open(YAML::anchor_t anchor) {
    require(open_.size() < kMaxDepth, "{}: nested more than {} deep; nothing that is read here is", where_,
            kMaxDepth);
    open_.push_back({anchor, nodes_});
    count(1);
  }
  void close() {
    remember(open_.back().anchor, nodes_ - open_.back().before);
    open_.pop_back();
  }

  const std::string& where_;
  const ReaderLimit nodes_limit_{kMaxNodes}, anchors_limit_{kMaxAnchors};
  std::size_t nodes_ = 0;
  std::vector<Open> open_;
  std::unordered_map<YAML::anchor_t, std::size_t> anchored_;
};

}  // namespace detail

/// Parses a YAML document of a stranger. An alias stands for a copy of what it names, so that a short text
/// can describe a huge document: nodes are counted with aliases written out, before any is built. Throws
/// Error that begins with `where` on damage, on a value that contains itself, beyond ReaderLimit of 500 000
/// nodes and of 1000 anchors, and beyond 64 levels, which the parser's stack has to hold.
inline YAML::Node parse_bounded_yaml(std::string_view text, const std::string& where) {
  const std::string copy(text);
  try {
    std::istringstream stream(copy);
    YAML::Parser parser(stream);
    detail::NodeCounter counter(where);
    parser.HandleNextDocument(counter);
    return YAML::Load(copy);
  } catch (const YAML::Exception& error) {
    fail("{}: {}", where, error.what());
  }
}

}  // namespace san
