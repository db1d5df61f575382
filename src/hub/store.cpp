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
#include "base/bounded_json.h"
#include "base/error.h"
#include "base/utf8.h"
#include "hub/catalog.h"
#include "hub/reference.h"

namespace san {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::size_t kLongestLockFile = 1 << 20;
constexpr std::string_view kRecordEnd = ".lock.json", kModelEnd = ".safetensors";
constexpr const char* kLock = "lock";

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
  return {
      {"from", f.from}, {"url", f.url}, {"revision", f.revision}, {"sha256", f.sha256}, {"bytes", f.bytes}};
}

FetchedFile fetched_file(const json& j) {
  return {j.at("from"), j.at("url"), j.at("revision"), j.at("sha256"), j.at("bytes")};
}

StoredModel read_record(const fs::path& path) {
  const std::string where = path.string();
  try {
    const json j = parse_bounded_json(read_text_file(path, kLongestLockFile), where);
    StoredModel m{j.at("name"),
                  j.at("title"),
                  j.at("license"),
                  j.at("license_url"),
                  fetched_file(j.at("weights")),
                  std::nullopt,
                  j.at("model_sha256"),
                  j.at("model_bytes"),
                  j.at("fetched")};
    if (j.contains("merges")) m.merges = fetched_file(j.at("merges"));
    return m;
  } catch (const json::exception& fault) {
    fail("{}: no record of a fetched model: {}; remove it and pull the model again", where,
         json_reason(fault));
  } catch (const Error& error) {
    fail("{}; remove it and pull the model again", error.what());
  }
}

std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    found.push_back(it->path());
  std::ranges::sort(found);
  return found;
}

}  // namespace

ModelStore::ModelStore(fs::path folder) : folder_(folder.empty() ? default_folder() : std::move(folder)) {}

fs::path ModelStore::model_path(const std::string& name) const {
  return folder_ / (file_name_for(name) + std::string(kModelEnd));
}
fs::path ModelStore::lock_path(const std::string& name) const {
  return folder_ / (file_name_for(name) + std::string(kRecordEnd));
}
fs::path ModelStore::workshop(const std::string& name) const {
  return folder_ / "downloads" / file_name_for(name);
}

std::optional<StoredModel> ModelStore::record(const std::string& name) const {
  const fs::path path = lock_path(name);
  std::error_code error;
  if (folder_.empty() || !fs::is_regular_file(path, error)) return std::nullopt;
  return read_record(path);
}

bool ModelStore::holds(const std::string& name) const {
  std::error_code error;
  return !folder_.empty() && fs::is_regular_file(model_path(name), error);
}

std::vector<StoredModel> ModelStore::models() const {
  std::vector<StoredModel> found;
  for (const fs::path& path : entries_of(folder_)) {
    if (!path.filename().string().ends_with(kRecordEnd)) continue;
    try {
      if (StoredModel m = read_record(path); holds(m.name)) found.push_back(std::move(m));
    } catch (const Error&) {
      continue;  // who asks for that model is told
    }
  }
  std::ranges::sort(found, {}, &StoredModel::name);
  return found;
}

void ModelStore::keep(const StoredModel& m) const {
  json j{{"name", m.name},
         {"title", m.title},
         {"license", m.license},
         {"license_url", m.license_url},
         {"weights", to_json(m.weights)},
         {"model_sha256", m.model_sha256},
         {"model_bytes", m.model_bytes},
         {"fetched", m.fetched}};
  if (m.merges) j["merges"] = to_json(*m.merges);
  write_file_atomically(lock_path(m.name), j.dump(2, ' ', false, json::error_handler_t::replace) + "\n");
}

ModelStore::Pruned ModelStore::prune() const {
  Pruned pruned;
  const auto remove = [&](const fs::path& path) {
    std::error_code error;
    const auto bytes = fs::file_size(path, error);
    const auto counted = error ? 0 : static_cast<std::int64_t>(bytes);
    if (!fs::remove(path, error)) return;
    pruned.bytes += counted;
    pruned.removed.push_back(path);
  };
  for (const fs::path& workshop : entries_of(folder_ / "downloads")) {
    std::error_code error;
    if (!fs::is_directory(workshop, error)) continue;
    StoreLock lock(workshop);
    if (!lock.try_lock()) continue;
    for (const fs::path& file : lock.files()) remove(file);
  }
  for (const fs::path& path : entries_of(folder_)) {
    const std::string file = path.filename().string();
    const auto end = file.find(kRecordEnd);  // of a record, or of one that was never finished
    if (end == std::string::npos) continue;
    const std::string stem = file.substr(0, end);
    StoreLock lock(folder_ / "downloads" / stem);
    std::error_code error;
    const bool whole = file.size() == end + kRecordEnd.size();
    if (lock.try_lock() && !(whole && fs::exists(folder_ / (stem + std::string(kModelEnd)), error)))
      remove(path);
  }
  return pruned;
}

fs::path model_file_of(const std::string& model, const ModelStore& store) {
  std::error_code error;
  if (fs::exists(model, error) && !fs::is_directory(model, error)) return model;
  if (store.holds(model)) return store.model_path(model);
  if (const CatalogEntry* const entry = find_in_catalog(model))
    fail("{} is not on this machine yet: run `san pull {}` (about {} MB from {}; licence {})", model, model,
         entry->megabytes, parse_reference(entry->weights.from).host, entry->license);
  if (looks_like_reference(model))
    fail("{} is not on this machine yet: run `san pull {}`", parse_reference(model).text, model);
  return model;
}

bool StoreLock::try_lock() {
  while (fd_ < 0) {
    std::error_code error;
    fs::create_directories(workshop_, error);
    require(!error, "{}: cannot create the folder: {}; $SAN_MODELS_DIR names another", workshop_.string(),
            error.message());
    const fs::path path = workshop_ / kLock;
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0 && errno == ENOENT) continue;  // its last holder has just removed the folder
    require(fd >= 0, "{}: cannot create: {}", path.string(), std::strerror(errno));
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
      const int why = errno;
      ::close(fd);
      require(why == EWOULDBLOCK, "{}: cannot lock: {}", path.string(), std::strerror(why));
      return false;
    }
    // A lock on a file that is no longer there keeps nobody out.
    struct stat ours {
    }, there{};
    if (::fstat(fd, &ours) == 0 && ::stat(path.c_str(), &there) == 0 && ours.st_ino == there.st_ino)
      fd_ = fd;
    else
      ::close(fd);
  }
  return true;
}

void StoreLock::lock(const std::function<void()>& waiting, const std::function<bool()>& cancelled) {
  if (try_lock()) return;
  waiting();
  while (!try_lock()) {
    require(!cancelled(), "interrupted while waiting for another process that fetches the same model");
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

std::vector<fs::path> StoreLock::files() const {
  std::vector<fs::path> found = entries_of(workshop_);
  std::erase(found, workshop_ / kLock);
  return found;
}

StoreLock::~StoreLock() {
  if (fd_ < 0) return;
  std::error_code error;
  fs::remove(workshop_ / kLock, error);
  fs::remove(workshop_, error);
  ::close(fd_);
}

}  // namespace san
