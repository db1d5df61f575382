#pragma once
#include <string>

namespace san {

/// What --bank names: a file, and the weight of its examples beside words, negative where none is given.
struct BankArgument {
  std::string file;
  float weight = -1;
};

/// "FILE[:WEIGHT]"; a colon with something else behind it is the file name's. Throws Error on a weight
/// outside 0 to 1000.
BankArgument parse_bank_argument(const std::string& text);

}  // namespace san
