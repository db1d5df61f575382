#include "serve/banks.h"

#include <algorithm>
#include <cctype>

#include "base/error.h"
#include "base/labels.h"
#include "base/log.h"
#include "serve/refusal.h"

namespace san::serve {
namespace {

using Clock = std::chrono::steady_clock;
constexpr const char* kEnding = ".bank";

bool same_name(std::string_view a, std::string_view b) {
  const auto same = [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); };
  return std::ranges::equal(a, b, same);
}

std::size_t place_of(const std::vector<ClassName>& classes, const ClassName& name) {
  const auto same = [&](const ClassName& c) { return same_name(c.label, name.label); };
  return static_cast<std::size_t>(std::ranges::find_if(classes, same) - classes.begin());
}

/// The index of the model whose bank it is; the number of models where it is nobody's.
std::size_t model_of(const Service& service, const Bank& bank) {
  std::size_t i = 0;
  while (i < service.models().size() && !service.model(i).takes(bank)) ++i;
  return i;
}

std::string name_of(const std::filesystem::path& file) {
  const std::string name = file.stem().string();
  try {
    check_name(name, "its name");
  } catch (const Refusal& r) {
    fail("{}: {}; rename it", file.string(), r.what());
  }
  return name;
}

}  // namespace

/// Only one adds to a bank at a time.
class Banks::Turn {
 public:
  Turn(Banks& banks, Entry& entry, const Lane::Caller& caller) : banks_(banks), entry_(entry) {
    constexpr std::chrono::milliseconds kLook(20);
    std::unique_lock lock(banks.mutex_);
    while (!banks.free_.wait_for(lock, kLook, [&] { return !entry.busy; })) {
      if (caller.gone && caller.gone()) throw Cancelled("the client is gone");
      if (Clock::now() >= caller.deadline)
        refuse_for_now(503, "too_slow", "others add to this bank; try again", 1);
    }
    entry.busy = true;
  }
  ~Turn() {
    const std::lock_guard lock(banks_.mutex_);
    entry_.busy = false;
    banks_.free_.notify_all();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  Banks& banks_;
  Entry& entry_;
};

Banks::Banks(Service& service) : service_(service) {
  for (const BankFile& file : service.options().banks) load(file);
  if (!service.options().bank_folder.empty()) load_folder();
  service.named_bank = [this](const std::string& model, const std::string& name) {
    return named(model, name);
  };
}

void Banks::load(const BankFile& file) {
  const Bank bank = Bank::load(file.path);
  const std::size_t model = model_of(service_, bank);
  require(model < service_.models().size(),
          "--bank {}: its examples are of none of the models here; make it anew with one of them (san bank "
          "build --model)",
          file.path.string());
  const auto entry = std::make_shared<Entry>();
  entry->name = name_of(file.path);
  entry->model = service_.models()[model].id;
  entry->fixed = true;
  entry->now = std::make_shared<const NamedBank>(NamedBank{entry->name, ++versions_, bank, file.weight});
  require(entries_.emplace(entry->name, entry).second, "--bank {}: a bank {} is there already",
          file.path.string(), entry->name);
  own_.emplace(entry->model, entry);
  log::info("bank {}: {} pictures, for {}", entry->name, bank.pictures(), entry->model);
}

void Banks::load_folder() {
  const std::filesystem::path& folder = service_.options().bank_folder;
  require(std::filesystem::is_directory(folder), "--bank-folder {}: no such folder; make it",
          folder.string());
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    if (file.path().extension() != kEnding) continue;
    const Bank bank = Bank::load(file.path());
    const std::size_t model = model_of(service_, bank);
    if (model == service_.models().size()) {
      log::warn("--bank-folder: {} is of none of the models here and is left alone", file.path().string());
      continue;
    }
    const auto entry = std::make_shared<Entry>();
    entry->name = name_of(file.path());
    entry->model = service_.models()[model].id;
    entry->now = std::make_shared<const NamedBank>(NamedBank{entry->name, ++versions_, bank});
    for (const Bank::Class& c : bank.classes())
      if (c.examples > 0) entry->classes.push_back(read_classes({c.name}, "class").at(0));
    require(entries_.emplace(entry->name, entry).second, "{}: a bank of that name is there already",
            file.path().string());
  }
}

std::filesystem::path Banks::path_of(const std::string& name) const {
  return service_.options().bank_folder / (name + kEnding);
}

