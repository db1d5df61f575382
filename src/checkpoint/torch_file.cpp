#include "checkpoint/torch_file.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/error.h"
#include "base/reader_limit.h"
#include "base/utf8.h"
#include "checkpoint/byte_reader.h"
#include "checkpoint/limits.h"
#include "checkpoint/torch_tensor.h"

namespace san {
namespace {

using Kind = Pickle::Kind;

// The pickled integer 0x1950a86a20f9469cfc6c with which torch.save began before 1.6.
constexpr std::array<unsigned char, 15> kLegacyMagic = {0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46,
                                                        0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e};
constexpr std::int64_t kLegacyVersion = 1001;
constexpr std::uint64_t kInflatedRatio = 64, kInflatedBytes = std::uint64_t{4} << 30;
constexpr std::size_t kMaxModuleDepth = 32, kMaxModules = 100'000, kMaxAttributes = 1'000'000,
                      kMaxNamesBytes = std::size_t{32} << 20;

bool is_legacy(const FileBytes& file) {
  const OwnedBytes start = file.head(kLegacyMagic.size());
  return start.bytes.size() == kLegacyMagic.size() &&
         std::memcmp(start.bytes.data(), kLegacyMagic.data(), kLegacyMagic.size()) == 0;
}

// The pickle's folder in the archive, with its slash: torch names it after the file.
std::string pickle_folder(const ZipArchive& zip) {
  constexpr std::string_view pickle = "data.pkl";
  std::optional<std::string> folder;
  for (const auto& [name, entry] : zip.entries()) {
    if (!name.ends_with(pickle)) continue;
    const std::string parent = name.substr(0, name.size() - pickle.size());
    if (!parent.empty() && parent.find('/') != parent.size() - 1) continue;
    require(!folder, "{}: two data.pkl in one archive", zip.description());
    folder = parent;
  }
  require(folder.has_value(),
          "{}: a zip file without data.pkl, so not one written by torch.save or torch.jit.save",
          zip.description());
  return *folder;
}

}  // namespace

bool TorchFile::looks_like(const FileBytes& file) {
  return ZipArchive::looks_like(file) || is_legacy(file);
}

std::shared_ptr<TorchFile> TorchFile::open(const std::filesystem::path& path) {
  return std::make_shared<TorchFile>(FileBytes::open(path));
}

TorchFile::TorchFile(FileBytes file) : file_(std::move(file)) {
  if (is_legacy(file_)) {
    open_legacy();
  } else {
    require(ZipArchive::looks_like(file_),
            "{}: not a PyTorch file (neither the zip format nor the one before PyTorch 1.6)",
            file_.description());
    open_zip();
  }
  if (container_ == Container::kTorchScript)
    flatten_modules();
  else
    choose_state_dict();
  limit_work();
}

void TorchFile::open_zip() {
  zip_.emplace(file_);
  const std::string folder = pickle_folder(*zip_);
  record_prefix_ = folder + "data/";
  if (zip_->entries().contains(folder + "byteorder")) {
    const OwnedBytes order = zip_->read(folder + "byteorder", 16);
    require(order.text() == "little", "{}: written on a big-endian machine, which is not supported",
            file_.description());
  }
  if (zip_->entries().contains(folder + "constants.pkl")) container_ = Container::kTorchScript;
  const std::string pickle = folder + "data.pkl";
  const ReaderLimit limit(kMaxPickleBytes);
  limit.check(zip_->size(pickle), file_.description() + ": " + pickle, "bytes");
  pickle_ = unpickle(zip_->read(pickle, limit.value()).bytes, file_.description());
}

void TorchFile::open_legacy() {
  container_ = Container::kLegacy;
  const OwnedBytes pickles = file_.head(ReaderLimit(kMaxPickleBytes).value());
  ByteReader reader(pickles.bytes, file_.description());
  reader.seek(kLegacyMagic.size());
  const auto next = [&] {
    Pickle pickle = unpickle(pickles.bytes.subspan(reader.position()), file_.description());
    reader.take(pickle.consumed());
    return pickle;
  };
  const Pickle version = next(), system = next();
  require(version.root().kind == Kind::kInt && version.root().integer == kLegacyVersion,
          "{}: an unknown version of the old torch.save format", file_.description());
  const Pickle::Node* little =
      system.root().kind == Kind::kDict ? system.find(system.root(), "little_endian") : nullptr;
  require(little && little->integer != 0, "{}: written on a big-endian machine, which is not supported",
          file_.description());
  pickle_ = next();
  const Pickle keys = next();
  std::map<std::string_view, const PickledStorage*> storages;
  for (const auto& storage : pickle_.storages()) storages.emplace(storage.key, &storage);
  std::uint64_t position = reader.position();
  for (const auto ref : keys.root().items) {
    const std::string& key = keys[ref].text;
    const auto storage = storages.find(key);
    require(storage != storages.end(), "{}: storage \"{}\" is used by no tensor", file_.description(), key);
    std::int64_t count = 0;
    std::memcpy(&count, file_.read(position, sizeof count).bytes.data(), sizeof count);
    position += sizeof count;
    require(count >= 0, "{}: storage \"{}\" has a negative size", file_.description(), key);
    const std::uint64_t bytes = storage_bytes({storage->second->type, key, count, 0}, file_.description());
    require(bytes <= file_.size() - position,
            "{}: storage \"{}\" of {} bytes at {}, the file has {}; is it cut off?", file_.description(), key,
            bytes, position, file_.size());
    legacy_records_[key] = {position, bytes};
    position += bytes;
  }
}

void TorchFile::require_printable(const std::string& name) const {
  require(is_printable(name), "{}: a parameter's name has control characters, \"{}\"", file_.description(),
          name);
}

void TorchFile::choose_state_dict() {
  const auto& root = pickle_.root();
  require(root.kind == Kind::kDict, "{}: expected a dictionary at the top of the file", file_.description());
  for (const char* key : {"model", "state_dict", "module"}) {
    const auto* dict = pickle_.find(root, key);
    if (dict && dict->kind == Kind::kDict && take_state_dict(*dict)) {
      key_ = key;
      return;
    }
  }
  require(take_state_dict(root), "{}: no tensors in it, neither at the top nor under model or state_dict",
          file_.description());
}

bool TorchFile::take_state_dict(const Pickle::Node& dict) {
  const ReaderLimit entries_limit(kMaxTensors);
  tensors_.clear();
  ignored_.clear();
  for (std::size_t i = 0; i + 1 < dict.items.size(); i += 2) {
    const auto &key = pickle_[dict.items[i]], &value = pickle_[dict.items[i + 1]];
    if (key.kind != Kind::kString || key.text.size() > kMaxNameBytes) continue;
    require_printable(key.text);
    if (value.kind == Kind::kTensor)
      tensors_.insert_or_assign(key.text, static_cast<std::size_t>(value.integer));
    else
      ignored_.push_back(key.text);
    entries_limit.check(tensors_.size() + ignored_.size(), file_.description(), "entries of a state dict");
  }
  std::ranges::sort(ignored_);
  return !tensors_.empty();
}

void TorchFile::flatten_modules() {
  struct Module {
    const Pickle::Node* node;
    std::string prefix;
    std::size_t depth;
  };
  std::vector<Module> pending = {{&pickle_.root(), "", 0}};
  const ReaderLimit modules_limit(kMaxModules), attributes_limit(kMaxAttributes), names_limit(kMaxNamesBytes);
  std::size_t attributes = 0, names_bytes = 0;
  for (std::size_t visited = 0; !pending.empty(); ++visited) {
    modules_limit.check(visited + 1, file_.description(), "modules");
    const Module module = std::move(pending.back());
    pending.pop_back();
    // An object's state is a dictionary of its attributes.
    for (const auto part : module.node->items) {
      if (pickle_[part].kind != Kind::kDict) continue;
      const auto& items = pickle_[part].items;
      // The same part may be reached on many paths: what counts is the walk, not the file.
      attributes += items.size() / 2;
      attributes_limit.check(attributes, file_.description(), "attributes of modules");
      for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
        const auto &key = pickle_[items[i]], &value = pickle_[items[i + 1]];
        if (key.kind != Kind::kString || (value.kind != Kind::kTensor && value.kind != Kind::kObject))
          continue;
        require_printable(key.text);
        std::string name = module.prefix + key.text;
        names_bytes += name.size();
        names_limit.check(names_bytes, file_.description(), "bytes of module and tensor names");
        require(name.size() <= kMaxNameBytes && module.depth < kMaxModuleDepth,
                "{}: modules nested too deeply", file_.description());
        if (value.kind == Kind::kTensor)
          tensors_.insert_or_assign(std::move(name), static_cast<std::size_t>(value.integer));
        else
          pending.push_back({&value, name + ".", module.depth + 1});
      }
    }
  }
  require(!tensors_.empty(), "{}: a TorchScript archive without tensors", file_.description());
}

