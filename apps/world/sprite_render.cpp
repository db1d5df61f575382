#include "sprite_render.h"

#include <librsvg/rsvg.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <map>
#include <memory>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <vector>

#include "base/error.h"

namespace san {
namespace {

constexpr int kCanvas = 320;
constexpr int kFaintAlpha = 8;

struct CairoDeleter {
  void operator()(cairo_surface_t* p) const { cairo_surface_destroy(p); }
  void operator()(cairo_t* p) const { cairo_destroy(p); }
};
struct ObjectDeleter {
  void operator()(RsvgHandle* p) const { g_object_unref(p); }
};

/// Premultiplied RGBA → the visible part scaled down to `side`, straight alpha.
Picture crop_and_scale(const cv::Mat& premultiplied, int side) {
  cv::Mat alpha;
  cv::extractChannel(premultiplied, alpha, 3);
  const cv::Rect box = cv::boundingRect(alpha > kFaintAlpha);
  if (box.width < 4 || box.height < 4) return {};
  const double scale = std::min(1.0, static_cast<double>(side) / std::max(box.width, box.height));
  const cv::Size size(std::max(1, cvRound(box.width * scale)), std::max(1, cvRound(box.height * scale)));
  cv::Mat scaled;
  cv::resize(premultiplied(box), scaled, size, 0, 0, cv::INTER_AREA);
  Picture out;
  out.height = scaled.rows;
  out.width = scaled.cols;
  out.channels = 4;
  out.pixels.resize(static_cast<std::size_t>(scaled.total()) * 4);
  auto* to = out.pixels.data();
  for (int y = 0; y < scaled.rows; ++y) {
    const auto* from = scaled.ptr<std::uint8_t>(y);
    for (int x = 0; x < scaled.cols; ++x, from += 4, to += 4) {
      const int a = from[3];
      if (a < kFaintAlpha) continue;
      for (int c = 0; c < 3; ++c)
        to[c] = static_cast<std::uint8_t>(std::min(255, (from[c] * 255 + a / 2) / a));
      to[3] = static_cast<std::uint8_t>(a);
    }
  }
  return out;
}

/// Empty where OpenCV cannot decode it.
cv::Mat decode(std::span<const std::byte> file, int flags) {
  if (file.empty()) return {};
  const cv::Mat bytes(1, static_cast<int>(file.size()), CV_8U, const_cast<std::byte*>(file.data()));
  try {
    return cv::imdecode(bytes, flags);
  } catch (const cv::Exception&) {
    return {};
  }
}

Picture rgb_picture(const cv::Mat& bgr) {
  Picture out;
  out.height = bgr.rows;
  out.width = bgr.cols;
  out.channels = 3;
  out.pixels.resize(bgr.total() * 3);
  cv::Mat rgb(bgr.rows, bgr.cols, CV_8UC3, out.pixels.data());
  cv::cvtColor(bgr, rgb, cv::COLOR_BGR2RGB);
  return out;
}

}  // namespace

namespace {

/// A black line around every shape, whatever its own attributes say.
std::string outlining(double line) {
  return fmt::format(
      "path,circle,ellipse,rect,polygon,polyline,line{{stroke:#000!important;stroke-width:{}!important;"
      "stroke-linejoin:round!important;stroke-linecap:round!important}}",
      line);
}

/// Draws over what `canvas` (premultiplied BGRA) holds. False where the renderer gives up.
bool draw_svg(const std::string& document, cv::Mat& canvas, const std::string& style = {}) {
  GError* error = nullptr;
  const std::unique_ptr<RsvgHandle, ObjectDeleter> handle(
      rsvg_handle_new_from_data(reinterpret_cast<const guint8*>(document.data()), document.size(), &error));
  if (!handle) {
    g_error_free(error);
    return false;
  }
  if (!style.empty() &&
      !rsvg_handle_set_stylesheet(handle.get(), reinterpret_cast<const guint8*>(style.data()), style.size(),
                                  &error)) {
    g_error_free(error);
    return false;
  }
  const std::unique_ptr<cairo_surface_t, CairoDeleter> surface(cairo_image_surface_create_for_data(
      canvas.data, CAIRO_FORMAT_ARGB32, kCanvas, kCanvas, static_cast<int>(canvas.step)));
  const std::unique_ptr<cairo_t, CairoDeleter> context(cairo_create(surface.get()));
  const RsvgRectangle viewport{0, 0, kCanvas, kCanvas};
  if (!rsvg_handle_render_document(handle.get(), context.get(), &viewport, &error)) {
    g_error_free(error);
    return false;
  }
  cairo_surface_flush(surface.get());
  return true;
}

/// Puts colours under every pixel that cannot be reached from the rim without crossing a line: the first
/// colour in the largest enclosed area, the next in the next, and so on in turn.
void fill_inside(cv::Mat& canvas, const std::vector<std::uint32_t>& colours, int gap) {
  cv::Mat alpha, closed;
  cv::extractChannel(canvas, alpha, 3);
  const cv::Mat lines = alpha >= 128;
  const auto disc = [](int radius) {
    return cv::getStructuringElement(cv::MORPH_ELLIPSE, cv::Size(2 * radius + 1, 2 * radius + 1));
  };
  cv::copyMakeBorder(lines, closed, gap + 1, gap + 1, gap + 1, gap + 1, cv::BORDER_CONSTANT, cv::Scalar(0));
  if (gap > 0) cv::dilate(closed, closed, disc(gap));
  constexpr int kOutside = 100;
  cv::floodFill(closed, cv::Point(0, 0), cv::Scalar(kOutside));
  cv::Mat outside = closed == kOutside;
  if (gap > 0) cv::dilate(outside, outside, disc(gap));
  outside = outside(cv::Rect(gap + 1, gap + 1, canvas.cols, canvas.rows)) & ~lines;

  cv::Mat areas, sizes, centres;
  const int count = cv::connectedComponentsWithStats(~lines & ~outside, areas, sizes, centres, 4, CV_32S);
  std::vector<int> order;
  for (int i = 1; i < count; ++i) order.push_back(i);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    return sizes.at<int>(a, cv::CC_STAT_AREA) > sizes.at<int>(b, cv::CC_STAT_AREA);
  });
  cv::Mat turn(canvas.size(), CV_8U, cv::Scalar(0));
  for (std::size_t i = 0; i < order.size(); ++i)
    turn.setTo(static_cast<double>(1 + i % colours.size()), areas == order[i]);
  // Smooth edges of lines show what is behind them.
  cv::Mat near;
  cv::dilate(turn, near, disc(2));
  for (int y = 0; y < canvas.rows; ++y) {
    auto* p = canvas.ptr<std::uint8_t>(y);
    for (int x = 0; x < canvas.cols; ++x, p += 4) {
      if (outside.at<std::uint8_t>(y, x)) continue;
      int which = turn.at<std::uint8_t>(y, x);
      if (which == 0) which = near.at<std::uint8_t>(y, x);
      const std::uint32_t colour = colours[static_cast<std::size_t>(std::max(1, which) - 1)];
      const int rest = 255 - p[3];
      for (std::size_t c = 0; c < 3; ++c) {
        const auto part = static_cast<int>(colour >> (16 - 8 * c) & 255u);
        p[c] = static_cast<std::uint8_t>(std::min(255, p[c] + (part * rest + 127) / 255));
      }
      p[3] = 255;
    }
  }
}

