#include "checkpoint/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "base/atomic_file.h"
#include "base/bounded_json.h"
#include "base/error.h"
#include "base/reader_limit.h"
#include "base/utf8.h"
#include "checkpoint/limits.h"

static_assert(std::endian::native == std::endian::little, "checkpoint files are read in place");

namespace san {
namespace {

using nlohmann::json;

constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kMaxHeaderBytes = std::size_t{32} << 20;
constexpr std::size_t kAlignment = 64;
constexpr std::array<std::string_view, 10> kDtypeNames = {"F64", "F32", "F16", "BF16", "I64",
                                                          "I32", "I16", "I8",  "U8",   "BOOL"};

std::optional<DType> dtype_from(std::string_view name) {
  const auto found = std::ranges::find(kDtypeNames, name);
  if (found == kDtypeNames.end()) return std::nullopt;
  return static_cast<DType>(found - kDtypeNames.begin());
}

std::uint64_t header_length(std::span<const std::byte> bytes) {
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), kLengthBytes);
  return length;
}

// Refuses, before anything is built, what would otherwise cost memory or be lost silently: nesting, long
// arrays, equal keys.
class HeaderGuard final : public JsonGuard {
 public:
  explicit HeaderGuard(const std::string& where) : JsonGuard(where) {}

 private:
  void value() override {
    require(depth() < 3 || ++array_values_ <= 16, "{}: an array of more than 16 numbers", where());
  }
  void name(const std::string& key) override {
    auto& keys = depth() == 1 ? outer_keys_ : inner_keys_;
    require(key.size() <= kMaxNameBytes, "{}: a name of more than {} bytes", where(), kMaxNameBytes);
    names_limit_.check(keys.size() + 1, where(), "names");
    require(is_printable(key), "{}: a name with control characters, \"{}\"", where(), key);
    require(keys.insert(key).second, "{}: \"{}\" twice", where(), key);
  }
  void open() override {
    require(depth() <= 3, "{}: nested deeper than the format allows", where());
    inner_keys_.clear();
    array_values_ = 0;
  }

  const ReaderLimit names_limit_{kMaxTensors};
  std::set<std::string> outer_keys_, inner_keys_;
  int array_values_ = 0;
};

json parse_json(std::string_view text, const std::string& where) {
  HeaderGuard guard(where);
  json::sax_parse(text, &guard);
  return json::parse(text);
}

Shape shape_from(const json& extents) {
  std::vector<std::int64_t> values;
  for (const auto& extent : extents) {
    require(extent.is_number_unsigned() && extent.get<std::uint64_t>() < (1ull << 62),
            "shape has something that is not a size");
    values.push_back(extent.get<std::int64_t>());
  }
  return Shape(values);
}

bool has_only(const json& object, std::initializer_list<const char*> keys) {
  return object.is_object() && object.size() == keys.size() &&
         std::ranges::all_of(keys, [&](const char* key) { return object.contains(key); });
}

}  // namespace

SafetensorsFile::SafetensorsFile(FileBytes file) : file_(std::move(file)) {
  parse_header();
}

std::shared_ptr<SafetensorsFile> SafetensorsFile::open(const std::filesystem::path& path) {
  return std::make_shared<SafetensorsFile>(FileBytes::open(path));
}

bool SafetensorsFile::looks_like(const FileBytes& file) {
  const OwnedBytes start = file.head(kLengthBytes + 1);
  const auto bytes = start.bytes;
  return bytes.size() > kLengthBytes && bytes[kLengthBytes] == std::byte{'{'} &&
         header_length(bytes) <= kMaxHeaderBytes * ReaderLimit::kMostScale;  // what is too long is told later
}

