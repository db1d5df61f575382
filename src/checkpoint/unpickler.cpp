#include "checkpoint/unpickler.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <set>
#include <unordered_map>

#include "base/error.h"
#include "base/reader_limit.h"
#include "checkpoint/byte_reader.h"
#include "checkpoint/pickle_builder.h"
#include "checkpoint/pickle_text.h"

namespace san {
namespace {

using Kind = Pickle::Kind;
using Ref = Pickle::Ref;

constexpr std::size_t kMaxStack = 1'000'000, kMaxMemo = 1'000'000;

// Names as in Python's pickletools.
enum Opcode : std::uint8_t {
  kMark = '(',
  kStop = '.',
  kPop = '0',
  kPopMark = '1',
  kDup = '2',
  kFloat = 'F',
  kInt = 'I',
  kBinInt = 'J',
  kBinInt1 = 'K',
  kLong = 'L',
  kBinInt2 = 'M',
  kNone = 'N',
  kPersId = 'P',
  kBinPersId = 'Q',
  kReduce = 'R',
  kString = 'S',
  kBinString = 'T',
  kShortBinString = 'U',
  kUnicode = 'V',
  kBinUnicode = 'X',
  kAppend = 'a',
  kBuild = 'b',
  kGlobal = 'c',
  kDict = 'd',
  kEmptyDict = '}',
  kAppends = 'e',
  kGet = 'g',
  kBinGet = 'h',
  kInst = 'i',
  kLongBinGet = 'j',
  kList = 'l',
  kEmptyList = ']',
  kObj = 'o',
  kPut = 'p',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kSetItem = 's',
  kTuple = 't',
  kEmptyTuple = ')',
  kSetItems = 'u',
  kBinFloat = 'G',
  kProto = 0x80,
  kNewObj = 0x81,
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kLong1 = 0x8a,
  kLong4 = 0x8b,
  kBinBytes = 'B',
  kShortBinBytes = 'C',
  kShortBinUnicode = 0x8c,
  kBinUnicode8 = 0x8d,
  kBinBytes8 = 0x8e,
  kEmptySet = 0x8f,
  kAddItems = 0x90,
  kFrozenSet = 0x91,
  kNewObjEx = 0x92,
  kStackGlobal = 0x93,
  kMemoize = 0x94,
  kFrame = 0x95,
  kByteArray8 = 0x96,
};

class Unpickler {
 public:
  Unpickler(std::span<const std::byte> bytes, const std::string& where)
      : where_(where),
        in_(bytes.first(std::min<std::uint64_t>(bytes.size(), ReaderLimit(kMaxPickleBytes).value())), where_),
        builder_(where) {}

  Pickle run() {
    while (step()) {
    }
    const Ref root = pop();
    return std::move(builder_).finish(root, in_.position());
  }

 private:
  template <class... Args>
  void check(bool condition, fmt::format_string<Args...> format, Args&&... args) const {
    if (!condition) [[unlikely]]
      fail("{}: pickle, byte {}: {}", where_, in_.position(),
           fmt::format(format, std::forward<Args>(args)...));
  }

  void push(Ref ref) {
    stack_limit_.check(stack_.size() + 1, where_, "values on a pickle's stack");
    stack_.push_back(ref);
  }
  void push(Kind kind, std::vector<Ref> items) { push(builder_.add(kind, std::move(items))); }
  void push_text(std::string_view text) { push(builder_.add_text(Kind::kString, text)); }
  void push_bytes(std::string_view text) { push(builder_.add_text(Kind::kBytes, text)); }
  void push_int(std::int64_t value) { push(builder_.add_integer(Kind::kInt, value)); }

  Ref top() const {
    check(stack_.size() > (marks_.empty() ? 0 : marks_.back()), "takes a value from an empty stack");
    return stack_.back();
  }
  Ref pop() {
    const Ref ref = top();
    stack_.pop_back();
    return ref;
  }
  std::vector<Ref> pop_many(std::size_t count) {
    std::vector<Ref> items(count);
    for (std::size_t i = count; i-- > 0;) items[i] = pop();
    return items;
  }
  std::vector<Ref> pop_to_mark() {
    check(!marks_.empty(), "has no mark");
    std::vector<Ref> items(stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back()), stack_.end());
    stack_.resize(marks_.back());
    marks_.pop_back();
    return items;
  }