Picture finish(const cv::Mat& canvas, int side) {
  // Cairo's words are 0xAARRGGBB: blue first in memory.
  cv::Mat rgba;
  cv::cvtColor(canvas, rgba, cv::COLOR_BGRA2RGBA);
  return crop_and_scale(rgba, side);
}

}  // namespace

Picture render_svg(const std::string& document, int side, double line) {
  cv::Mat canvas(kCanvas, kCanvas, CV_8UC4, cv::Scalar::all(0));
  return draw_svg(document, canvas, line > 0 ? outlining(line) : "") ? finish(canvas, side) : Picture{};
}

std::vector<std::uint32_t> main_colours(const Picture& picture, std::size_t count) {
  std::map<std::uint32_t, int> seen;
  for (std::size_t i = 0; i + 3 < picture.pixels.size(); i += 4)
    if (const auto* p = &picture.pixels[i]; p[3] > 200)
      ++seen[(p[0] & 0xf0u) | (p[1] & 0xf0u) << 8 | (p[2] & 0xf0u) << 16];
  std::vector<std::pair<int, std::uint32_t>> common;
  for (const auto& [colour, pixels] : seen) common.emplace_back(-pixels, colour + 0x080808u);
  std::sort(common.begin(), common.end());
  constexpr int kApart = 96;
  std::vector<std::uint32_t> out;
  for (const auto& [pixels, colour] : common) {
    const bool apart = std::all_of(out.begin(), out.end(), [colour = colour](std::uint32_t other) {
      int sum = 0;
      for (int shift = 0; shift < 24; shift += 8)
        sum += std::abs(static_cast<int>(colour >> shift & 255u) - static_cast<int>(other >> shift & 255u));
      return sum >= kApart;
    });
    if (apart && out.size() < count) out.push_back(colour);
  }
  return out.empty() ? std::vector<std::uint32_t>{0x808080u} : out;
}

Picture render_lines(const std::string& document, const LineFill& fill, int side) {
  cv::Mat canvas(kCanvas, kCanvas, CV_8UC4, cv::Scalar::all(0));
  if (!fill.under.empty() && !draw_svg(fill.under, canvas)) return {};
  const std::string style = fill.around       ? outlining(fill.stroke)
                            : fill.stroke > 0 ? fmt::format("*{{stroke-width:{}!important}}", fill.stroke)
                                              : std::string{};
  if (!draw_svg(document, canvas, style)) return {};
  fill_inside(canvas, fill.inside, fill.gap);
  return finish(canvas, side);
}

