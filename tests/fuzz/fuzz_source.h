#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "checkpoint/architecture.h"
#include "checkpoint/file_bytes.h"
#include "checkpoint/name_maps.h"
#include "tensor/parameter_source.h"

/// What the checkpoint fuzzers share.
namespace san::fuzz {

inline FileBytes hold(std::string_view prefix, const std::uint8_t* data, std::size_t size) {
  std::vector<std::byte> bytes(prefix.size() + size);
  if (!prefix.empty()) std::memcpy(bytes.data(), prefix.data(), prefix.size());
  if (size > 0) std::memcpy(bytes.data() + prefix.size(), data, size);
  return FileBytes::hold(std::move(bytes), "fuzz");
}

/// Runs `action`; an Error is a fine answer, anything else is a finding.
template <class Action>
void tolerate(Action action) {
  try {
    action();
  } catch (const Error&) {
  }
}

/// Reads every byte of the first parameters, so that a sanitizer sees a range that is wrong.
inline void read_all(const ParameterSource& source) {
  constexpr std::size_t kMaxParameters = 64;
  constexpr std::int64_t kMaxElements = 1 << 20;
  std::size_t count = 0;
  for (const auto& name : source.names()) {
    if (++count > kMaxParameters) break;
    tolerate([&] {
      if (source.shape(name).elements() <= kMaxElements) source.load(name).to_f32();
    });
  }
}

/// Everything that looks at names and shapes.
inline void translate(std::shared_ptr<const ParameterSource> source) {
  tolerate([&] {
    const auto san = to_san_names(std::move(source));
    read_all(*san.parameters);
    infer_architecture(*san.parameters);
  });
}

}  // namespace san::fuzz
