#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
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
  std::string name;  ///< what --model takes: a name of the catalogue, a reference, or a name of one's own
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
  /// Where the files of a model are while they are on their way.
  std::filesystem::path workshop(const std::string& name) const;

  /// What is recorded of `name`, whether or not its model file is there. Throws Error on a damaged lock file.
  std::optional<StoredModel> record(const std::string& name) const;
  /// The model file of `name` is in place.
  bool holds(const std::string& name) const;
  /// Every recorded model whose file is in place, by name. Damaged lock files are left out.
  std::vector<StoredModel> models() const;
  /// Writes the lock file whole or not at all.
  void keep(const StoredModel& model) const;

  struct Pruned {
    std::vector<std::filesystem::path> removed;
    std::int64_t bytes = 0;
  };
  /// Removes what no finished model needs: interrupted downloads, records without their model. Leaves alone
  /// what another process is fetching.
  Pruned prune() const;

 private:
  std::filesystem::path folder_;
};

/// The model file that `model` stands for: that path where there is such a file, else the store's, else the
/// path again, for whoever opens it to complain of. Throws Error, saying which command to run and how much it
/// fetches, for a known model or a reference that is not on this machine. Nothing is ever fetched.
std::filesystem::path model_file_of(const std::string& model, const ModelStore& store = ModelStore());

/// One process at a time fetches a model: while locked, what lies in its workshop is this process's.
class StoreLock {
 public:
  explicit StoreLock(std::filesystem::path workshop) : workshop_(std::move(workshop)) {}
  /// Lets go. A workshop with nothing in it is removed.
  ~StoreLock();
  StoreLock(const StoreLock&) = delete;
  StoreLock& operator=(const StoreLock&) = delete;

  /// False when another process has it. Throws Error when the folder cannot be made.
  bool try_lock();
  /// Waits for the other process; `waiting` is called once when there is one. Throws Error when `cancelled`
  /// becomes true meanwhile.
  void lock(const std::function<void()>& waiting, const std::function<bool()>& cancelled);
  /// Everything in the workshop but the lock.
  std::vector<std::filesystem::path> files() const;

 private:
  std::filesystem::path workshop_;
  int fd_ = -1;
};

}  // namespace san
