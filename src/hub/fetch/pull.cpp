#include "hub/fetch/pull.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <fstream>

#include "base/error.h"
#include "base/hash.h"
#include "checkpoint/model_file.h"
#include "engine/conversion.h"
#include "hub/catalog.h"
#include "hub/fetch/download.h"
#include "hub/reference.h"

namespace san {
namespace {

namespace fs = std::filesystem;

std::string environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// What huggingface_hub takes for true.
bool is_offline() {
  std::string value = environment("HF_HUB_OFFLINE");
  std::ranges::transform(value, value.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return value == "1" || value == "true" || value == "yes" || value == "on";
}

std::string hub_token() {
  std::string token = environment("HF_TOKEN");
  while (token.ends_with('\n') || token.ends_with('\r')) token.pop_back();  // read from a file by a shell
  const bool plain = std::ranges::all_of(token, [](char c) { return c > 0x20 && c < 0x7f; });
  require(plain, "$HF_TOKEN holds spaces or control characters; expected one token");
  return token;
}

std::string now_utc() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text, length};
}

std::string without_query(const std::string& url) {
  return url.substr(0, url.find_first_of("?#"));
}

std::string file_of(const std::string& url) {
  const std::string path = without_query(url);
  return path.substr(path.rfind('/') + 1);
}

std::string sha256_of_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::vector<char> piece(1 << 20);
  Sha256 hash;
  while (in.read(piece.data(), static_cast<std::streamsize>(piece.size())), in.gcount() > 0)
    hash.update(std::string_view(piece.data(), static_cast<std::size_t>(in.gcount())));
  require(in.eof(), "{}: cannot be read", path.string());
  return hash.hex();
}

/// The files of one model on their way.
class Pull {
 public:
  Pull(const PullRequest& request, const ModelStore& store, std::string name)
      : request_(request),
        store_(store),
        name_(std::move(name)),
        entry_(find_in_catalog(request.what)),
        before_(store.record(name_)) {}

  /// `first`: nothing of it is here yet.
  StoredModel run(bool first) {
    StoredModel model;
    model.name = name_;
    CatalogFile weights{request_.what, ""};
    if (entry_ != nullptr) {
      weights = entry_->weights;
      model.title = entry_->title;
      model.license = entry_->license;
      model.license_url = entry_->license_url;
    }
    if (first && !before_) show_licence();
    const fs::path weights_path =
        store_.workshop(name_) / ("weights-" + file_name_for(file_of(parse_reference(weights.from).url)));
    fs::path merges_path = request_.bpe;
    if (entry_ != nullptr && merges_path.empty()) {
      merges_path = store_.workshop(name_) / "merges.txt";
      const bool known = before_ && before_->merges;
      model.merges = fetch(entry_->merges, merges_path, known ? &*before_->merges : nullptr);
    }
    model.weights =
        fetch(weights, weights_path, before_ ? &before_->weights : nullptr, made_of_weights(weights));
    const fs::path made = make_model(weights_path, merges_path, model);
    model.fetched = now_utc();
    store_.keep(model);
    std::error_code error;
    fs::rename(made, store_.model_path(name_), error);
    require(!error, "{}: cannot rename into place: {}", store_.model_path(name_).string(), error.message());
    return model;
  }

 private:
  void say(const std::string& message) const {
    if (request_.say) request_.say(message);
  }

  void show_licence() const {
    if (entry_ != nullptr)
      say(fmt::format("{}: {}. Licence: {} ({}). The weights are their authors' and no part of this program",
                      name_, entry_->title, entry_->license, entry_->license_url));
    else if (const Reference from = parse_reference(request_.what); from.kind == Reference::Kind::kHub)
      say(fmt::format("{}: the licence is what {}/{} says; read it before you use the model", name_,
                      hub_endpoint(), from.repository));
    else
      say(fmt::format("{}: whoever released it says under which licence; read it before you use the model",
                      name_));
  }

  std::string token_for(const Reference& from) const {
    if (from.kind != Reference::Kind::kHub) return "";
    const std::string token = hub_token();
    if (token.empty() || is_private_way(from.url)) return token;
    say(fmt::format(
        "$HF_TOKEN is not sent to {}: it is no https address, and anyone on the way could read it",
        from.host));
    return "";
  }

  /// Bytes of the model for each byte of the weights, as far as can be told beforehand.
  double made_of_weights(const CatalogFile& weights) const {
    // A model of our own format stays the file that it is.
    const bool may_stay = without_query(weights.from).ends_with(".safetensors") && request_.bpe.empty();
    if (may_stay && !request_.half && request_.set.empty()) return 0;
    if (entry_ == nullptr) return 1;
    return static_cast<double>(entry_->model_megabytes) / entry_->megabytes / (request_.half ? 2 : 1);
  }

