#include "video/libav.h"

#include <array>
#include <cstdarg>
#include <mutex>

#include "base/log.h"
#include "base/utf8.h"
#include "video/packet.h"

namespace san::video {
namespace {

void log_line(void* context, int level, const char* format, va_list arguments) {
  if (level > AV_LOG_WARNING) return;
  std::array<char, 512> line{};
  int prefix = 1;
  av_log_format_line2(context, level, format, arguments, line.data(), static_cast<int>(line.size()), &prefix);
  std::string text(line.data());
  while (!text.empty() && text.back() == '\n') text.pop_back();
  if (!text.empty()) log::debug("{}", printable(text));
}

}  // namespace

void FreePacket::operator()(AVPacket* packet) const {
  av_packet_free(&packet);
}

std::string reason(int code) {
  std::array<char, AV_ERROR_MAX_STRING_SIZE> text{};
  return av_strerror(code, text.data(), text.size()) == 0 ? std::string(text.data()) : "unknown failure";
}

void quiet_libav() {
  static std::once_flag once;
  std::call_once(once, [] { av_log_set_callback(log_line); });
}

}  // namespace san::video
