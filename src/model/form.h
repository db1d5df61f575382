#pragma once
#include <cstdint>

namespace san {

/// How a part of the network is computed. Both forms give the same values: kDefinition as its authors wrote
/// it, kRewritten with less work. kBackendChoice asks Backend::literal().
enum class Form : std::uint8_t { kBackendChoice, kDefinition, kRewritten };

}  // namespace san
