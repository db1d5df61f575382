#pragma once

namespace san {

/// "0.1.0"
inline constexpr const char* version() {
  return "0.1.0";
}

}  // namespace san