  void put(std::uint64_t key) {
    memo_[key] = top();
    memo_limit_.check(memo_.size(), where_, "memo entries of a pickle");
  }
  void get(std::uint64_t key) {
    const auto found = memo_.find(key);
    check(found != memo_.end(), "memo entry {} was never set", key);
    push(found->second);
  }

  template <class T>
  T number(std::string_view text) const {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    check(error == std::errc{} && end == text.data() + text.size(), "expected a number of 64 bits at most");
    return value;
  }

  void push_decimal(std::string_view line) {
    if (line == "00" || line == "01") return push(builder_.add_integer(Kind::kBool, line == "01"));
    if (line.ends_with('L')) line.remove_suffix(1);
    push_int(number<std::int64_t>(line));
  }

  void push_big_endian_double() {
    std::uint64_t bits = 0;
    for (int i = 0; i < 8; ++i) bits = bits << 8 | in_.take<std::uint8_t>();
    push(builder_.add_real(std::bit_cast<double>(bits)));
  }

  // The container is below the items.
  void append(const std::vector<Ref>& items, Kind kind) { builder_.append(top(), items, kind); }

  void step_pop() {
    if (!marks_.empty() && marks_.back() == stack_.size())
      marks_.pop_back();
    else
      pop();
  }
  void step_dict() {
    const auto items = pop_to_mark();
    push(Kind::kDict, {});
    append(items, Kind::kDict);
  }
  void step_global() {
    const auto module = in_.take_line();
    push(builder_.add_global(module, in_.take_line()));
  }
  void step_stack_global() {
    const auto names = pop_many(2);
    push(builder_.add_global(names[0], names[1]));
  }
  void step_make(std::size_t operands) {
    const auto call = pop_many(operands);
    push(builder_.make(call[0], call[1]));
  }
  void step_inst() {
    const Ref args = builder_.add(Kind::kTuple, pop_to_mark());
    step_global();
    push(builder_.make(pop(), args));
  }
  void step_obj() {
    auto items = pop_to_mark();
    check(!items.empty(), "makes an object of nothing");
    const Ref maker = items.front();
    items.erase(items.begin());
    push(builder_.make(maker, builder_.add(Kind::kTuple, std::move(items))));
  }
  void step_mark() {
    stack_limit_.check(marks_.size() + 1, where_, "marks on a pickle's stack");
    marks_.push_back(stack_.size());
  }
  void step_proto() {
    const auto version = in_.take<std::uint8_t>();
    check(version <= 5, "protocol {}, at most 5 is known", version);
  }
  void step_build() {
    const Ref state = pop();
    builder_.set_state(top(), state);
  }

