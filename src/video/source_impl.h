#pragma once
#include <mutex>
#include <optional>

#include "video/converter.h"
#include "video/libav.h"
#include "video/source.h"

namespace san::video {

struct Source::Impl {
  SourceOptions options;
  SourceFacts facts;
  Damage damage;
  std::string name;  ///< of the input, as it may be shown

  InputPtr input;
  AVStream* stream = nullptr;            ///< the video
  std::vector<AVStream*> sound;          ///< what is handed on
  std::vector<std::int64_t> sound_read;  ///< packets of each
  CodecPtr codec;
  PacketPtr packet;
  FramePtr decoded;
  std::optional<ToRgb> to_rgb;

  std::int64_t number = 0;  ///< of the next decoded frame
  std::int64_t given = 0;
  std::vector<PacketPtr> tail;  ///< sound between the last frame and the end
  bool drained = false;         ///< the decoder knows that nothing more comes
  std::optional<std::int64_t> latest;
  std::int64_t latest_duration = 0;
  std::optional<std::int64_t> first_time;
  std::chrono::steady_clock::time_point first_shown;

  void open();
  bool wanted() const;
  /// One packet from the file to where it belongs. False when interrupted.
  bool feed(std::vector<PacketPtr>& heard);
  /// Decodes until there is a frame; false at the end.
  bool next_decoded(std::vector<PacketPtr>& heard);
  void drop_sound_before(std::int64_t time, std::vector<PacketPtr>& heard) const;
  void keep_sound(std::vector<PacketPtr>& to);
  std::int64_t time_of_decoded();
  void wait_until_due(std::int64_t time);
  static int stop_waiting(void* self);
};

}  // namespace san::video