std::optional<std::string> TorchFile::top_level(std::string_view key) const {
  const auto* value = pickle_.root().kind == Kind::kDict ? pickle_.find(pickle_.root(), key) : nullptr;
  if (!value) return std::nullopt;
  if (value->kind == Kind::kInt) return std::to_string(value->integer);
  if (value->kind == Kind::kFloat) return fmt::format("{}", value->real);
  return std::nullopt;
}

std::vector<std::string> TorchFile::names() const {
  std::vector<std::string> names;
  names.reserve(tensors_.size());
  for (const auto& [name, index] : tensors_) names.push_back(name);
  return names;
}

const PickledTensor& TorchFile::tensor(const std::string& name) const {
  const auto found = tensors_.find(name);
  require(found != tensors_.end(), "{}: no tensor \"{}\"", file_.description(), name);
  return pickle_.tensors()[found->second];
}

Shape TorchFile::shape(const std::string& name) const {
  try {
    return Shape(tensor(name).size);
  } catch (const Error& e) {
    fail("{}: tensor \"{}\": {}", file_.description(), name, e.what());
  }
}

void TorchFile::limit_work() const {
  const ReaderLimit limit(16 * file_.size() + (std::uint64_t{256} << 20));
  std::uint64_t total = 0;
  for (const auto& [name, index] : tensors_) {
    const PickledTensor& t = pickle_.tensors()[index];
    const std::uint64_t bytes = dense_bytes(t, pickle_.storages()[t.storage]).value_or(0);
    if (bytes > limit.value()) continue;  // load() says what is wrong with this one
    total += bytes;
    limit.check(total, file_.description(), "bytes of values in tensors");
  }
}

