#include "hub/fetch/pull.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/mapped_file.h"
#include "checkpoint/model_file.h"
#include "engine/conversion.h"
#include "hub/catalog.h"

namespace san {
namespace {

namespace fs = std::filesystem;

std::string environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool is_offline() {
  std::string value = environment("HF_HUB_OFFLINE");
  std::ranges::transform(value, value.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return value == "1" || value == "true" || value == "yes" || value == "on";
}

std::string token_for(const Reference& from) {
  const std::string token = environment("HF_TOKEN");
  if (from.kind != Reference::Kind::kHub || token.empty()) return "";
  const bool plain = std::ranges::all_of(token, [](char c) { return c > 0x20 && c < 0x7f; });
  require(plain, "$HF_TOKEN holds spaces or control characters; expected one token");
  return token;
}

std::string now_utc() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

std::string hash_of_file(const fs::path& path) {
  const MappedFile file = MappedFile::open(path);
  return Sha256().update(file.bytes()).hex();
}

/// The files of one model on their way; what was downloaded goes with it.
class Pull {
 public:
  Pull(const PullRequest& request, const ModelStore& store, std::string name)
      : request_(request), store_(store), name_(std::move(name)), before_(store.record(name_)) {}

  StoredModel run() {
    const CatalogEntry* const entry = find_in_catalog(request_.what);
    CatalogFile weights{request_.what, ""};
    StoredModel model;
    model.name = name_;
    if (entry != nullptr) {
      weights = entry->weights;
      model.title = entry->title;
      model.license = entry->license;
      model.license_url = entry->license_url;
      if (!before_) say(fmt::format("{}: {}. Its licence is {} ({}); the weights are their authors' and not part of this program",
                                    name_, entry->title, entry->license, entry->license_url));
    } else if (!before_) {
      say(fmt::format("{}: its licence is what its page says; read it before you use it", name_));
    }
    const fs::path weights_path = path_of("weights");
    model.weights = fetch(weights, weights_path, before_ ? &before_->weights : nullptr);
    fs::path merges_path = request_.bpe;
    if (entry != nullptr && merges_path.empty()) {
      merges_path = path_of("merges.txt");
      model.merges = fetch(entry->merges, merges_path, before_ && before_->merges ? &*before_->merges : nullptr);
    }
    convert(weights_path, merges_path, model);
    const fs::path path = store_.model_path(name_);
    model.model_sha256 = hash_of_file(path);
    model.model_bytes = static_cast<std::int64_t>(fs::file_size(path));
    model.fetched = now_utc();
    store_.keep(model);
    std::error_code error;
    for (const char* part : {"weights", "merges.txt"}) fs::remove(path_of(part), error);
    return model;
  }

 private:
  void say(const std::string& message) const {
    if (request_.say) request_.say(message);
  }

  fs::path path_of(const std::string& part) const {
    return store_.downloads() / (file_name_for(name_) + "." + part);
  }

  FetchedFile fetch(const CatalogFile& file, const fs::path& target, const FetchedFile* before) {
    DownloadRequest d;
    d.from = parse_reference(file.from);
    d.sha256 = file.sha256;
    d.sha256_source = "the list of known models";
    if (d.sha256.empty() && before != nullptr && before->from == file.from) {
      d.sha256 = before->sha256;
      d.sha256_source = fmt::format("{}, which says what was fetched on {}; remove it to accept another file",
                                    store_.lock_path(name_).string(), before_->fetched);
    }
    d.target = target;
    d.token = token_for(d.from);
    d.patience = request_.patience;
    d.cancelled = request_.cancelled;
    const std::string label = d.from.url.substr(d.from.url.rfind('/') + 1);
    d.progress = [&, label](std::int64_t done, std::int64_t total) {
      if (request_.progress) request_.progress(label, done, total);
    };
    const Downloaded got = download(d);
    return {file.from, d.from.url.substr(0, d.from.url.find('?')), got.revision, got.sha256, got.bytes};
  }

  void convert(const fs::path& weights, const fs::path& merges, StoredModel& model) const {
    if (const ModelSource source = open_model_source(weights); source.metadata) {
      if (model.license.empty()) model.license = source.metadata->license;
      std::error_code error;
      fs::rename(weights, store_.model_path(name_), error);
      require(!error, "{}: cannot rename into place: {}", store_.model_path(name_).string(), error.message());
      return;
    }
    require(!merges.empty(),
            "{}: a checkpoint without its tokenizer; add --bpe FILE (CLIP's bpe_simple_vocab_16e6.txt.gz, merges.txt or "
            "tokenizer.json). What was fetched is kept for that",
            request_.what);
    ConvertRequest c;
    c.input = weights;
    c.output = store_.model_path(name_);
    c.bpe = merges;
    c.activation = request_.activation;
    c.set = request_.set;
    c.title = model.title.empty() ? request_.what : model.title;
    c.license = model.license;
    c.dtype = request_.half ? DType::kF16 : DType::kF32;
    say(fmt::format("{}: converting to {}", name_, c.output.string()));
    convert_model(c);
  }

  const PullRequest& request_;
  const ModelStore& store_;
  std::string name_;
  std::optional<StoredModel> before_;
};

}  // namespace

Pulled pull_model(const PullRequest& request, const ModelStore& store) {
  if (find_in_catalog(request.what) == nullptr && !looks_like_reference(request.what)) {
    std::string known;
    for (const CatalogEntry& e : catalog()) known += (known.empty() ? "" : ", ") + e.name;
    fail("\"{}\" is no known model; there are {}, hf:OWNER/REPO/FILE[@REVISION], and https:// and file:// addresses",
         file_name_for(request.what), known);
  }
  if (find_in_catalog(request.what) == nullptr) parse_reference(request.what);
  const std::string name = request.name.empty() ? request.what : request.name;
  const auto there = [&]() -> std::optional<Pulled> {
    if (request.again || !store.holds(name)) return std::nullopt;
    return Pulled{*store.record(name), store.model_path(name), true};
  };
  if (auto already = there()) return *already;
  require(!is_offline() || request.what.starts_with("file:"),
          "{} is not on this machine, and $HF_HUB_OFFLINE forbids to fetch it", name);
  const auto cancelled = [&] { return request.cancelled && request.cancelled(); };
  const StoreLock lock(
      store, name,
      [&] {
        if (request.say) request.say(fmt::format("{}: another process is fetching it; waiting", name));
      },
      cancelled);
  if (auto already = there()) return *already;
  Pulled pulled;
  pulled.model = Pull(request, store, name).run();
  pulled.path = store.model_path(name);
  return pulled;
}

}  // namespace san
