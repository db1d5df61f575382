#include "video/converter.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"

namespace san::video {
namespace {

constexpr int kHighDefinition = 720;

/// Deprecated formats that say "full range" in their name, which frames say beside it.
AVPixelFormat plain_format(int format) {
  switch (format) {
    case AV_PIX_FMT_YUVJ420P:
      return AV_PIX_FMT_YUV420P;
    case AV_PIX_FMT_YUVJ422P:
      return AV_PIX_FMT_YUV422P;
    case AV_PIX_FMT_YUVJ444P:
      return AV_PIX_FMT_YUV444P;
    case AV_PIX_FMT_YUVJ440P:
      return AV_PIX_FMT_YUV440P;
    default:
      return static_cast<AVPixelFormat>(format);
  }
}

bool is_full_range(const AVFrame& frame) {
  return frame.color_range == AVCOL_RANGE_JPEG || plain_format(frame.format) != frame.format;
}

int matrix_of(AVColorSpace space, int height) {
  switch (space) {
    case AVCOL_SPC_BT709:
      return SWS_CS_ITU709;
    case AVCOL_SPC_BT470BG:
    case AVCOL_SPC_SMPTE170M:
      return SWS_CS_ITU601;
    case AVCOL_SPC_SMPTE240M:
      return SWS_CS_SMPTE240M;
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
      return SWS_CS_BT2020;
    case AVCOL_SPC_FCC:
      return SWS_CS_FCC;
    default:
      return matrix_of(color_space_for(height), height);
  }
}

FramePtr picture_frame(int height, int width, AVPixelFormat format) {
  FramePtr frame(made(av_frame_alloc()));
  frame->height = height;
  frame->width = width;
  frame->format = format;
  const int code = av_frame_get_buffer(frame.get(), 0);
  require(code >= 0, "video: a frame of {} × {} pixels: {}", width, height, reason(code));
  return frame;
}

ConverterPtr converter(int from_height, int from_width, AVPixelFormat from, int height, int width,
                       AVPixelFormat to) {
  ConverterPtr made_converter(sws_getContext(from_width, from_height, from, width, height, to,
                                             SWS_BILINEAR | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT, nullptr,
                                             nullptr, nullptr));
  require(made_converter != nullptr, "video: no way from {} to {} pixels of {} × {}",
          from == AV_PIX_FMT_NONE ? "unknown" : av_get_pix_fmt_name(from), av_get_pix_fmt_name(to), width,
          height);
  return made_converter;
}

/// Row y of the upright picture, from rows as stored.
void copy_upright(const AVFrame& stored, Orientation o, Image& image) {
  const int h = stored.height, w = stored.width;
  if (o.quarter_turns == 0 && !o.flipped) {
    for (int y = 0; y < h; ++y)
      std::memcpy(image.row(y), stored.data[0] + static_cast<std::ptrdiff_t>(y) * stored.linesize[0],
                  image.row_bytes());
    return;
  }
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x) {
      // Where this pixel was before the clockwise turns, then before the flip.
      int sy = y, sx = x;
      if (o.quarter_turns == 1) sy = h - 1 - x, sx = y;
      if (o.quarter_turns == 2) sy = h - 1 - y, sx = w - 1 - x;
      if (o.quarter_turns == 3) sy = x, sx = w - 1 - y;
      if (o.flipped) sx = w - 1 - sx;
      std::memcpy(image.row(y) + 3 * static_cast<std::ptrdiff_t>(x),
                  stored.data[0] + static_cast<std::ptrdiff_t>(sy) * stored.linesize[0] +
                      3 * static_cast<std::ptrdiff_t>(sx),
                  3);
    }
}

}  // namespace

Orientation display_orientation(const std::int32_t* matrix) {
  // Columns of a 2 × 2 part: where the stored picture's x and y axes go on the screen.
  const double a = matrix[0], b = matrix[1], c = matrix[3], d = matrix[4];
  Orientation o;
  o.flipped = a * d - b * c < 0;
  const double x = o.flipped ? -a : a, y = o.flipped ? -b : b;
  if (x == 0 && y == 0) return {};
  constexpr double kQuarter = 1.5707963267948966;
  o.quarter_turns = (static_cast<int>(std::lround(std::atan2(y, x) / kQuarter)) + 4) % 4;
  return o;
}

