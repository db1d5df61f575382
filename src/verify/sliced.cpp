#include "verify/sliced.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "base/error.h"

namespace san {
namespace {

constexpr std::size_t kShown = 80;  // bytes of a text in messages

struct AxisSlice {
  std::int64_t begin = 0, end = -1, step = 1;
};

std::int64_t parse_number(std::string_view text, std::int64_t otherwise, const std::string& spec) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  if (text.empty()) return otherwise;
  std::int64_t value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  require(error == std::errc() && rest == text.data() + text.size() && value >= 0,
          "slice \"{}\": \"{}\" is not a number", spec, text.substr(0, kShown));
  return value;
}

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0;;) {
    const std::size_t end = text.find(at, begin);
    parts.push_back(text.substr(begin, end - begin));
    if (end == std::string_view::npos) return parts;
    begin = end + 1;
  }
}

// "[:, ::4, 0:10]", between the brackets.
std::vector<AxisSlice> parse_axes(std::string_view text, const Shape& shape, const std::string& spec) {
  std::vector<AxisSlice> axes(static_cast<std::size_t>(shape.rank()));
  for (int i = 0; i < shape.rank(); ++i) axes[static_cast<std::size_t>(i)].end = shape[i];
  const auto parts = split(text, ',');
  require(parts.size() <= axes.size(), "slice \"{}\": more axes than {}", spec, shape.str());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto fields = split(parts[i], ':');
    require(fields.size() == 2 || fields.size() == 3, "slice \"{}\": \"{}\" is not begin:end:step", spec,
            parts[i].substr(0, kShown));
    AxisSlice& a = axes[i];
    a.begin = parse_number(fields[0], 0, spec);
    a.end = std::min(a.end, parse_number(fields[1], a.end, spec));
    a.step = fields.size() == 3 ? parse_number(fields[2], 1, spec) : 1;
    a.step =
        std::min(a.step, std::max<std::int64_t>(shape[static_cast<int>(i)], 1));  // beyond: the first alone
    require(a.step > 0 && a.begin <= a.end, "slice \"{}\": \"{}\" is empty or endless", spec,
            parts[i].substr(0, kShown));
  }
  return axes;
}

}  // namespace

Values take_slice(const Values& full, const std::string& spec, const std::string& name) {
  if (spec.empty() || spec.starts_with("whole")) return full;
  const auto close = spec.find(']');
  require(spec.front() == '[' && close != std::string::npos, "{}: slice \"{}\" is not understood", name,
          std::string_view(spec).substr(0, kShown));
  const auto axes =
      parse_axes(std::string_view(spec).substr(1, close - 1), full.shape, spec.substr(0, kShown));
  Shape out = full.shape;
  for (int i = 0; i < out.rank(); ++i) {
    const AxisSlice& a = axes[static_cast<std::size_t>(i)];
    out.set(i, (a.end - a.begin + a.step - 1) / a.step);
  }
  Values result{out, std::vector<float>(static_cast<std::size_t>(out.elements()))};
  for (std::int64_t i = 0; i < out.elements(); ++i) {
    std::int64_t rest = i, source = 0, stride = 1;
    for (int axis = out.rank() - 1; axis >= 0; --axis) {
      const AxisSlice& a = axes[static_cast<std::size_t>(axis)];
      source += (a.begin + rest % out[axis] * a.step) * stride;
      rest /= out[axis];
      stride *= full.shape[axis];
    }
    result.data[static_cast<std::size_t>(i)] = full.data[static_cast<std::size_t>(source)];
  }
  return result;
}

Values transpose(const Values& x, const std::vector<int>& axes) {
  Shape out = x.shape;
  std::vector<std::int64_t> strides(axes.size(), 1);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    out.set(static_cast<int>(i), x.shape[axes[i]]);
    strides[i] = x.shape.elements(axes[i] + 1, x.shape.rank());
  }
  Values y{out, std::vector<float>(x.data.size())};
  for (std::int64_t i = 0; i < out.elements(); ++i) {
    std::int64_t rest = i, source = 0;
    for (int axis = out.rank() - 1; axis >= 0; --axis) {
      source += rest % out[axis] * strides[static_cast<std::size_t>(axis)];
      rest /= out[axis];
    }
    y.data[static_cast<std::size_t>(i)] = x.data[static_cast<std::size_t>(source)];
  }
  return y;
}

}  // namespace san