Banks::EntryPtr Banks::find(const std::string& name) const {
  const auto found = entries_.find(name);
  expect(found != entries_.end() && found->second->now, 404, "unknown_bank", "bank",
         "there is no such bank here; GET /v1/banks lists them");
  return found->second;
}

std::shared_ptr<const NamedBank> Banks::own(const std::string& model) const {
  const auto found = own_.find(model);
  return found == own_.end() ? nullptr : found->second->now;
}

std::shared_ptr<const NamedBank> Banks::named(const std::string& model, const std::string& name) const {
  if (name.empty()) return own(model);
  const std::lock_guard lock(mutex_);
  const EntryPtr entry = find(name);
  expect(entry->model == model, 422, kInvalid, "bank", "this bank is another model's; ask {}", entry->model);
  entry->used = Clock::now();
  return entry->now;
}

Banks::Status Banks::described(const Entry& entry) {
  const Bank& bank = entry.now->bank;
  Status s{entry.name, entry.model, entry.fixed, entry.now->weight, bank.pictures(), {}};
  if (s.weight < 0) s.weight = bank.weight();
  for (const Bank::Class& c : bank.classes())
    if (c.examples > 0) s.classes.push_back(c);
  return s;
}

Banks::Status Banks::status(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  return described(*find(name));
}

std::vector<Banks::Status> Banks::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<Status> statuses;
  for (const auto& [name, entry] : entries_)
    if (entry->now) statuses.push_back(described(*entry));
  return statuses;
}

