#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace san {

/// One fetched file as it was found then: what later fetches are held to.
struct FetchedFile {
  std::string from;      ///< the reference as written
  std::string url;       ///< what was asked, without query
  std::string revision;  ///< the hub's commit, where it tells
  std::string sha256;
  std::int64_t bytes = 0;
  friend bool operator==(const FetchedFile&, const FetchedFile&) = default;
};

/// What is known of a model in the store; kept beside it as NAME.lock.json.
struct StoredModel {
  std::string name;      ///< what --model takes: a name of the catalogue, a reference, or a name of one's own
  std::string title, license, license_url;
  FetchedFile weights;
  std::optional<FetchedFile> merges;
  std::string model_sha256;  ///< of the model file
  std::int64_t model_bytes = 0;
  std::string fetched;  ///< UTC, "2026-01-31T12:00:00Z"
};

/// The folder where fetched models are kept, one safetensors file and one lock file each:
/// $SAN_MODELS_DIR, $XDG_DATA_HOME/san/models or ~/.local/share/san/models.
class ModelStore {
 public:
  /// Empty: the default one. Nothing is created by looking.
  explicit ModelStore(std::filesystem::path folder = {});

  const std::filesystem::path& folder() const { return folder_; }
  std::filesystem::path model_path(const std::string& name) const;
  std::filesystem::path lock_path(const std::string& name) const;
  /// Where files are while they are on their way.
  std::filesystem::path downloads() const { return folder_ / "downloads"; }

  /// What is recorded of `name`, whether or not its model file is there. Throws Error on a damaged lock file.
  std::optional<StoredModel> record(const std::string& name) const;
  /// `name` with its model file in place.
  bool holds(const std::string& name) const;
  std::vector<StoredModel> models() const;
  /// Writes the lock file whole or not at all.
  void keep(const StoredModel& model) const;

  struct Pruned {
    std::vector<std::filesystem::path> removed;
    std::int64_t bytes = 0;
  };
  /// Removes what no finished model needs: interrupted downloads, locks of nobody, records without their model.
  /// Leaves alone what another process is fetching.
  Pruned prune() const;

 private:
  std::filesystem::path folder_;
};

/// The model file that `name` stands for, or nothing when it is no name of the catalogue nor of the store.
/// Throws Error, saying which command to run and how much it fetches, for a model that is not there yet.
std::optional<std::filesystem::path> stored_model_path(const std::string& name, const ModelStore& store = ModelStore());

/// One process at a time fetches a model: holds NAME.busy until destroyed.
class StoreLock {
 public:
  /// Waits for the other process; `waiting` is called once when there is one. Throws Error when `cancelled`
  /// becomes true meanwhile.
  template <class Waiting, class Cancelled>
  StoreLock(const ModelStore& store, const std::string& name, Waiting&& waiting, Cancelled&& cancelled)
      : StoreLock(store, name) {
    if (try_lock()) return;
    waiting();
    while (!try_lock()) pause(cancelled());
  }
  ~StoreLock();
  StoreLock(const StoreLock&) = delete;
  StoreLock& operator=(const StoreLock&) = delete;

 private:
  StoreLock(const ModelStore& store, const std::string& name);
  bool try_lock();
  static void pause(bool cancelled);
  std::filesystem::path path_;
  int fd_ = -1;
  bool locked_ = false;
};

}  // namespace san
