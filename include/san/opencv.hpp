#pragma once
/// OpenCV's matrices as this library's pictures and back, without copying. Header-only: who includes it links
/// OpenCV's core themselves.
#include <opencv2/core.hpp>

#include "san/image_view.hpp"

namespace san {

/// Pixels of CV_8UC3 (BGR unless told otherwise), CV_8UC4 (BGRA) or CV_8UC1. `mat` must outlive the view.
/// Throws Error on other types and an empty matrix.
inline ImageView view(const cv::Mat& mat, bool rgb = false) {
  if (mat.empty() || mat.dims != 2) throw Error("cv::Mat: expected a picture, got an empty matrix");
  PixelFormat format = PixelFormat::kGrey;
  if (mat.type() == CV_8UC3)
    format = rgb ? PixelFormat::kRgb : PixelFormat::kBgr;
  else if (mat.type() == CV_8UC4)
    format = rgb ? PixelFormat::kRgba : PixelFormat::kBgra;
  else if (mat.type() != CV_8UC1)
    throw Error("cv::Mat: expected 8 bit pixels of 1, 3 or 4 channels, got " + cv::typeToString(mat.type()));
  return {mat.data, mat.rows, mat.cols, format, mat.step};
}

/// CV_32SC1 over the labels, which must outlive it.
inline cv::Mat mat(LabelMap& map) {
  return {map.height, map.width, CV_32SC1, map.labels.data()};
}

/// CV_8UC3 in RGB order over the pixels, which must outlive it.
inline cv::Mat mat(Image& image) {
  return {image.height, image.width, CV_8UC3, image.rgb.data()};
}

}  // namespace san