void SafetensorsFile::parse_header() {
  const std::string& where = file_.description();
  const std::uint64_t file_bytes = file_.size();
  require(file_bytes >= kLengthBytes, "{}: {} bytes are too few for a safetensors file", where, file_bytes);
  const std::uint64_t length = header_length(file_.head(kLengthBytes).bytes);
  ReaderLimit(kMaxHeaderBytes).check(length, where, "bytes of safetensors header");
  require(length <= file_bytes - kLengthBytes,
          "{}: the safetensors header claims {} bytes, the file has {}; is it cut off?", where, length,
          file_bytes);

  const std::uint64_t data_begin = kLengthBytes + length, data_bytes = file_bytes - data_begin;
  const json header = parse_json(file_.read(kLengthBytes, length).text(), where + ": the safetensors header");
  require(header.is_object(), "{}: the safetensors header is not a JSON object", where);

  for (const auto& [name, value] : header.items()) {
    if (name == "__metadata__") {
      require(value.is_object(), "{}: __metadata__ is not an object", where);
      for (const auto& [key, text] : value.items()) {
        require(text.is_string(), "{}: metadata \"{}\" is not a string", where, key);
        metadata_.emplace(key, text.get<std::string>());
      }
      continue;
    }
    require(has_only(value, {"dtype", "shape", "data_offsets"}) && value["dtype"].is_string() &&
                value["shape"].is_array() && value["data_offsets"].is_array() &&
                value["data_offsets"].size() == 2,
            "{}: tensor \"{}\" must have exactly dtype, shape and two data_offsets", where, name);
    const auto dtype = dtype_from(value["dtype"].get_ref<const std::string&>());
    require(dtype.has_value(), "{}: tensor \"{}\" has dtype {}, which is not supported", where, name,
            value["dtype"].get_ref<const std::string&>());
    Entry entry{*dtype, {}, 0, 0};
    try {
      entry.shape = shape_from(value["shape"]);
    } catch (const Error& e) {
      fail("{}: tensor \"{}\": {}", where, name, e.what());
    }
    const json &begin = value["data_offsets"][0], &end = value["data_offsets"][1];
    require(begin.is_number_unsigned() && end.is_number_unsigned() && begin.get<std::uint64_t>() <= end &&
                end.get<std::uint64_t>() <= data_bytes,
            "{}: tensor \"{}\" lies at [{}, {}), outside of the {} bytes of data; is the file cut off?",
            where, name, begin.dump(), end.dump(), data_bytes);
    const auto size = static_cast<std::int64_t>(end.get<std::uint64_t>() - begin.get<std::uint64_t>());
    std::int64_t expected = 0;
    require(
        !__builtin_mul_overflow(entry.shape.elements(), dtype_bytes(*dtype), &expected) && size == expected,
        "{}: tensor \"{}\" {} {} has {} bytes", where, name, kDtypeNames[static_cast<std::size_t>(*dtype)],
        entry.shape.str(), size);
    entry.begin = data_begin + begin.get<std::uint64_t>();
    entry.end = data_begin + end.get<std::uint64_t>();
    entries_.emplace(name, entry);
  }

  std::vector<const std::pair<const std::string, Entry>*> by_place;
  for (const auto& item : entries_)
    if (item.second.begin < item.second.end) by_place.push_back(&item);
  std::ranges::sort(by_place, {}, [](const auto* item) { return item->second.begin; });
  for (std::size_t i = 1; i < by_place.size(); ++i)
    require(by_place[i - 1]->second.end <= by_place[i]->second.begin, "{}: tensors \"{}\" and \"{}\" overlap",
            where, by_place[i - 1]->first, by_place[i]->first);
}

const SafetensorsFile::Entry& SafetensorsFile::entry(const std::string& name) const {
  const auto found = entries_.find(name);
  require(found != entries_.end(), "{}: no tensor \"{}\"", description(), name);
  return found->second;
}

const std::string& SafetensorsFile::metadata(const std::string& key) const {
  const auto found = metadata_.find(key);
  require(found != metadata_.end(), "{}: the metadata has no \"{}\"", description(), key);
  return found->second;
}

std::vector<std::string> SafetensorsFile::names() const {
  std::vector<std::string> names;
  names.reserve(entries_.size());
  for (const auto& [name, entry] : entries_) names.push_back(name);
  return names;
}

