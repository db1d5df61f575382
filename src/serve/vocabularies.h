#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "serve/service.h"

namespace san::serve {

/// Vocabularies by name, embedded one after the other in a thread of their own. From any thread.
class Vocabularies {
 public:
  enum class State : std::uint8_t { kWaiting, kEmbedding, kReady, kFailed };
  struct Status {
    std::string name, model;
    State state = State::kWaiting;
    std::int64_t done = 0, total = 0;  ///< prompts; 0 of 0 until it is known, or where all were in the cache
    std::string problem;               ///< why it failed
    std::vector<std::string> classes, distractors;  ///< labels
  };

  /// `service` must outlive this; its stored vocabularies are these from now on.
  explicit Vocabularies(Service& service);
  ~Vocabularies();
  Vocabularies(const Vocabularies&) = delete;
  Vocabularies& operator=(const Vocabularies&) = delete;

  /// Begins to embed under that name, in place of what had it. The old one answers no more. Throws Refusal:
  /// 404 on an unknown model, 503 when there are too many.
  Status put(const std::string& name, const std::string& model, Words words);
  /// Throws Refusal 404.
  Status status(const std::string& name) const;
  std::vector<Status> all() const;
  /// Lets it go, and stops embedding it. Throws Refusal 404.
  void remove(const std::string& name);

 private:
  struct Entry {
    Status status;
    Words words;
    std::atomic<bool> cancelled{false};
    std::shared_ptr<const Vocabulary> embedded;
  };
  std::shared_ptr<Entry> find(const std::string& name) const;
  Vocabulary embedded(const std::string& model, const std::string& name) const;
  void work();
  void embed(Entry& entry);

  Service& service_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::map<std::string, std::shared_ptr<Entry>> entries_;
  std::deque<std::shared_ptr<Entry>> waiting_;
  std::shared_ptr<Entry> running_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace san::serve
