#pragma once
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/reader_limit.h"
#include "checkpoint/unpickler.h"

namespace san {

/// Makes the values of a Pickle: what the instructions of the unpickler mean, under its limits. Throws Error
/// naming `where`.
class PickleBuilder {
 public:
  using Ref = Pickle::Ref;
  using Kind = Pickle::Kind;
  using Node = Pickle::Node;

  explicit PickleBuilder(std::string where) : where_(std::move(where)) {}

  Ref add(Kind kind, std::vector<Ref> items = {});
  Ref add_integer(Kind kind, std::int64_t value);
  Ref add_real(double value);
  Ref add_text(Kind kind, std::string_view text);
  /// A Python integer: two's complement, little-endian, any length.
  Ref add_long(std::string_view bytes);
  Ref add_global(std::string_view module, std::string_view name);
  /// The global whose module and name are string values.
  Ref add_global(Ref module, Ref name);

  void append(Ref container, const std::vector<Ref>& items, Kind kind);
  void set_state(Ref object, Ref state);
  /// What calling `maker` with the tuple `args` would give as far as it is plain data or a tensor; otherwise
  /// an opaque object.
  Ref make(Ref maker, Ref args);
  /// What torch's external reference `id` stands for.
  Ref resolve(Ref id);

  Pickle finish(Ref root, std::size_t consumed) &&;

 private:
  Ref add(Node node);
  Node& at(Ref ref) { return pickle_.nodes_[ref]; }
  void charge(std::size_t bytes);
  std::int64_t integer(Ref ref);
  std::vector<std::int64_t> integers(Ref ref);
  Ref rebuild_tensor(const std::vector<Ref>& args, bool has_dtype);
  Ref make_dict(const std::vector<Ref>& args);
  Ref copy_items(Kind kind, const std::vector<Ref>& args);

  std::string where_;
  Pickle pickle_;
  const ReaderLimit values_limit_{1'000'000};
  // A few bytes of pickle can copy a large remembered value; this bounds the sum of all copies.
  const ReaderLimit bytes_limit_{std::size_t{512} << 20};
  std::size_t charged_bytes_ = 0;
};

}  // namespace san