  bool step() {
    const auto opcode = in_.take<std::uint8_t>();
    switch (opcode) {
      case kProto:
        step_proto();
        break;
      case kStop:
        return false;
      case kFrame:
        in_.take(8);
        break;
      case kMark:
        step_mark();
        break;
      case kPop:
        step_pop();
        break;
      case kPopMark:
        pop_to_mark();
        break;
      case kDup:
        push(top());
        break;
      case kNone:
        push(Kind::kNone, {});
        break;
      case kNewTrue:
        push(builder_.add_integer(Kind::kBool, 1));
        break;
      case kNewFalse:
        push(builder_.add_integer(Kind::kBool, 0));
        break;
      case kInt:
      case kLong:
        push_decimal(in_.take_line());
        break;
      case kBinInt:
        push_int(in_.take<std::int32_t>());
        break;
      case kBinInt1:
        push_int(in_.take<std::uint8_t>());
        break;
      case kBinInt2:
        push_int(in_.take<std::uint16_t>());
        break;
      case kLong1:
        push(builder_.add_long(in_.take_text(in_.take<std::uint8_t>())));
        break;
      case kLong4:
        push(builder_.add_long(in_.take_text(in_.take<std::uint32_t>())));
        break;
      case kFloat:
        push(builder_.add_real(number<double>(in_.take_line())));
        break;
      case kBinFloat:
        push_big_endian_double();
        break;
      case kString:
        push_text(pickle_unquote(in_.take_line(), where_));
        break;
      case kUnicode:
        push_text(pickle_unescape_unicode(in_.take_line()));
        break;
      case kShortBinString:
      case kShortBinUnicode:
        push_text(in_.take_text(in_.take<std::uint8_t>()));
        break;
      case kBinString:
      case kBinUnicode:
        push_text(in_.take_text(in_.take<std::uint32_t>()));
        break;
      case kBinUnicode8:
        push_text(in_.take_text(in_.take<std::uint64_t>()));
        break;
      case kShortBinBytes:
        push_bytes(in_.take_text(in_.take<std::uint8_t>()));
        break;
      case kBinBytes:
        push_bytes(in_.take_text(in_.take<std::uint32_t>()));
        break;
      case kBinBytes8:
      case kByteArray8:
        push_bytes(in_.take_text(in_.take<std::uint64_t>()));
        break;
      case kEmptyTuple:
        push(Kind::kTuple, {});
        break;
      case kTuple1:
        push(Kind::kTuple, pop_many(1));
        break;
      case kTuple2:
        push(Kind::kTuple, pop_many(2));
        break;
      case kTuple3:
        push(Kind::kTuple, pop_many(3));
        break;
      case kTuple:
        push(Kind::kTuple, pop_to_mark());
        break;
      case kEmptyList:
        push(Kind::kList, {});
        break;
      case kList:
        push(Kind::kList, pop_to_mark());
        break;
      case kEmptyDict:
        push(Kind::kDict, {});
        break;
      case kDict:
        step_dict();
        break;
      case kEmptySet:
        push(Kind::kSet, {});
        break;
      case kFrozenSet:
        push(Kind::kSet, pop_to_mark());
        break;
      case kAppend:
        append(pop_many(1), Kind::kList);
        break;
      case kAppends:
        append(pop_to_mark(), Kind::kList);
        break;
      case kAddItems:
        append(pop_to_mark(), Kind::kSet);
        break;
      case kSetItem:
        append(pop_many(2), Kind::kDict);
        break;
      case kSetItems:
        append(pop_to_mark(), Kind::kDict);
        break;
      case kPut:
        put(number<std::uint64_t>(in_.take_line()));
        break;
      case kBinPut:
        put(in_.take<std::uint8_t>());
        break;
      case kLongBinPut:
        put(in_.take<std::uint32_t>());
        break;
      case kMemoize:
        put(memo_.size());
        break;
      case kGet:
        get(number<std::uint64_t>(in_.take_line()));
        break;
      case kBinGet:
        get(in_.take<std::uint8_t>());
        break;
      case kLongBinGet:
        get(in_.take<std::uint32_t>());
        break;
      case kGlobal:
        step_global();
        break;
      case kStackGlobal:
        step_stack_global();
        break;
      case kReduce:
      case kNewObj:
        step_make(2);
        break;
      case kNewObjEx:
        step_make(3);
        break;
      case kInst:
        step_inst();
        break;
      case kObj:
        step_obj();
        break;
      case kBuild:
        step_build();
        break;
      case kBinPersId:
        push(builder_.resolve(pop()));
        break;
      case kPersId:
        check(false, "protocol 0 cannot refer to tensors; save the file with protocol 2");
        break;
      default:
        check(false, "unknown instruction 0x{:02x}", opcode);
    }
    return true;
  }

  const std::string where_;
  ByteReader in_;
  PickleBuilder builder_;
  const ReaderLimit stack_limit_{kMaxStack}, memo_limit_{kMaxMemo};
  std::vector<Ref> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint64_t, Ref> memo_;
};

}  // namespace

const Pickle::Node* Pickle::find(const Node& dict, std::string_view key) const {
  for (std::size_t i = dict.items.size(); i >= 2; i -= 2) {
    const Node& candidate = nodes_[dict.items[i - 2]];
    if (candidate.kind == Kind::kString && candidate.text == key) return &nodes_[dict.items[i - 1]];
  }
  return nullptr;
}

std::vector<std::string> Pickle::opaque_makers() const {
  std::set<std::string> makers;
  for (const Node& node : nodes_)
    if (node.kind == Kind::kObject) makers.insert(node.text);
  return {makers.begin(), makers.end()};
}

Pickle unpickle(std::span<const std::byte> bytes, const std::string& where) {
  return Unpickler(bytes, where).run();
}

}  // namespace san