AVColorSpace color_space_for(int height) {
  return height >= kHighDefinition ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
}

void ToRgb::convert(const AVFrame& frame, Image& image) {
  const bool sideways = orientation_.quarter_turns % 2 == 1;
  if (image.rgb.empty())
    image = sideways ? Image(frame.width, frame.height) : Image(frame.height, frame.width);
  const int height = sideways ? image.width : image.height, width = sideways ? image.height : image.width;
  if (!upright_ || upright_->height != height || upright_->width != width) {
    upright_ = picture_frame(height, width, AV_PIX_FMT_RGB24);
    converter_.reset();
  }
  const int range = is_full_range(frame) ? 1 : 0;
  const int space = matrix_of(frame.colorspace, frame.height);
  if (!converter_ || frame.height != from_height_ || frame.width != from_width_ ||
      frame.format != from_format_ || space != from_space_ || range != from_range_) {
    converter_ =
        converter(frame.height, frame.width, plain_format(frame.format), height, width, AV_PIX_FMT_RGB24);
    const int* to = sws_getCoefficients(SWS_CS_DEFAULT);
    sws_setColorspaceDetails(converter_.get(), sws_getCoefficients(space), range, to, 1, 0, 1 << 16, 1 << 16);
    from_height_ = frame.height, from_width_ = frame.width, from_format_ = frame.format;
    from_space_ = space, from_range_ = range;
  }
  const int rows = sws_scale(converter_.get(), frame.data, frame.linesize, 0, frame.height, upright_->data,
                             upright_->linesize);
  if (rows != height)
    fail("video: a frame could not be converted: {}", rows < 0 ? reason(rows) : "cut short");
  copy_upright(*upright_, orientation_, image);
}

FromRgb::FromRgb(int height, int width, AVPixelFormat format, int frame_height, int frame_width)
    : height_(height),
      width_(width),
      converter_(converter(frame_height, frame_width, AV_PIX_FMT_RGB24, frame_height, frame_width, format)),
      rgb_(picture_frame(frame_height, frame_width, AV_PIX_FMT_RGB24)),
      frame_(picture_frame(frame_height, frame_width, format)) {
  const AVColorSpace space = color_space_for(frame_height);
  sws_setColorspaceDetails(converter_.get(), sws_getCoefficients(SWS_CS_DEFAULT), 1,
                           sws_getCoefficients(matrix_of(space, frame_height)), 0, 0, 1 << 16, 1 << 16);
  frame_->colorspace = space;
  frame_->color_range = AVCOL_RANGE_MPEG;
}

AVFrame* FromRgb::convert(const Image& image) {
  require(image.height == height_ && image.width == width_,
          "video: a picture of {} × {} pixels among ones of {} × {}", image.width, image.height, width_,
          height_);
  for (int y = 0; y < rgb_->height; ++y) {
    std::uint8_t* out = rgb_->data[0] + static_cast<std::ptrdiff_t>(y) * rgb_->linesize[0];
    const std::uint8_t* in = image.row(std::min(y, height_ - 1));
    std::memcpy(out, in, image.row_bytes());
    for (int x = width_; x < rgb_->width; ++x)
      std::memcpy(out + 3 * static_cast<std::ptrdiff_t>(x), in + 3 * static_cast<std::ptrdiff_t>(width_ - 1),
                  3);
  }
  const int writable = av_frame_make_writable(frame_.get());  // the encoder may still look at it
  if (writable < 0) fail("video: a frame for the encoder: {}", reason(writable));
  sws_scale(converter_.get(), rgb_->data, rgb_->linesize, 0, rgb_->height, frame_->data, frame_->linesize);
  return frame_.get();
}

}  // namespace san::video
