#pragma once
#include <memory>

struct AVPacket;

namespace san::video {

struct FreePacket {
  void operator()(AVPacket* packet) const;
};
/// A piece of a coded stream that is passed on as it is.
using PacketPtr = std::unique_ptr<AVPacket, FreePacket>;

}  // namespace san::video
