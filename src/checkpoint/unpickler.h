#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace san {

/// A storage a pickled tensor refers to: `count` elements of `type` ("torch.FloatStorage"), `offset` elements
/// into the record named `key`.
struct PickledStorage {
  std::string type, key;
  std::int64_t count = 0, offset = 0;
};

/// A strided view of a storage, as pickled; not yet checked against the storage.
struct PickledTensor {
  std::uint32_t storage = 0;  ///< index into Pickle::storages()
  std::string dtype;  ///< "torch.float32" where the pickle names it apart from the storage, else empty
  std::int64_t offset = 0;
  std::vector<std::int64_t> size, stride;
};

/// What a pickle contains, without having executed anything. Values live in one table and refer to each other
/// by index, so that shared and cyclic values and any depth of nesting are harmless.
class Pickle {
 public:
  using Ref = std::uint32_t;
  enum class Kind : std::uint8_t {
    kNone,
    kBool,     ///< integer
    kInt,      ///< integer
    kBigInt,   ///< text: two's complement, little-endian
    kFloat,    ///< real
    kString,   ///< text
    kBytes,    ///< text
    kTuple,    ///< items
    kList,     ///< items
    kSet,      ///< items
    kDict,     ///< items: key, value, key, value, …; a later equal key replaces an earlier one
    kGlobal,   ///< text: "module.name"
    kObject,   ///< text: "module.name" of its maker; items: the argument tuple, then what was put into it
    kStorage,  ///< integer: index into storages()
    kTensor,   ///< integer: index into tensors()
  };
  struct Node {
    Kind kind = Kind::kNone;
    union {
      std::int64_t integer = 0;
      double real;
    };
    std::string text;
    std::vector<Ref> items;
  };

  const Node& root() const { return nodes_[root_]; }
  const Node& operator[](Ref ref) const { return nodes_[ref]; }
  const std::vector<PickledStorage>& storages() const { return storages_; }
  const std::vector<PickledTensor>& tensors() const { return tensors_; }
  const PickledTensor& tensor(const Node& node) const {
    return tensors_[static_cast<std::size_t>(node.integer)];
  }
  /// Value of a string key, or null.
  const Node* find(const Node& dict, std::string_view key) const;
  /// Names of the makers of all objects that are kept as opaque, sorted, each once.
  std::vector<std::string> opaque_makers() const;
  /// Bytes of input this pickle took; another one may follow.
  std::size_t consumed() const { return consumed_; }

 private:
  friend class PickleBuilder;
  std::vector<Node> nodes_;
  std::vector<PickledStorage> storages_;
  std::vector<PickledTensor> tensors_;
  Ref root_ = 0;
  std::size_t consumed_ = 0;
};

/// Of a pickle no more than this is read.
inline constexpr std::size_t kMaxPickleBytes = std::size_t{64} << 20;

/// Reads one pickle (protocols 0 to 5) from the start of `bytes`. Builds plain containers, numbers, strings
/// and torch tensors; any other callable is noted by name and not called. Throws Error naming `where` and the
/// byte on malformed input and beyond the limits: 64 MiB of pickle, 1 million values, 512 MiB for them.
Pickle unpickle(std::span<const std::byte> bytes, const std::string& where);

}  // namespace san
