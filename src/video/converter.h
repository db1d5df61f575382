#pragma once
#include "image/orientation.h"
#include "video/libav.h"

namespace san::video {

/// Decoded frames to RGB pictures of one size, turned upright. Keeps its memory.
class ToRgb {
 public:
  explicit ToRgb(Orientation orientation) : orientation_(orientation) {}
  /// The picture of a frame; its size is `image`'s, or where that is empty the frame's.
  void convert(const AVFrame& frame, Image& image);

 private:
  Orientation orientation_;
  ConverterPtr converter_;
  FramePtr upright_;  ///< rows with the padding that libswscale may write into
  int from_height_ = 0, from_width_ = 0, from_format_ = -1, from_space_ = -1, from_range_ = -1;
};

/// RGB pictures to frames for an encoder, in its pixel format. Sides that the format cannot have odd grow by
/// one row or column that repeats the last.
class FromRgb {
 public:
  FromRgb(int height, int width, AVPixelFormat format, int frame_height, int frame_width);
  /// The frame lives until the next call. Throws Error on a picture of another size.
  AVFrame* convert(const Image& image);

 private:
  int height_, width_;
  ConverterPtr converter_;
  FramePtr rgb_, frame_;
};

/// How a display matrix says a stored picture stands. Turns that are no quarters count as the nearest.
Orientation display_orientation(const std::int32_t* matrix);

/// The matrix of colours for pictures of that height: BT.709 from 720 rows on, below BT.601.
AVColorSpace color_space_for(int height);

}  // namespace san::video
