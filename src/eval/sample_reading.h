#pragma once

#include "base/error.h"
#include "data/dataset.h"
#include "san/codec.hpp"
#include "san/image.hpp"

namespace san {

/// A sample that cannot be scored.
struct Rejected {
  Problem problem;
};

/// What `read` returns; its Errors but Cancelled become Rejected.
template <class Read>
auto read_or_reject(ProblemKind kind, const std::filesystem::path& path, const Read& read) {
  try {
    return read();
  } catch (const Cancelled&) {
    throw;
  } catch (const Error& error) {
    throw Rejected{{kind, path, error.what()}};
  }
}

/// Throws Rejected when the file cannot be read or holds a value that is neither a class nor ignored.
LabelMap read_truth(const DatasetSpec& spec, const Sample& sample, const DecodeOptions& decode);
/// Throws Rejected when the file cannot be read.
Image read_picture(const Sample& sample, const DecodeOptions& decode);
/// Throws Rejected unless the truth has the size of `what`: "image", "prediction".
void require_same_size(const Sample& sample, const LabelMap& truth, int height, int width, const char* what);

}  // namespace san