  FetchedFile fetch(const CatalogFile& file, const fs::path& target, const FetchedFile* before,
                    double made_of_it = 0) const {
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
    d.made_of_it = made_of_it;
    d.token = token_for(d.from);
    d.patience = request_.patience;
    d.say = request_.say;
    d.cancelled = request_.cancelled;
    d.progress = [&, label = file_of(d.from.url)](std::int64_t done, std::int64_t total) {
      if (request_.progress) request_.progress(label, done, total);
    };
    const Downloaded got = download(d);
    return {file.from, without_query(d.from.url), got.revision, got.sha256, got.bytes};
  }

  /// Makes the model file, still in the workshop.
  fs::path make_model(const fs::path& weights, const fs::path& merges, StoredModel& model) const {
    try {
      const ModelSource source = open_model_source(weights);
      if (source.metadata) {
        if (model.license.empty()) model.license = source.metadata->license;
        const auto title = source.metadata->extra.find("title");
        if (model.title.empty() && title != source.metadata->extra.end()) model.title = title->second;
      }
      const bool as_it_is = source.metadata && !request_.half && request_.set.empty() && merges.empty();
      if (!as_it_is) return convert(weights, merges, model);
      model.model_sha256 = model.weights.sha256;
      model.model_bytes = model.weights.bytes;
      return weights;
    } catch (const Error&) {
      say(
          fmt::format("{}: what was fetched is kept for another try; `san models --prune` "
                      "removes it",
                      name_));
      throw;
    }
  }

  fs::path convert(const fs::path& weights, const fs::path& merges, StoredModel& model) const {
    ConvertRequest c;
    c.input = weights;
    c.output = store_.workshop(name_) / "model.safetensors";
    c.bpe = merges;
    c.activation = request_.activation;
    c.set = request_.set;
    c.title = model.title.empty() ? request_.what : model.title;
    c.license = model.license;
    c.dtype = request_.half ? DType::kF16 : DType::kF32;
    say(fmt::format("{}: converting", name_));
    convert_model(c);
    model.title = c.title;
    model.model_sha256 = sha256_of_file(c.output);
    model.model_bytes = static_cast<std::int64_t>(fs::file_size(c.output));
    return c.output;
  }

  const PullRequest& request_;
  const ModelStore& store_;
  std::string name_;
  const CatalogEntry* entry_;
  std::optional<StoredModel> before_;
};

void check(const PullRequest& request, const ModelStore& store) {
  require(!store.folder().empty(), "there is no folder for models: set $SAN_MODELS_DIR or $HOME");
  const std::string& name = request.name;
  require(name.empty() || (is_plain_name(name) && name != "default" && find_in_catalog(name) == nullptr),
          "--as {}: expected letters, digits, '.', '-' and '_', and no name that is taken", name);
  if (find_in_catalog(request.what) != nullptr) return;
  require(looks_like_reference(request.what),
          "\"{}\" is no known model; there are {}, hf:OWNER/REPO/FILE[@REVISION], and https:// and file:// "
          "addresses",
          request.what, names_in_catalog());
  // Only a safetensors file may be a model of our own, with its tokenizer: said before the download.
  const std::string path = without_query(parse_reference(request.what).url);
  for (const char* end : {".pth", ".pt", ".bin"})
    require(!request.bpe.empty() || !path.ends_with(end),
            "{}: such a checkpoint does not carry its tokenizer; add --bpe FILE (CLIP's "
            "bpe_simple_vocab_16e6.txt.gz, merges.txt or tokenizer.json)",
            request.what);
  std::error_code error;
  require(request.bpe.empty() || fs::exists(request.bpe, error), "--bpe {}: no such file",
          request.bpe.string());
}

}  // namespace

Pulled pull_model(const PullRequest& request, const ModelStore& store) {
  check(request, store);
  const std::string name = request.name.empty() ? request.what : request.name;
  const auto there = [&]() -> std::optional<Pulled> {
    if (request.again || !store.holds(name)) return std::nullopt;
    const std::optional<StoredModel> model = store.record(name);
    return model ? std::optional(Pulled{*model, store.model_path(name), true}) : std::nullopt;
  };
  if (auto already = there()) return *already;
  require(!is_offline() || request.what.starts_with("file:"),
          "{} is not on this machine, and $HF_HUB_OFFLINE forbids to fetch it", name);
  StoreLock lock(store.workshop(name));
  lock.lock(
      [&] {
        if (request.say) request.say(fmt::format("{}: another process is fetching it; waiting", name));
      },
      [&] { return request.cancelled && request.cancelled(); });
  if (auto already = there()) return *already;
  Pulled pulled;
  pulled.model = Pull(request, store, name).run(lock.files().empty());
  pulled.path = store.model_path(name);
  std::error_code error;
  for (const fs::path& file : lock.files()) fs::remove(file, error);
  return pulled;
}

}  // namespace san
