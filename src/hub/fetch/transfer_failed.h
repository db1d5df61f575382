#pragma once
#include "san/error.hpp"

namespace san {

/// The connection failed, or broke off: worth another try.
class TransferFailed : public Error {
 public:
  using Error::Error;
};

}  // namespace san