std::string Banks::file(const std::string& name) const {
  std::shared_ptr<const NamedBank> bank;
  {
    const std::lock_guard lock(mutex_);
    bank = find(name)->now;
  }
  const std::vector<std::byte> bytes = bank->bank.bytes();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void Banks::remove(const std::string& name) {
  const std::lock_guard files(files_);
  {
    const std::lock_guard lock(mutex_);
    const EntryPtr entry = find(name);
    expect(!entry->fixed, 403, "fixed_bank", "bank", "the service was started with this bank");
    entry->removed = true;
    entries_.erase(name);
  }
  std::error_code error;  // what is not there is removed
  if (!service_.options().bank_folder.empty()) std::filesystem::remove(path_of(name), error);
}

/// Lets go of one that holds nothing, or that nobody asked for in a long time.
void Banks::make_room() {
  const auto idle = [&](const Entry& e) {
    const bool forgotten =
        service_.options().bank_folder.empty() && Clock::now() - e.used >= service_.options().bank_idle;
    return !e.fixed && !e.busy && (!e.now || forgotten);
  };
  auto oldest = entries_.end();
  for (auto it = entries_.begin(); it != entries_.end(); ++it)
    if (idle(*it->second) && (oldest == entries_.end() || it->second->used < oldest->second->used))
      oldest = it;
  if (oldest == entries_.end()) return;
  oldest->second->removed = true;
  entries_.erase(oldest);
}

Banks::EntryPtr Banks::find_or_make(const std::string& name, const std::string& model) {
  const ServiceOptions& options = service_.options();
  const auto count = [&] {
    return static_cast<std::size_t>(
        std::ranges::count_if(entries_, [](const auto& e) { return !e.second->fixed; }));
  };
  const auto bytes = [&] {
    std::size_t sum = 0;
    for (const auto& [key, e] : entries_) sum += e->bytes;
    return sum;
  };
  const std::lock_guard lock(mutex_);
  const auto old = entries_.find(name);
  if (old != entries_.end()) {
    expect(!old->second->fixed, 403, "fixed_bank", "bank", "the service was started with this bank");
    expect(old->second->model == model, 422, kInvalid, "model", "this bank is another model's; ask {}",
           old->second->model);
    expect(bytes() < options.bank_bytes, 503, "banks_full", "", "banks hold {} MiB already; remove one",
           bytes() >> 20);
    old->second->used = Clock::now();
    return old->second;
  }
  expect(options.own_banks > 0, 403, "no_banks", "bank", "this service lets nobody make banks");
  expect(name != "true" && name != "false", 422, kInvalid, "bank", "a bank cannot be called {}", name);
  if (count() >= options.own_banks || bytes() >= options.bank_bytes) make_room();
  expect(count() < options.own_banks, 503, "too_many_banks", "", "there are {} banks already; remove one",
         count());
  expect(bytes() < options.bank_bytes, 503, "banks_full", "", "banks hold {} MiB already; remove one",
         bytes() >> 20);
  const auto entry = std::make_shared<Entry>();
  entry->name = name;
  entry->model = model;
  entry->used = Clock::now();
  entries_.emplace(name, entry);
  return entry;
}

/// The builder knows the class afterwards.
void Banks::prepare(Entry& entry, const ClassName& name, const Lane::Caller& caller) {
  const std::size_t most = service_.options().limits.classes;
  std::vector<ClassName> classes = entry.classes;
  const bool known = place_of(classes, name) < classes.size();
  if (known && entry.builder) return;
  if (!known) classes.push_back(name);
  expect(classes.size() <= most, 422, "too_many_classes", "class", "a bank of more than {} classes", most);
  Words words;
  words.classes = classes;
  const Vocabulary embedded = service_.embed(entry.model, words, caller);
  const Model& model = service_.model(service_.find_model(entry.model));
  try {
    if (entry.builder)
      entry.builder->use(embedded);
    else
      entry.builder =
          entry.now ? model.bank_builder(embedded, entry.now->bank) : model.bank_builder(embedded);
  } catch (const Error& e) {  // a method without examples
    throw Refusal(422, "impossible", public_words(e.what()), "model");
  }
  entry.classes = std::move(classes);
}

void Banks::learn(Entry& entry, const ExampleRequest& request, const Outcome& outcome, Added& added) {
  const LabelMap& labels = outcome.result.labels;
  const auto index = static_cast<Label>(place_of(entry.classes, request.name));
  LabelMap named(labels.height, labels.width, kNoLabel);
  if (request.mask) {
    expect(request.mask->height == labels.height && request.mask->width == labels.width, 422, kInvalid,
           "mask.size", "mask.size: {} × {} for a picture of {} × {}", request.mask->width,
           request.mask->height, labels.width, labels.height);
    paint_rle(*request.mask, index, named);
  } else {
    named = region_at(labels, *request.point, index, kNoLabel);
  }
  added.area = std::ranges::count(named.labels, index);
  expect(entry.builder->add_regions(*outcome.features, named) > 0, 422, "region_too_small",
         request.mask ? "mask" : "point",
         "a region of {} pixels: less than a thousandth of the picture teaches nothing", added.area);
  const auto bank = entry.builder->finish();
  const std::lock_guard files(files_);
  const auto still_there = [&] {
    const std::lock_guard lock(mutex_);
    expect(!entry.removed, 404, "unknown_bank", "bank", "this bank was removed meanwhile");
  };
  still_there();
  if (!service_.options().bank_folder.empty()) bank.save(path_of(entry.name));
  const std::lock_guard lock(mutex_);
  entry.now = std::make_shared<const NamedBank>(NamedBank{entry.name, ++versions_, bank});
  entry.bytes = entry.builder->bytes();
  added.bank = described(entry);
}

Banks::Added Banks::add(const std::string& name, ExampleRequest request, const Lane::Caller& caller) {
  const std::string& model = service_.models()[service_.find_model(request.segment.model)].id;
  const EntryPtr entry = find_or_make(name, model);
  const Turn turn(*this, *entry, caller);
  prepare(*entry, request.name, caller);
  if (request.mask) {  // whatever the words are
    request.segment.words.classes = entry->classes;
    request.segment.bank.wanted = false;
  }
  Added added;
  added.sha256 = service_
                     .segment(request.segment, caller,
                              [&](const Outcome& outcome) { learn(*entry, request, outcome, added); })
                     .sha256;
  return added;
}

LabelMap region_at(const LabelMap& labels, std::pair<int, int> point, Label inside, Label elsewhere) {
  const auto [column, row] = point;
  expect(column < labels.width && row < labels.height && column >= 0 && row >= 0, 422, kInvalid, "point",
         "point: column {}, row {} of a picture of {} × {} pixels", column, row, labels.width, labels.height);
  LabelMap region(labels.height, labels.width, elsewhere);
  const Label label = labels.row(row)[column];
  std::vector<std::pair<int, int>> open{{row, column}};
  region.row(row)[column] = inside;
  while (!open.empty()) {
    const auto [y, x] = open.back();
    open.pop_back();
    for (const auto& [dy, dx] : {std::pair(-1, 0), {1, 0}, {0, -1}, {0, 1}}) {
      const int v = y + dy, u = x + dx;
      if (v < 0 || u < 0 || v >= labels.height || u >= labels.width) continue;
      if (labels.row(v)[u] != label || region.row(v)[u] == inside) continue;
      region.row(v)[u] = inside;
      open.emplace_back(v, u);
    }
  }
  return region;
}

}  // namespace san::serve
