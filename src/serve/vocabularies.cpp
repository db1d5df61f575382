#include "serve/vocabularies.h"

#include "serve/refusal.h"

namespace san::serve {

Vocabularies::Vocabularies(Service& service) : service_(service), thread_([this] { work(); }) {
  service.stored_vocabulary = [this](const std::string& model, const std::string& name) {
    return embedded(model, name);
  };
}

Vocabularies::~Vocabularies() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const auto& [name, entry] : entries_) entry->cancelled = true;
    if (running_) running_->cancelled = true;
  }
  wake_.notify_all();
  thread_.join();
}

std::shared_ptr<Vocabularies::Entry> Vocabularies::find(const std::string& name) const {
  const auto found = entries_.find(name);
  expect(found != entries_.end(), 404, "unknown_vocabulary", "vocabulary",
         "there is no such vocabulary here; GET /v1/vocabularies lists them");
  return found->second;
}

Vocabularies::Status Vocabularies::put(const std::string& name, const std::string& model, Words words) {
  auto entry = std::make_shared<Entry>();
  entry->status.name = name;
  entry->status.model = service_.models()[service_.find_model(model)].id;
  for (const ClassName& c : words.classes) entry->status.classes.push_back(c.label);
  for (const ClassName& c : words.distractors) entry->status.distractors.push_back(c.label);
  entry->words = std::move(words);
  const std::lock_guard lock(mutex_);
  const auto old = entries_.find(name);
  expect(old != entries_.end() || entries_.size() < service_.options().vocabularies, 503,
         "too_many_vocabularies", "", "{} vocabularies are stored already; remove one", entries_.size());
  if (old != entries_.end()) old->second->cancelled = true;
  entries_[name] = entry;
  waiting_.push_back(entry);
  wake_.notify_all();
  return entry->status;
}

Vocabularies::Status Vocabularies::status(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  return find(name)->status;
}

std::vector<Vocabularies::Status> Vocabularies::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<Status> statuses;
  for (const auto& [name, entry] : entries_) statuses.push_back(entry->status);
  return statuses;
}

void Vocabularies::remove(const std::string& name) {
  const std::lock_guard lock(mutex_);
  find(name)->cancelled = true;
  entries_.erase(name);
}

Vocabulary Vocabularies::embedded(const std::string& model, const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const std::shared_ptr<Entry> entry = find(name);
  const Status& s = entry->status;
  expect(s.model == model, 422, "invalid_field", "vocabulary",
         "this vocabulary was embedded for another model; ask that one, or put it again");
  if (s.state == State::kFailed) refuse(422, "bad_class", "vocabulary", "this vocabulary: {}", s.problem);
  if (s.state != State::kReady)
    throw Refusal(503, "not_ready",
                  fmt::format("this vocabulary is being embedded: {} of {} prompts", s.done, s.total),
                  "vocabulary", 1);
  return *entry->embedded;
}

void Vocabularies::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return;
    running_ = waiting_.front();
    waiting_.pop_front();
    if (!running_->cancelled) {
      running_->status.state = State::kEmbedding;
      lock.unlock();
      embed(*running_);
      lock.lock();
    }
    running_.reset();
  }
}

void Vocabularies::embed(Entry& entry) {
  std::string problem;
  try {
    VocabularyOptions o = service_.vocabulary_options(entry.words.templates);
    o.watch.cancelled = &entry.cancelled;
    o.watch.progress = [&](std::int64_t done, std::int64_t total) {
      const std::lock_guard lock(mutex_);
      entry.status.done = done;
      entry.status.total = total;
    };
    auto embedded = std::make_shared<const Vocabulary>(
        service_.embed_now(service_.find_model(entry.status.model), entry.words, o));
    const std::lock_guard lock(mutex_);
    entry.status.distractors = embedded->distractors();
    entry.embedded = std::move(embedded);
    entry.status.state = State::kReady;
    return;
  } catch (const std::bad_alloc&) {
    problem = "there is not enough memory for it";
  } catch (const std::exception& e) {
    problem = public_words(e.what());
  }
  const std::lock_guard lock(mutex_);
  entry.status.state = State::kFailed;
  entry.status.problem = problem;
}

}  // namespace san::serve
