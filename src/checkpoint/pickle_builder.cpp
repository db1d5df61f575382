#include "checkpoint/pickle_builder.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "checkpoint/limits.h"
#include "checkpoint/pickle_text.h"

namespace san {
namespace {

constexpr std::size_t kMaxRank = 64;
constexpr int kMaxCallChain = 8;

bool is_any(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::ranges::find(names, name) != names.end();
}

}  // namespace

void PickleBuilder::charge(std::size_t bytes) {
  charged_bytes_ += bytes;
  bytes_limit_.check(charged_bytes_, where_, "bytes that a pickle's values take");
}

PickleBuilder::Ref PickleBuilder::add(Node node) {
  values_limit_.check(pickle_.nodes_.size() + 1, where_, "values of a pickle");
  charge(sizeof(Node) + node.text.size() + node.items.size() * sizeof(Ref));
  pickle_.nodes_.push_back(std::move(node));
  return static_cast<Ref>(pickle_.nodes_.size() - 1);
}

PickleBuilder::Ref PickleBuilder::add(Kind kind, std::vector<Ref> items) {
  Node node;
  node.kind = kind;
  node.items = std::move(items);
  return add(std::move(node));
}

PickleBuilder::Ref PickleBuilder::add_integer(Kind kind, std::int64_t value) {
  Node node;
  node.kind = kind;
  node.integer = value;
  return add(std::move(node));
}

PickleBuilder::Ref PickleBuilder::add_real(double value) {
  Node node;
  node.kind = Kind::kFloat;
  node.real = value;
  return add(std::move(node));
}

PickleBuilder::Ref PickleBuilder::add_text(Kind kind, std::string_view text) {
  Node node;
  node.kind = kind;
  node.text = text;
  return add(std::move(node));
}

PickleBuilder::Ref PickleBuilder::add_long(std::string_view bytes) {
  if (bytes.size() > 8) return add_text(Kind::kBigInt, bytes);
  const bool negative = !bytes.empty() && (static_cast<unsigned char>(bytes.back()) & 0x80);
  std::uint64_t value = negative ? ~0ull : 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return add_integer(Kind::kInt, static_cast<std::int64_t>(value));
}

PickleBuilder::Ref PickleBuilder::add_global(std::string_view module, std::string_view name) {
  require(module.size() <= kMaxNameBytes && name.size() <= kMaxNameBytes, "{}: pickle: a name of {} bytes",
          where_, std::max(module.size(), name.size()));
  return add_text(Kind::kGlobal, std::string(module) + "." + std::string(name));
}

PickleBuilder::Ref PickleBuilder::add_global(Ref module, Ref name) {
  require(at(module).kind == Kind::kString && at(name).kind == Kind::kString,
          "{}: pickle: names something by other than strings", where_);
  return add_global(std::string_view(at(module).text), std::string_view(at(name).text));
}

void PickleBuilder::append(Ref container, const std::vector<Ref>& items, Kind kind) {
  Node& node = at(container);
  require(node.kind == kind || node.kind == Kind::kObject, "{}: pickle: adds items to what cannot hold them",
          where_);
  require(kind != Kind::kDict || items.size() % 2 == 0, "{}: pickle: a key without a value", where_);
  charge(items.size() * sizeof(Ref));
  node.items.insert(node.items.end(), items.begin(), items.end());
}

void PickleBuilder::set_state(Ref object, Ref state) {
  // The state of plain containers and tensors (an OrderedDict's _metadata) has no values anyone needs.
  if (at(object).kind == Kind::kObject) at(object).items.push_back(state);
}

std::int64_t PickleBuilder::integer(Ref ref) {
  require(at(ref).kind == Kind::kInt, "{}: pickle: expected an integer in a tensor", where_);
  return at(ref).integer;
}

std::vector<std::int64_t> PickleBuilder::integers(Ref ref) {
  const Node& node = at(ref);
  require((node.kind == Kind::kTuple || node.kind == Kind::kList) && node.items.size() <= kMaxRank,
          "{}: pickle: expected a tuple of at most {} integers in a tensor", where_, kMaxRank);
  std::vector<std::int64_t> out;
  for (const Ref item : node.items) out.push_back(integer(item));
  return out;
}

PickleBuilder::Ref PickleBuilder::resolve(Ref id) {
  const Node& tuple = at(id);
  require(tuple.kind == Kind::kTuple && tuple.items.size() >= 2 && at(tuple.items[0]).kind == Kind::kString,
          "{}: pickle: an external reference that is not torch's", where_);
  if (at(tuple.items[0]).text == "module") return tuple.items[1];
  require(at(tuple.items[0]).text == "storage" && tuple.items.size() >= 5 &&
              at(tuple.items[1]).kind == Kind::kGlobal && at(tuple.items[2]).kind == Kind::kString &&
              at(tuple.items[2]).text.size() <= kMaxNameBytes,
          "{}: pickle: a storage reference that is not torch's", where_);
  PickledStorage storage{at(tuple.items[1]).text, at(tuple.items[2]).text, integer(tuple.items[4]), 0};
  if (tuple.items.size() > 5 && at(tuple.items[5]).kind == Kind::kTuple) {
    const Node& view = at(tuple.items[5]);
    require(view.items.size() == 3, "{}: pickle: a storage view that is not torch's", where_);
    storage.offset = integer(view.items[1]);
    storage.count = integer(view.items[2]);
  }
  require(storage.count >= 0 && storage.offset >= 0, "{}: pickle: a storage of negative size", where_);
  charge(sizeof storage + storage.type.size() + storage.key.size());
  pickle_.storages_.push_back(std::move(storage));
  return add_integer(Kind::kStorage, static_cast<std::int64_t>(pickle_.storages_.size() - 1));
}

PickleBuilder::Ref PickleBuilder::rebuild_tensor(const std::vector<Ref>& args, bool has_dtype) {
  require(args.size() >= (has_dtype ? 7u : 4u) && at(args[0]).kind == Kind::kStorage,
          "{}: pickle: a tensor without a storage", where_);
  PickledTensor tensor;
  tensor.storage = static_cast<std::uint32_t>(at(args[0]).integer);
  tensor.offset = integer(args[1]);
  tensor.size = integers(args[2]);
  tensor.stride = integers(args[3]);
  require(tensor.size.size() == tensor.stride.size(), "{}: pickle: a tensor with {} sizes and {} strides",
          where_, tensor.size.size(), tensor.stride.size());
  if (has_dtype) {
    require(at(args[6]).kind == Kind::kGlobal, "{}: pickle: a tensor of an unnamed type", where_);
    tensor.dtype = at(args[6]).text;
  }
  charge(sizeof tensor + tensor.dtype.size() + 2 * tensor.size.size() * sizeof(std::int64_t));
  pickle_.tensors_.push_back(std::move(tensor));
  return add_integer(Kind::kTensor, static_cast<std::int64_t>(pickle_.tensors_.size() - 1));
}

PickleBuilder::Ref PickleBuilder::make_dict(const std::vector<Ref>& args) {
  std::vector<Ref> items;
  if (!args.empty() && at(args[0]).kind == Kind::kDict) items = at(args[0]).items;
  if (!args.empty() && at(args[0]).kind == Kind::kList)
    for (const Ref ref : at(args[0]).items) {
      const Node& pair = at(ref);
      require((pair.kind == Kind::kList || pair.kind == Kind::kTuple) && pair.items.size() == 2,
              "{}: pickle: a dictionary made of something other than pairs", where_);
      items.insert(items.end(), pair.items.begin(), pair.items.end());
    }
  return add(Kind::kDict, std::move(items));
}

PickleBuilder::Ref PickleBuilder::copy_items(Kind kind, const std::vector<Ref>& args) {
  return add(kind, args.empty() ? std::vector<Ref>() : at(args[0]).items);
}

PickleBuilder::Ref PickleBuilder::make(Ref maker_ref, Ref args_ref) {
  for (int chain = 0; chain < kMaxCallChain; ++chain) {
    require(at(maker_ref).kind == Kind::kGlobal && at(args_ref).kind == Kind::kTuple,
            "{}: pickle: calls something that has no name, or without a tuple of arguments", where_);
    const std::string maker = at(maker_ref).text;
    const std::vector<Ref> args = at(args_ref).items;
    charge(args.size() * sizeof(Ref));
    if (is_any(maker, {"collections.OrderedDict", "builtins.dict", "__builtin__.dict"}))
      return make_dict(args);
    if (is_any(maker, {"torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor"}))
      return rebuild_tensor(args, false);
    if (maker == "torch._utils._rebuild_tensor_v3") return rebuild_tensor(args, true);
    if (is_any(maker, {"torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state",
                       "torch.jit._pickle.restore_type_tag"}) &&
        !args.empty())
      return args[0];
    if (maker == "torch.Size") return copy_items(Kind::kTuple, args);
    if (is_any(maker, {"builtins.set", "__builtin__.set", "builtins.frozenset", "__builtin__.frozenset"}))
      return copy_items(Kind::kSet, args);
    if (maker.starts_with("torch.jit._pickle.build_") && maker.ends_with("list"))
      return copy_items(Kind::kList, args);
    if (maker == "_codecs.encode" && !args.empty() && at(args[0]).kind == Kind::kString) {
      charge(at(args[0]).text.size());
      return add_text(Kind::kBytes, pickle_latin1(at(args[0]).text));
    }
    // Arguments: function, type, its arguments, state. Tensors of a subclass or with attributes look so.
    if (maker != "torch._tensor._rebuild_from_type_v2" || args.size() != 4) {
      const Ref object = add_text(Kind::kObject, maker);
      at(object).items = {args_ref};
      return object;
    }
    maker_ref = args[0];
    args_ref = args[2];
  }
  fail("{}: pickle: calls within calls, more than {} deep", where_, kMaxCallChain);
}

Pickle PickleBuilder::finish(Ref root, std::size_t consumed) && {
  pickle_.root_ = root;
  pickle_.consumed_ = consumed;
  return std::move(pickle_);
}

}  // namespace san
