#pragma once
#include "program.h"

namespace san::cli {

/// Whether this is `san segment` of something that moves, which is san-video's: an input that by its name is
/// a video, a camera or a stream, or an option that pictures do not have.
bool segments_video(const Program& program);

/// What reads and writes videos (libav) lives in a program of its own: `san video …`, and `san segment` of
/// what moves, become `san-video …`. Throws Error when it cannot be run.
void run_video_companion(const Program& program);

}  // namespace san::cli
