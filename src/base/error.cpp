#include "base/error.h"

#include "base/utf8.h"

namespace san::detail {

void throw_error(fmt::string_view format, fmt::format_args args) {
  throw Error(printable_lines(fmt::vformat(format, args)));  // names from files are in it
}

}  // namespace san::detail
