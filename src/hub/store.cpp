#include "hub/store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/atomic_file.h"
#include "base/error.h"
#include "hub/catalog.h"
#include "hub/reference.h"

namespace san {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::size_t kLongestLockFile = 1 << 20;

fs::path default_folder() {
  const auto set = [](const char* name) -> fs::path {
    const char* const value = std::getenv(name);
    return value == nullptr ? "" : value;
  };
  if (const fs::path own = set("SAN_MODELS_DIR"); !own.empty()) return own;
  if (const fs::path data = set("XDG_DATA_HOME"); !data.empty()) return data / "san" / "models";
  if (const fs::path home = set("HOME"); !home.empty()) return home / ".local" / "share" / "san" / "models";
  return {};
}

json to_json(const FetchedFile& f) {
  return {{"from", f.from}, {"url", f.url}, {"revision", f.revision}, {"sha256", f.sha256}, {"bytes", f.bytes}};
}

FetchedFile fetched_file(const json& j) {
  return {j.at("from"), j.at("url"), j.at("revision"), j.at("sha256"), j.at("bytes")};
}

// Whether some process holds the lock of that file now.
bool is_locked(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return false;
  const bool taken = ::flock(fd, LOCK_EX | LOCK_NB) != 0;
  ::close(fd);
  return taken;
}

}  // namespace

ModelStore::ModelStore(fs::path folder) : folder_(folder.empty() ? default_folder() : std::move(folder)) {}

fs::path ModelStore::model_path(const std::string& name) const {
  return folder_ / (file_name_for(name) + ".safetensors");
}
fs::path ModelStore::lock_path(const std::string& name) const {
  return folder_ / (file_name_for(name) + ".lock.json");
}

std::optional<StoredModel> ModelStore::record(const std::string& name) const {
  const fs::path path = lock_path(name);
  std::error_code error;
  if (folder_.empty() || !fs::is_regular_file(path, error)) return std::nullopt;
  try {
    const json j = json::parse(read_text_file(path, kLongestLockFile));
    StoredModel m{j.at("name"),         j.at("title"),       j.at("license"), j.at("license_url"),
                  fetched_file(j.at("weights")), std::nullopt, j.at("model_sha256"), j.at("model_bytes"),
                  j.at("fetched")};
    if (j.contains("merges")) m.merges = fetched_file(j.at("merges"));
    return m;
  } catch (const json::exception&) {
    fail("{}: damaged; expected the record of a fetched model. Remove it and run `san pull {}` again",
         path.string(), name);
  }
}

bool ModelStore::holds(const std::string& name) const {
  std::error_code error;
  return !folder_.empty() && fs::is_regular_file(model_path(name), error) && record(name).has_value();
}

std::vector<StoredModel> ModelStore::models() const {
  std::vector<StoredModel> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder_, error)) {
    const std::string file = entry.path().filename().string();
    constexpr std::string_view kEnd = ".lock.json";
    if (!file.ends_with(kEnd)) continue;
    // The record says its own name; the file's is made from it.
    if (auto m = record(file.substr(0, file.size() - kEnd.size())); m && holds(m->name)) found.push_back(*m);
  }
  std::ranges::sort(found, {}, &StoredModel::name);
  return found;
}

void ModelStore::keep(const StoredModel& m) const {
  json j{{"name", m.name},       {"title", m.title},
         {"license", m.license}, {"license_url", m.license_url},
         {"weights", to_json(m.weights)}, {"model_sha256", m.model_sha256},
         {"model_bytes", m.model_bytes},  {"fetched", m.fetched}};
  if (m.merges) j["merges"] = to_json(*m.merges);
  write_file_atomically(lock_path(m.name), j.dump(2) + "\n");
}

ModelStore::Pruned ModelStore::prune() const {
  Pruned pruned;
  std::error_code error;
  const auto remove = [&](const fs::path& path) {
    const auto bytes = fs::file_size(path, error);
    const auto counted = error ? 0 : static_cast<std::int64_t>(bytes);
    if (!fs::remove(path, error)) return;
    pruned.bytes += counted;
    pruned.removed.push_back(path);
  };
  std::vector<fs::path> files;
  for (const fs::path& folder : {downloads(), folder_})
    for (const auto& entry : fs::directory_iterator(folder, error))
      if (entry.is_regular_file(error)) files.push_back(entry.path());
  // Downloads are called after the model they are for; its lock tells whether somebody is at it.
  const auto busy = [&](const std::string& file) {
    return std::ranges::any_of(files, [&](const fs::path& lock) {
      const std::string name = lock.filename().string();
      return name.ends_with(".busy") && file.starts_with(name.substr(0, name.size() - 5)) && is_locked(lock);
    });
  };
  for (const fs::path& path : files) {
    const std::string file = path.filename().string();
    if (busy(file)) continue;
    if (path.parent_path() == downloads() || file.ends_with(".busy") || file.find(".tmp-") != std::string::npos)
      remove(path);
    else if (constexpr std::string_view kEnd = ".lock.json";
             file.ends_with(kEnd) && !fs::exists(folder_ / (file.substr(0, file.size() - kEnd.size()) + ".safetensors"), error))
      remove(path);
  }
  return pruned;
}

std::optional<fs::path> stored_model_path(const std::string& name, const ModelStore& store) {
  const CatalogEntry* const entry = find_in_catalog(name);
  if (store.holds(name)) return store.model_path(name);
  if (entry != nullptr)
    fail("{} is not on this machine yet: run `san pull {}` (about {} MB from {}; {})", name, name,
         entry->megabytes, parse_reference(entry->weights.from).host, entry->license);
  if (name.starts_with("hf:") || name.starts_with("https://"))
    fail("{} is not on this machine yet: run `san pull {}`", parse_reference(name).text, name);
  return std::nullopt;
}

StoreLock::StoreLock(const ModelStore& store, const std::string& name)
    : path_(store.folder() / (file_name_for(name) + ".busy")) {
  require(!store.folder().empty(), "there is no folder for models: set $SAN_MODELS_DIR or $HOME");
  std::error_code error;
  std::filesystem::create_directories(store.downloads(), error);
  require(!error, "{}: cannot create the folder: {}; $SAN_MODELS_DIR names another", store.downloads().string(),
          error.message());
}

bool StoreLock::try_lock() {
  for (;;) {
    if (fd_ < 0) fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    require(fd_ >= 0, "{}: cannot create: {}", path_.string(), std::strerror(errno));
    if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) return false;
    // Its last holder removed it: then this is the lock of a file that nobody else will open.
    struct stat ours{}, there{};
    if (::fstat(fd_, &ours) == 0 && ::stat(path_.c_str(), &there) == 0 && ours.st_ino == there.st_ino)
      return locked_ = true;
    ::close(fd_);
    fd_ = -1;
  }
}

void StoreLock::pause(bool cancelled) {
  require(!cancelled, "interrupted while waiting for another process that fetches the same model");
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
}

StoreLock::~StoreLock() {
  if (locked_) ::unlink(path_.c_str());
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace san