HostArray SafetensorsFile::load(const std::string& name) const {
  const Entry& e = entry(name);
  const OwnedBytes values = file_.read(e.begin, e.end - e.begin);
  HostArray array{e.dtype, e.shape, values.owner};
  if (reinterpret_cast<std::uintptr_t>(array.data.get()) % static_cast<std::size_t>(dtype_bytes(e.dtype)) ==
      0)
    return array;
  auto copy = std::make_shared_for_overwrite<std::byte[]>(values.bytes.size());
  std::ranges::copy(values.bytes, copy.get());
  array.data = {copy, copy.get()};
  return array;
}

std::optional<StoredRows> SafetensorsFile::stored_rows(const std::string& name) const {
  constexpr std::uint64_t kFewBytes = 256 << 10;
  const Entry& e = entry(name);
  if (!file_.in_file() || e.shape.rank() < 2 || e.end - e.begin < kFewBytes) return std::nullopt;
  const std::uint64_t row = (e.end - e.begin) / static_cast<std::uint64_t>(e.shape[0]);
  return StoredRows{e.dtype, e.shape,
                    [file = file_, at = e.begin, row](std::int64_t begin, std::int64_t end, std::byte* to) {
                      const auto bytes = static_cast<std::size_t>(end - begin) * row;
                      file.read(at + static_cast<std::uint64_t>(begin) * row, std::span(to, bytes));
                    }};
}

void write_safetensors(const std::filesystem::path& path, std::vector<TensorInfo> tensors,
                       const std::map<std::string, std::string>& metadata,
                       const std::function<HostArray(const TensorInfo&)>& load) {
  std::optional<AtomicFile> file;  // made when all that can be refused before it was
  write_safetensors(path.string(), std::move(tensors), metadata, load, [&](std::span<const std::byte> bytes) {
    if (!file) file.emplace(path);
    file->write(bytes);
  });
  file->commit();
}

void write_safetensors(const std::string& where, std::vector<TensorInfo> tensors,
                       const std::map<std::string, std::string>& metadata,
                       const std::function<HostArray(const TensorInfo&)>& load,
                       const std::function<void(std::span<const std::byte>)>& write) {
  const auto size_of = [](const TensorInfo& t) {
    return static_cast<std::size_t>(t.shape.elements() * dtype_bytes(t.dtype));
  };
  std::ranges::sort(tensors, {}, [&](const TensorInfo& t) {
    return std::tuple(size_of(t) % kAlignment != 0, -dtype_bytes(t.dtype), t.name);
  });

  json header = json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::size_t offset = 0;
  for (const TensorInfo& t : tensors) {
    require(t.name != "__metadata__" && !header.contains(t.name), "{}: two tensors are to be named \"{}\"",
            where, t.name);
    header[t.name] = {{"dtype", kDtypeNames[static_cast<std::size_t>(t.dtype)]},
                      {"shape", std::vector<std::int64_t>(t.shape.begin(), t.shape.end())},
                      {"data_offsets", {offset, offset + size_of(t)}}};
    offset += size_of(t);
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const json::exception& e) {
    fail("{}: a tensor name or the metadata is not valid UTF-8 ({})", where, json_reason(e));
  }
  text.append((kAlignment - (kLengthBytes + text.size()) % kAlignment) % kAlignment, ' ');
  require(text.size() <= kMaxHeaderBytes, "{}: names and metadata take {} bytes, at most {} can be read back",
          where, text.size(), kMaxHeaderBytes);

  const std::uint64_t length = text.size();
  write(std::as_bytes(std::span(&length, 1)));
  write(std::as_bytes(std::span(text)));
  for (const TensorInfo& t : tensors) {
    const HostArray array = load(t);
    require(array.dtype == t.dtype && array.shape == t.shape,
            "{}: tensor \"{}\" was announced as {} {}, but is {} {}", where, t.name, dtype_name(t.dtype),
            t.shape.str(), dtype_name(array.dtype), array.shape.str());
    write({array.data.get(), size_of(t)});
  }
}

}  // namespace san
