#pragma once
#include <filesystem>
#include <memory>

#include "san/error.hpp"
#include "san/segmenter.hpp"

namespace san {

struct StreamOptions {
  float decay = 0.85f;      ///< share of the past in what a frame's masks are called, 0 … 1
  float mask_decay = 0.3f;  ///< the same of the masks' outlines, where they stay in place
  float cut = 0.45f;        ///< likeness of a frame to the one before, 0 … 1, below which a scene begins
};

/// Steadies the frames of one video, each by those before it, between looking and naming:
///
///   san::Stream stream;
///   segmenter.segment(stream.next(segmenter.look(frame)), words, options, result);
///
/// The network finds a hundred masks in every frame. Here each is matched with the one of the frame before
/// that it most likely continues, and what it may be called becomes an average over time, for any words.
/// Takes a few milliseconds a frame. A frame of another size, and a cut, begin anew.
class SAN_API Stream {
 public:
  /// Throws Error on shares outside 0 … 1.
  explicit Stream(const StreamOptions& options = {});
  Stream(Stream&&) noexcept;
  Stream& operator=(Stream&&) noexcept;
  ~Stream();

  /// Throws Error on features of a method other than "san".
  ImageFeatures next(const ImageFeatures& frame);
  /// Whether the latest frame began a scene.
  bool began_scene() const;
  /// What comes next begins anew.
  void forget();

  /// Writes what is known of the frames so far, whole or not at all. Throws Error with the path.
  void save(const std::filesystem::path& path) const;
  /// Goes on where the stream that was saved stood: the next frame is steadied as it would have been there.
  /// Throws Error on what save() did not write.
  void load(const std::filesystem::path& path);

 private:
  struct Impl;
  Impl& impl() const;
  std::unique_ptr<Impl> impl_;
};

struct WholeClipOptions {
  float alike = 0.97f;      ///< cosine of the embeddings of masks that are taken for one thing, at least
  float share = 0.5f;       ///< of the mean over the clip in what a frame's mask is called; 0: nothing is
  float decay = 0.85f;      ///< then as StreamOptions
  float mask_decay = 0.3f;  ///< likewise
};

/// Steadies the frames of a clip that is there as a whole, each by all of them: first add() every frame, then
/// steady() every frame, both in their order. Masks whose embeddings are alike are one thing, seen at
/// different times, and take half of the mean over the clip; then follows what Stream does. Keeps what there
/// is to see, not the frames.
class SAN_API WholeClip {
 public:
  /// Throws Error on shares outside 0 … 1.
  explicit WholeClip(const WholeClipOptions& options = {});
  WholeClip(WholeClip&&) noexcept;
  WholeClip& operator=(WholeClip&&) noexcept;
  ~WholeClip();

  /// Throws Error on features of a method other than "san", and after the first steady().
  void add(const ImageFeatures& frame);
  ImageFeatures steady(const ImageFeatures& frame);

 private:
  struct Impl;
  Impl& impl() const;
  std::unique_ptr<Impl> impl_;
};

}  // namespace san
