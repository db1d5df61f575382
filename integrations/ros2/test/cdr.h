#pragma once
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

/// Plain CDR as DDS sends ROS 2 messages: numbers aligned to their size, strings with length and a zero,
/// sequences with their length.
namespace san::ros::recorded {

struct Cdr {
  std::vector<std::uint8_t> bytes;
};

template <class Number>
requires std::is_arithmetic_v<Number>
void write(Cdr& out, Number value) {
  while (out.bytes.size() % sizeof value != 0) out.bytes.push_back(0);
  out.bytes.resize(out.bytes.size() + sizeof value);
  std::memcpy(&out.bytes[out.bytes.size() - sizeof value], &value, sizeof value);
}

inline void write(Cdr& out, const std::string& text) {
  write(out, static_cast<std::uint32_t>(text.size() + 1));
  out.bytes.insert(out.bytes.end(), text.begin(), text.end());
  out.bytes.push_back(0);
}

template <class Element>
void write(Cdr& out, const std::vector<Element>& list) {
  write(out, static_cast<std::uint32_t>(list.size()));
  for (const Element& element : list) write(out, element);
}

}  // namespace san::ros::recorded
