#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "hub/fetch/http.h"
#include "hub/store.h"

namespace san {

struct PullRequest {
  std::string what;  ///< a name of the catalogue, or a reference
  std::string name;  ///< to keep it under; empty: `what`
  std::filesystem::path
      bpe;                 ///< merges to embed, where `what` is a checkpoint that the catalogue does not know
  std::string activation;  ///< as ConvertRequest's
  std::vector<std::string> set;
  bool half = false;   ///< keep matrices as float16
  bool again = false;  ///< even if it is there
  Patience patience;
  std::function<void(const std::string& file, std::int64_t done, std::int64_t total)> progress;
  std::function<void(const std::string& message)> say;
  std::function<bool()> cancelled;
};

struct Pulled {
  StoredModel model;
  std::filesystem::path path;
  bool was_there = false;
};

/// Fetches a model into the store: its files are downloaded and checked, converted to one model file (one of
/// our own format is kept as it is), and recorded. What a record says of a file, later fetches of it are held
/// to. Two processes that pull the same model do it once. Reads $HF_ENDPOINT, $HF_TOKEN and $HF_HUB_OFFLINE.
/// Throws Error as download() and convert_model() do; the store then has no part of the model.
Pulled pull_model(const PullRequest& request, const ModelStore& store = ModelStore());

}  // namespace san
