#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "bank/gate.h"
#include "checkpoint/file_bytes.h"

namespace san {

/// Limits of a bank, checked before what they limit is worked on; bytes and examples are ReaderLimits.
struct BankLimits {
  static constexpr std::int64_t kExamples = 1 << 20;
  static constexpr std::int64_t kDim = 1 << 12;
  static constexpr std::int64_t kFileBytes = std::int64_t{1} << 32;
  static constexpr double kDistance = 1e12;
};

/// Labelled examples of classes as one network sees them.
struct ExampleBank {
  std::string network;               ///< network_hash() of the model whose embeddings these are
  std::vector<std::string> classes;  ///< labels
  int dim = 0;
  std::vector<float> examples;           ///< [count, dim], each of length 1
  std::vector<std::int32_t> class_of;    ///< [count], index into `classes`
  std::vector<std::int32_t> picture_of;  ///< [count], which of the pictures it is from
  std::vector<float> shares;  ///< [count], in (0, 1]: its part of what its picture shows of the class
  std::int64_t pictures = 0;
  /// Of all regions of the pictures, whatever they show: mean [dim] and covariance [dim, dim] of embeddings.
  std::vector<float> mean, covariance;
  float weight = 1;  ///< of examples beside words, as calibrate() found it
  /// Of the pictures that the examples are for; none: too few to tell, or a file of format 1.
  std::optional<PictureGate> gate;

  std::int64_t count() const { return static_cast<std::int64_t>(class_of.size()); }
  /// Examples of each class, counted by pictures.
  std::vector<std::int64_t> pictures_of_classes() const;
};

/// The file's bytes.
std::vector<std::byte> write_bank(const ExampleBank& bank);
/// Throws Error with the path; the file appears whole or not at all.
void save_bank(const ExampleBank& bank, const std::filesystem::path& path);

/// Throws Error naming the file on anything that save_bank() does not write: another format or version, an
/// index that is none of the classes or pictures, embeddings that are not finite or not of length 1. Files of
/// format 1 have no gate.
ExampleBank load_bank(const std::filesystem::path& path);
ExampleBank read_bank(FileBytes file);

}  // namespace san
