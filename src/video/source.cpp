#include "video/source.h"

#include <dlfcn.h>

#include <algorithm>
#include <set>
#include <thread>

#include "base/error.h"
#include "base/log.h"
#include "base/utf8.h"
#include "video/converter.h"
#include "video/source_impl.h"

namespace san::video {
namespace {

constexpr int kDecoderThreads = 4;

bool is_address(const std::string& input) {
  return input.find("://") != input.npos;
}
bool is_camera(const std::string& input) {
  return input.starts_with("/dev/video");
}

/// Cameras are in a library of their own, which brings windows and sound cards along: only who has one loads
/// it.
const AVInputFormat* camera_format() {
  if (const AVInputFormat* format = av_find_input_format("video4linux2")) return format;
  const std::string library = "libavdevice.so." + std::to_string(LIBAVFORMAT_VERSION_MAJOR);
  void* handle = ::dlopen(library.c_str(), RTLD_NOW);
  using Register = void (*)();
  auto* add =
      handle == nullptr ? nullptr : reinterpret_cast<Register>(::dlsym(handle, "avdevice_register_all"));
  require(add != nullptr, "cameras need {}, which is not installed (Debian: libavdevice{})", library,
          LIBAVFORMAT_VERSION_MAJOR);
  add();
  const AVInputFormat* format = av_find_input_format("video4linux2");
  require(format != nullptr, "{} knows no cameras", library);
  return format;
}

/// What a source of that kind may open: a file must not reach the network, nor an address files.
const char* protocols_of(const std::string& input) {
  if (input == "-") return "pipe";
  return is_address(input) ? "rtsp,rtp,rtmp,srt,udp,tcp,tls,http,https,httpproxy,crypto" : "file,crypto";
}

Orientation orientation_of(const AVStream& stream) {
  std::size_t size = 0;
  const std::uint8_t* matrix = av_stream_get_side_data(&stream, AV_PKT_DATA_DISPLAYMATRIX, &size);
  if (matrix == nullptr || size < 9 * sizeof(std::int32_t)) return {};
  return display_orientation(reinterpret_cast<const std::int32_t*>(matrix));
}

std::int64_t estimated_frames(const AVFormatContext& input, const AVStream& stream) {
  if (stream.nb_frames > 0) return stream.nb_frames;
  if (stream.avg_frame_rate.num <= 0) return 0;
  double seconds = 0;
  if (stream.duration > 0)
    seconds = static_cast<double>(stream.duration) * av_q2d(stream.time_base);
  else if (input.duration > 0)
    seconds = static_cast<double>(input.duration) / AV_TIME_BASE;
  return static_cast<std::int64_t>(seconds * av_q2d(stream.avg_frame_rate) + 0.5);
}

}  // namespace

int Source::Impl::stop_waiting(void* self) {
  return static_cast<Impl*>(self)->options.interrupted->load() ? 1 : 0;
}

void Source::Impl::open() {
  quiet_libav();
  static std::once_flag once;
  std::call_once(once, [] { avformat_network_init(); });
  name = printable(options.input == "-" ? "standard input" : options.input);
  require(options.first >= 0 && options.count >= 0 && options.stride >= 1,
          "{}: frames from {}, {} of them, every {}th; expected 0 or more, 0 or more, 1 or more", name,
          options.first, options.count, options.stride);
  AVFormatContext* context = made(avformat_alloc_context());
  context->interrupt_callback = {&stop_waiting, this};
  Options open_options;
  open_options.set("protocol_whitelist", protocols_of(options.input));
  open_options.set("rtsp_transport", "tcp");
  const bool camera = is_camera(options.input);
  const int opened = avformat_open_input(&context, options.input == "-" ? "pipe:0" : options.input.c_str(),
                                         camera ? camera_format() : nullptr, open_options.slot());
  require(opened >= 0, "{}: cannot be opened as a video: {}", name, reason(opened));
  input.reset(context);
  int code = avformat_find_stream_info(context, nullptr);
  require(code >= 0, "{}: no video can be read from it: {}", name, reason(code));
  const AVCodec* decoder = nullptr;
  code = av_find_best_stream(context, AVMEDIA_TYPE_VIDEO, -1, -1, &decoder, 0);
  require(code != AVERROR_STREAM_NOT_FOUND, "{}: there is no video in it", name);
  require(code >= 0 && decoder != nullptr, "{}: this libav cannot decode its video: {}", name, reason(code));
  stream = context->streams[code];

  const AVCodecParameters& coded = *stream->codecpar;
  require(coded.width > 0 && coded.height > 0, "{}: its video has no size", name);
  require(std::int64_t{coded.width} * coded.height <= options.max_pixels,
          "{}: frames of {} × {} pixels; at most {} are allowed (--max-pixels)", name, coded.width,
          coded.height, options.max_pixels);
  codec.reset(made(avcodec_alloc_context3(decoder)));
  code = avcodec_parameters_to_context(codec.get(), &coded);
  codec->pkt_timebase = stream->time_base;
  codec->max_pixels = options.max_pixels;
  codec->thread_count = std::min(kDecoderThreads, static_cast<int>(std::thread::hardware_concurrency()));
  if (code >= 0) code = avcodec_open2(codec.get(), decoder, nullptr);
  require(code >= 0, "{}: its video ({}) cannot be decoded: {}", name, decoder->name, reason(code));

  for (unsigned i = 0; i < context->nb_streams; ++i) {
    AVStream& other = *context->streams[i];
    const bool heard = options.sound && other.codecpar->codec_type == AVMEDIA_TYPE_AUDIO;
    if (heard) sound.push_back(&other);
    if (!heard && &other != stream) other.discard = AVDISCARD_ALL;
  }
  sound_read.assign(sound.size(), 0);
  packet.reset(made(av_packet_alloc()));
  decoded.reset(made(av_frame_alloc()));
  const Orientation orientation = orientation_of(*stream);
  to_rgb.emplace(orientation);
  const bool sideways = orientation.quarter_turns % 2 == 1;
  facts.height = sideways ? coded.width : coded.height;
  facts.width = sideways ? coded.height : coded.width;
  facts.time_base = {stream->time_base.num, stream->time_base.den};
  facts.rate = {stream->avg_frame_rate.num, std::max(stream->avg_frame_rate.den, 1)};
  AVRational aspect = av_guess_sample_aspect_ratio(context, stream, nullptr);
  if (sideways && aspect.num > 0) std::swap(aspect.num, aspect.den);
  facts.pixel_aspect = {aspect.num, std::max(aspect.den, 1)};
  facts.live = options.live || camera || options.input.starts_with("rtsp://");
  facts.codec = avcodec_get_name(coded.codec_id);
  if (const std::int64_t all = facts.live && !options.live ? 0 : estimated_frames(*context, *stream);
      all > 0) {
    facts.frames = std::max<std::int64_t>(0, (all - options.first + options.stride - 1) / options.stride);
    if (options.count > 0) facts.frames = std::min(facts.frames, options.count);
  }
}

bool Source::Impl::wanted() const {
  return number >= options.first && (number - options.first) % options.stride == 0;
}

void Source::Impl::keep_sound(std::vector<PacketPtr>& to) {
  const auto found = std::ranges::find(sound, input->streams[packet->stream_index]);
  if (found == sound.end()) return;
  const auto i = static_cast<std::size_t>(found - sound.begin());
  if (sound_read[i]++ < (i < options.sound_done.size() ? options.sound_done[i] : 0)) return;
  to.emplace_back(made(av_packet_clone(packet.get())));
}

void Source::Impl::drop_sound_before(std::int64_t time, std::vector<PacketPtr>& heard) const {
  std::erase_if(heard, [&](const PacketPtr& p) {
    const AVStream& from = *input->streams[p->stream_index];
    return p->pts != AV_NOPTS_VALUE &&
           av_compare_ts(p->pts + p->duration, from.time_base, time, stream->time_base) <= 0;
  });
}

bool Source::Impl::feed(std::vector<PacketPtr>& heard) {
  if (options.interrupted->load()) return false;
  const int code = av_read_frame(input.get(), packet.get());
  if (code < 0) {
    if (code != AVERROR_EOF && code != AVERROR_EXIT) {
      ++damage.lost;
      log::debug("{}: reading stops: {}", name, reason(code));
    }
    avcodec_send_packet(codec.get(), nullptr);
    drained = true;
    return code != AVERROR_EXIT;
  }
  if (packet->stream_index == stream->index) {
    if (const int sent = avcodec_send_packet(codec.get(), packet.get());
        sent < 0 && sent != AVERROR(EAGAIN)) {
      ++damage.lost;
      log::debug("{}: a packet cannot be decoded: {}", name, reason(sent));
    }
  } else {
    keep_sound(heard);
  }
  av_packet_unref(packet.get());
  return true;
}

bool Source::Impl::next_decoded(std::vector<PacketPtr>& heard) {
  while (true) {
    const int code = avcodec_receive_frame(codec.get(), decoded.get());
    if (code == 0) return true;
    if (code == AVERROR_EOF) return false;
    if (code != AVERROR(EAGAIN)) ++damage.lost;
    if (drained) {
      if (code == AVERROR(EAGAIN)) return false;
      continue;
    }
    if (!feed(heard)) return false;
  }
}

std::int64_t Source::Impl::time_of_decoded() {
  std::int64_t duration = decoded->pkt_duration;
  if (duration <= 0 && facts.rate.num > 0)
    duration = av_rescale_q(1, {facts.rate.den, facts.rate.num}, stream->time_base);
  duration = std::max<std::int64_t>(duration, 1);
  std::int64_t time = decoded->best_effort_timestamp;
  if (time == AV_NOPTS_VALUE) time = latest ? *latest + duration : 0;
  if (latest && time <= *latest) time = *latest + 1;  // some files turn back; whoever writes needs order
  latest = time;
  latest_duration = duration;
  return time;
}

void Source::Impl::wait_until_due(std::int64_t time) {
  using namespace std::chrono;
  if (!options.live) return;
  const auto now = steady_clock::now();
  if (!first_time) first_time = time, first_shown = now;
  const auto due = first_shown + duration_cast<steady_clock::duration>(duration<double>(
                                     static_cast<double>(time - *first_time) * facts.time_base.value()));
  while (!options.interrupted->load() && steady_clock::now() < due)
    std::this_thread::sleep_for(
        std::min<steady_clock::duration>(due - steady_clock::now(), milliseconds(50)));
}

Source::Source(const SourceOptions& options) : impl_(std::make_unique<Impl>()) {
  impl_->options = options;
  impl_->open();
}
Source::~Source() = default;

const SourceFacts& Source::facts() const {
  return impl_->facts;
}
Damage Source::damage() const {
  return impl_->damage;
}

bool Source::read(Frame& frame) {
  Impl& s = *impl_;
  frame.sound.clear();
  if (s.options.count > 0 && s.given == s.options.count) return false;
  while (s.next_decoded(frame.sound)) {
    const std::int64_t time = s.time_of_decoded();
    const bool wanted = s.wanted();
    if (s.given == 0 && s.options.first > 0 && !s.options.goes_on) s.drop_sound_before(time, frame.sound);
    frame.number = s.number++;
    if (!wanted) {
      av_frame_unref(s.decoded.get());
      continue;
    }
    if (s.decoded->decode_error_flags != 0 || (s.decoded->flags & AV_FRAME_FLAG_CORRUPT) != 0)
      ++s.damage.concealed;
    s.wait_until_due(time);
    frame.time = time;
    frame.sound_read = s.sound_read;
    frame.duration = s.latest_duration;
    frame.taken = std::chrono::steady_clock::now();
    if (frame.image.height != s.facts.height || frame.image.width != s.facts.width)
      frame.image = Image(s.facts.height, s.facts.width);
    s.to_rgb->convert(*s.decoded, frame.image);
    av_frame_unref(s.decoded.get());
    ++s.given;
    return true;
  }
  s.tail = std::move(frame.sound);
  frame.sound.clear();
  require(s.given > 0 || s.options.interrupted->load() || s.number > 0,
          "{}: none of its frames can be decoded", s.name);
  require(s.given > 0 || s.options.interrupted->load(), "{}: it has {} frames, none from number {} on",
          s.name, s.number, s.options.first);
  return false;
}

std::vector<PacketPtr> Source::rest_of_sound() {
  Impl& s = *impl_;
  std::vector<PacketPtr> rest = std::move(s.tail);
  if (s.sound.empty() || !s.latest) return rest;
  // Sound lies beside the frames that it is heard with, more or less: after the last frame some of it may
  // follow.
  const std::int64_t end = *s.latest + s.latest_duration;
  std::set<int> running;
  for (const AVStream* stream : s.sound) running.insert(stream->index);
  while (!running.empty() && !s.drained && !s.options.interrupted->load()) {
    if (av_read_frame(s.input.get(), s.packet.get()) < 0) break;
    if (running.contains(s.packet->stream_index)) {
      const AVStream& heard = *s.input->streams[s.packet->stream_index];
      const bool late = s.packet->pts != AV_NOPTS_VALUE &&
                        av_compare_ts(s.packet->pts, heard.time_base, end, s.stream->time_base) >= 0;
      if (late)
        running.erase(s.packet->stream_index);
      else
        s.keep_sound(rest);
    }
    av_packet_unref(s.packet.get());
  }
  return rest;
}

}  // namespace san::video
