#pragma once
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "serve/service.h"

namespace san::serve {

/// Banks of examples by name: those that the service was started with, which stay as they are, and those that
/// clients make, region by region. From any thread.
class Banks {
 public:
  struct Status {
    std::string name, model;
    bool fixed = false;  ///< the service was started with it
    float weight = 0;    ///< of examples beside words, where a request does not say
    std::int64_t pictures = 0;
    std::vector<Bank::Class> classes;  ///< with examples
  };
  /// What an example was made of.
  struct Added {
    Status bank;
    std::int64_t area = 0;  ///< of the region, pixels
    std::string sha256;     ///< of the picture
  };

  /// `service` must outlive this; its named banks are these from now on. Loads the banks that its options
  /// name, and those of the folder. Throws Error on one that is none of its models', and on a folder that is
  /// not there.
  explicit Banks(Service& service);
  Banks(const Banks&) = delete;
  Banks& operator=(const Banks&) = delete;

  /// Adds a region of a picture to the bank of that name, which is made with its first one. Throws Refusal:
  /// 403 on a fixed bank and where none may be made, 422 on a region that is too small, outside the picture
  /// or of another model, 503 when there are too many, and as Service::segment() does.
  Added add(const std::string& name, ExampleRequest request, const Lane::Caller& caller);
  /// Throws Refusal 404.
  Status status(const std::string& name) const;
  std::vector<Status> all() const;
  /// The bank that requests to a model ask where they say nothing; null: none.
  std::shared_ptr<const NamedBank> own(const std::string& model) const;
  /// The bytes of its file. Throws Refusal 404.
  std::string file(const std::string& name) const;
  /// Throws Refusal: 404, and 403 on a fixed one.
  void remove(const std::string& name);

 private:
  struct Entry {
    std::string name, model;
    bool fixed = false;
    std::shared_ptr<const NamedBank> now;  // null until the first example
    std::chrono::steady_clock::time_point used;
    bool removed = false;
    bool busy = false;  // somebody adds to it; what follows is theirs alone then
    std::vector<ClassName> classes;
    std::optional<BankBuilder> builder;
    std::size_t bytes = 0;
  };
  using EntryPtr = std::shared_ptr<Entry>;
  class Turn;

  void load(const BankFile& file);
  void load_folder();
  EntryPtr find(const std::string& name) const;
  std::shared_ptr<const NamedBank> named(const std::string& model, const std::string& name) const;
  EntryPtr find_or_make(const std::string& name, const std::string& model);
  void make_room();
  void prepare(Entry& entry, const ClassName& name, const Lane::Caller& caller);
  void learn(Entry& entry, const ExampleRequest& request, const Outcome& outcome, Added& added);
  static Status described(const Entry& entry);
  std::filesystem::path path_of(const std::string& name) const;

  Service& service_;
  mutable std::mutex mutex_;
  std::condition_variable free_;
  std::map<std::string, EntryPtr> entries_;
  std::map<std::string, EntryPtr> own_;  // by the model's id; as the service was started
  std::mutex files_;                     // before mutex_, while one is written or removed
  std::uint64_t versions_ = 0;
};

/// The pixels of the label at a point that hang together with it, as [height, width] of 0 where they are and
/// `elsewhere` for the rest. Throws Refusal 422 on a point outside.
LabelMap region_at(const LabelMap& labels, std::pair<int, int> point, Label inside, Label elsewhere);

}  // namespace san::serve