OwnedBytes TorchFile::inflated(const std::string& record, std::uint64_t limit_bytes) const {
  const std::scoped_lock lock(mutex_);
  if (last_inflated_ != record) {
    // Tensors that take turns in two records would have both decompressed each time.
    inflated_bytes_ += zip_->size(record);
    ReaderLimit(kInflatedRatio * file_.size() + kInflatedBytes)
        .check(inflated_bytes_, file_.description(),
               "bytes to decompress, again and again, of records over which tensors are scattered (save it "
               "without compression)");
    last_bytes_ = zip_->read(record, limit_bytes);
    last_inflated_ = record;
  }
  return last_bytes_;
}

HostArray TorchFile::load_from_zip(const PickledTensor& t, const PickledStorage& storage,
                                   const std::string& where) const {
  const std::string record = record_prefix_ + storage.key;
  const std::uint64_t limit_bytes = storage_bytes(storage, where);
  if (!zip_->is_stored(record)) {
    const OwnedBytes all = inflated(record, limit_bytes);
    return materialize(
        t, storage, all.bytes.size(),
        [&](std::uint64_t offset, std::uint64_t count) {
          const auto part =
              all.bytes.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(count));
          return OwnedBytes{part, {all.owner, part.data()}};
        },
        where);
  }
  {
    const std::scoped_lock lock(mutex_);
    if (!verified_.contains(record)) zip_->verify_stored(record, limit_bytes);
    verified_.insert(record);
  }
  return materialize(
      t, storage, zip_->size(record),
      [&](std::uint64_t offset, std::uint64_t count) { return zip_->read_stored(record, offset, count); },
      where);
}

HostArray TorchFile::load(const std::string& name) const {
  const PickledTensor& t = tensor(name);
  const PickledStorage& storage = pickle_.storages()[t.storage];
  const std::string where = fmt::format("{}: tensor \"{}\"", file_.description(), name);
  if (zip_) return load_from_zip(t, storage, where);
  const auto found = legacy_records_.find(storage.key);
  require(found != legacy_records_.end(), "{}: its storage \"{}\" is missing", where, storage.key);
  const Range range = found->second;
  return materialize(
      t, storage, range.size,
      [&](std::uint64_t offset, std::uint64_t count) { return file_.read(range.begin + offset, count); },
      where);
}

}  // namespace san