Picture decode_rgba(std::span<const std::byte> file, int side) {
  cv::Mat image = decode(file, cv::IMREAD_UNCHANGED);
  if (image.empty() || image.channels() != 4 || image.depth() != CV_8U) return {};
  for (int y = 0; y < image.rows; ++y) {
    auto* p = image.ptr<std::uint8_t>(y);
    for (int x = 0; x < image.cols; ++x, p += 4) {
      std::swap(p[0], p[2]);
      for (int c = 0; c < 3; ++c) p[c] = static_cast<std::uint8_t>((p[c] * p[3] + 127) / 255);
    }
  }
  return crop_and_scale(image, side);
}

Picture develop_panorama(std::span<const std::byte> file) {
  ::setenv("OPENCV_IO_ENABLE_OPENEXR", "1", 1);
  const cv::Mat hdr = decode(file, cv::IMREAD_UNCHANGED);
  require(!hdr.empty() && hdr.depth() == CV_32F && hdr.channels() == 3,
          "cannot decode an OpenEXR panorama: OpenCV was built without OpenEXR");
  // The sun itself is stored as infinity.
  cv::Mat scaled;
  cv::resize(cv::min(hdr, 1e4), scaled, cv::Size(512, 256), 0, 0, cv::INTER_AREA);
  std::vector<float> light;
  for (int y = 0; y < scaled.rows; ++y)
    for (int x = 0; x < scaled.cols; ++x) {
      const auto& p = scaled.at<cv::Vec3f>(y, x);
      light.push_back(0.114f * p[0] + 0.587f * p[1] + 0.299f * p[2]);
    }
  std::nth_element(light.begin(), light.begin() + static_cast<std::ptrdiff_t>(light.size() / 2), light.end());
  const float exposure = 0.3f / std::max(light[light.size() / 2], 1e-4f);
  cv::Mat ldr(scaled.size(), CV_8UC3);
  for (int y = 0; y < scaled.rows; ++y)
    for (int x = 0; x < scaled.cols; ++x)
      for (int c = 0; c < 3; ++c) {
        const float v = std::max(0.0f, scaled.at<cv::Vec3f>(y, x)[c]) * exposure;
        const float mapped = v * (1.0f + v / 9.0f) / (1.0f + v);
        ldr.at<cv::Vec3b>(y, x)[c] =
            cv::saturate_cast<std::uint8_t>(255.0f * std::pow(std::min(mapped, 1.0f), 1.0f / 2.2f));
      }
  // The files' lossy compression rings around lights: dark specks and single-coloured blocks beside white.
  cv::Mat lightest, smooth;
  cv::dilate(ldr, lightest, cv::Mat::ones(9, 9, CV_8U));
  cv::medianBlur(ldr, smooth, 5);
  for (int y = 0; y < ldr.rows; ++y)
    for (int x = 0; x < ldr.cols; ++x) {
      auto& p = ldr.at<cv::Vec3b>(y, x);
      const auto& near = lightest.at<cv::Vec3b>(y, x);
      const auto& usual = smooth.at<cv::Vec3b>(y, x);
      if (std::min({near[0], near[1], near[2]}) < 225 || std::min({p[0], p[1], p[2]}) > 8) continue;
      const int middle = std::min({usual[0], usual[1], usual[2]});
      p = middle > 60 ? usual : cv::Vec3b(255, 255, 255);
    }
  Picture out = rgb_picture(ldr);
  out.kind = PictureKind::kPanorama;
  return out;
}

Picture decode_square(std::span<const std::byte> file, int side) {
  const cv::Mat image = decode(file, cv::IMREAD_COLOR);
  require(!image.empty(), "cannot decode a background picture of {} bytes", file.size());
  const int edge = std::min(image.rows, image.cols);
  cv::Mat scaled;
  cv::resize(image(cv::Rect((image.cols - edge) / 2, (image.rows - edge) / 2, edge, edge)), scaled,
             cv::Size(side, side), 0, 0, cv::INTER_AREA);
  Picture out = rgb_picture(scaled);
  out.kind = PictureKind::kTexture;
  return out;
}

void tint(Picture& picture, const std::array<float, 3>& gain) {
  for (std::size_t i = 0; i + 2 < picture.pixels.size(); i += static_cast<std::size_t>(picture.channels))
    for (std::size_t c = 0; c < 3; ++c)
      picture.pixels[i + c] =
          cv::saturate_cast<std::uint8_t>(gain[c] * static_cast<float>(picture.pixels[i + c]));
}

void turn(Picture& picture) {
  cv::Mat pixels(picture.height, picture.width, CV_8UC(picture.channels), picture.pixels.data()), turned;
  cv::rotate(pixels, turned, cv::ROTATE_90_CLOCKWISE);
  turned.copyTo(pixels);
}

}  // namespace san
