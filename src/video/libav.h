#pragma once
extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/display.h>
#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
#include <libswscale/swscale.h>
}
#include <memory>
#include <string>

/// libav's objects, owned. Inside this room only: its headers show none of them.
namespace san::video {

template <auto Free>
struct FreeBySlot {
  template <class T>
  void operator()(T* object) const {
    Free(&object);
  }
};
struct FreeConverter {
  void operator()(SwsContext* c) const { sws_freeContext(c); }
};
using FramePtr = std::unique_ptr<AVFrame, FreeBySlot<av_frame_free>>;
using CodecPtr = std::unique_ptr<AVCodecContext, FreeBySlot<avcodec_free_context>>;
using InputPtr = std::unique_ptr<AVFormatContext, FreeBySlot<avformat_close_input>>;
using ConverterPtr = std::unique_ptr<SwsContext, FreeConverter>;

/// A set of options for libav, which takes those that it knows.
class Options {
 public:
  Options() = default;
  ~Options() { av_dict_free(&values_); }
  Options(const Options&) = delete;
  Options& operator=(const Options&) = delete;
  void set(const char* key, const std::string& value) { av_dict_set(&values_, key, value.c_str(), 0); }
  AVDictionary** slot() { return &values_; }

 private:
  AVDictionary* values_ = nullptr;
};

/// What libav says of one of its error codes.
std::string reason(int code);
/// Throws std::bad_alloc on null.
template <class T>
T* made(T* object) {
  if (object == nullptr) throw std::bad_alloc();
  return object;
}
/// Lets libav speak through this program's log, at its lowest level, without control characters.
void quiet_libav();

}  // namespace san::video
