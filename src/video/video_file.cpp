#include "video/video_file.h"

#include <unistd.h>

#include <algorithm>
#include <map>

#include "base/error.h"
#include "base/utf8.h"
#include "video/converter.h"
#include "video/packet_file.h"
#include "video/source_impl.h"

namespace san::video {
namespace {

namespace fs = std::filesystem;

constexpr int kEncoderThreads = 2;  // the network has the others

struct CloseOutput {
  void operator()(AVFormatContext* context) const {
    if (context->pb != nullptr) avio_closep(&context->pb);
    avformat_free_context(context);
  }
};

struct Encoder {
  const char* name;
  const char* what;
  AVPixelFormat format;
  int quality;
};

Encoder encoder_of(const VideoFileOptions& o) {
  switch (o.coding) {
    case Coding::kVp9:
      return {"libvpx-vp9", "VP9", AV_PIX_FMT_YUV420P, 32};
    case Coding::kFfv1:
      return {"ffv1", "FFV1", o.wide ? AV_PIX_FMT_GRAY16LE : AV_PIX_FMT_GRAY8, 0};
    case Coding::kH264:
      break;
  }
  return {"libx264", "H.264", AV_PIX_FMT_YUV420P, 20};
}

/// H.264 of 4:2:0 has even sides.
int coded_side(int side, Coding coding) {
  return coding == Coding::kH264 ? side + side % 2 : side;
}

std::string hidden_name(const fs::path& path) {
  return (path.parent_path() / fmt::format(".{}.part-{}", path.filename().string(), ::getpid())).string();
}

bool can_hold(const AVOutputFormat& format, const AVStream& sound) {
  return avformat_query_codec(&format, sound.codecpar->codec_id, FF_COMPLIANCE_NORMAL) == 1;
}

}  // namespace

struct VideoFile::Impl {
  fs::path path;
  std::string hidden;
  VideoFileOptions options;
  std::unique_ptr<AVFormatContext, CloseOutput> output;
  CodecPtr codec;
  AVStream* stream = nullptr;
  std::map<int, std::pair<AVStream*, AVRational>> sound;  ///< by the source's index: ours, and its time base
  std::map<int, std::int64_t> latest_dts;
  std::optional<std::int64_t> latest_video_dts;
  std::optional<PacketWriter> parts;  ///< instead of the output
  PacketPtr packet{made(av_packet_alloc())};
  std::optional<FromRgb> from_rgb;
  FramePtr grey;
  std::int64_t frames = 0, last_duration = 0;
  bool finished = false, started = false;

  std::string name() const { return printable(path.string()); }
  void check(int code, const char* what) const {
    if (code < 0) fail("{}: {}: {}", name(), what, reason(code));  // text is made on failure alone
  }
  void write_video(AVPacket& coded);
  /// What a decoder needs before the first packet.
  std::span<const std::uint8_t> head() const {
    return {stream->codecpar->extradata, static_cast<std::size_t>(stream->codecpar->extradata_size)};
  }
  void write_sound(const AVPacket& given, const AVStream& to, AVRational base);
  void open_encoder(const Source::Impl& source);
  void open_output(const Source::Impl& source);
  void encode(AVFrame* frame);
};

void VideoFile::Impl::open_encoder(const Source::Impl& source) {
  const Encoder e = encoder_of(options);
  const AVCodec* encoder = avcodec_find_encoder_by_name(e.name);
  require(encoder != nullptr, "{}: this libav cannot write {} ({} is missing)", name(), e.what, e.name);
  codec.reset(made(avcodec_alloc_context3(encoder)));
  codec->height = coded_side(options.height, options.coding);
  codec->width = coded_side(options.width, options.coding);
  codec->pix_fmt = e.format;
  codec->time_base = source.stream->time_base;
  codec->thread_count = kEncoderThreads;
  if (source.facts.rate.num > 0) codec->framerate = {source.facts.rate.num, source.facts.rate.den};
  codec->sample_aspect_ratio = {source.facts.pixel_aspect.num, source.facts.pixel_aspect.den};
  Options o;
  const int quality = options.quality > 0 ? options.quality : e.quality;
  switch (options.coding) {
    case Coding::kH264:
      o.set("preset", "veryfast");
      o.set("crf", std::to_string(quality));
      break;
    case Coding::kVp9:
      o.set("crf", std::to_string(quality));
      o.set("b", "0");
      o.set("deadline", "realtime");
      o.set("cpu-used", "6");
      o.set("row-mt", "1");
      break;
    case Coding::kFfv1:
      o.set("level", "3");
      o.set("slicecrc", "1");
      break;
  }
  if (options.coding != Coding::kFfv1) {
    codec->colorspace = color_space_for(codec->height);
    codec->color_range = AVCOL_RANGE_MPEG;
    from_rgb.emplace(options.height, options.width, e.format, codec->height, codec->width);
  } else {
    grey.reset(made(av_frame_alloc()));
    grey->height = options.height, grey->width = options.width, grey->format = e.format;
    check(av_frame_get_buffer(grey.get(), 0), "no memory for a frame");
  }
  if ((output->oformat->flags & AVFMT_GLOBALHEADER) != 0) codec->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
  check(avcodec_open2(codec.get(), encoder, o.slot()), e.what);
}

void VideoFile::Impl::open_output(const Source::Impl& source) {
  AVFormatContext* context = nullptr;
  const int code =
      avformat_alloc_output_context2(&context, nullptr, options.container.c_str(), hidden.c_str());
  require(code >= 0 && context != nullptr, "{}: this libav cannot write {}", name(), options.container);
  output.reset(context);
  open_encoder(source);
  stream = made(avformat_new_stream(context, nullptr));
  check(avcodec_parameters_from_context(stream->codecpar, codec.get()), "stream");
  stream->time_base = codec->time_base;
  stream->avg_frame_rate = codec->framerate;
  stream->sample_aspect_ratio = codec->sample_aspect_ratio;
  if (options.sound)
    for (const AVStream* from : source.sound) {
      require(can_hold(*context->oformat, *from),
              "{}: its sound ({}) cannot be put into {} as it is; write another --format, or --no-sound",
              name(), avcodec_get_name(from->codecpar->codec_id), options.container);
      AVStream* to = made(avformat_new_stream(context, nullptr));
      check(avcodec_parameters_copy(to->codecpar, from->codecpar), "sound");
      to->codecpar->codec_tag = 0;
      to->time_base = from->time_base;
      av_dict_copy(&to->metadata, from->metadata, 0);
      sound[from->index] = {to, from->time_base};
    }
  if (options.part) {
    parts.emplace(path, head());
    return;
  }
  check(avio_open(&context->pb, hidden.c_str(), AVIO_FLAG_WRITE), "cannot be created");
  started = true;
  Options o;
  if (options.container == "mp4")
    o.set("movflags", options.growing ? "frag_keyframe+empty_moov" : "faststart");
  check(avformat_write_header(context, o.slot()), "cannot be written");
}

void VideoFile::Impl::encode(AVFrame* frame) {
  check(avcodec_send_frame(codec.get(), frame), "encoding");
  while (true) {
    const int code = avcodec_receive_packet(codec.get(), packet.get());
    if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) return;
    check(code, "encoding");
    if (packet->duration == 0) packet->duration = last_duration;
    if (parts)
      parts->write(*packet, stream->index);
    else
      write_video(*packet);
  }
}

/// Times in the encoder's ticks.
void VideoFile::Impl::write_video(AVPacket& coded) {
  av_packet_rescale_ts(&coded, codec->time_base, stream->time_base);
  coded.stream_index = stream->index;
  // Where parts meet, the second may begin to be decoded before the first has ended.
  if (latest_video_dts && coded.dts <= *latest_video_dts) coded.dts = *latest_video_dts + 1;
  latest_video_dts = coded.dts;
  check(av_interleaved_write_frame(output.get(), &coded), "writing");
}

VideoFile::VideoFile(const fs::path& path, const Source& source, const VideoFileOptions& options)
    : impl_(std::make_unique<Impl>()) {
  Impl& f = *impl_;
  f.path = path;
  f.hidden = hidden_name(path);
  f.options = options;
  require(options.height > 0 && options.width > 0, "{}: frames of {} × {} pixels", f.name(), options.width,
          options.height);
  f.open_output(*source.impl_);
}

VideoFile::~VideoFile() {
  if (impl_ == nullptr || impl_->finished || !impl_->started) return;
  impl_->output.reset();
  std::error_code ignored;
  fs::remove(impl_->hidden, ignored);
}

void VideoFile::write(const Image& image, const Frame& frame) {
  Impl& f = *impl_;
  if (!f.from_rgb) fail("{}: a picture among labels", f.name());
  AVFrame* coded = f.from_rgb->convert(image);
  coded->pts = frame.time;
  coded->pict_type = AV_PICTURE_TYPE_NONE;
  f.last_duration = frame.duration;
  f.encode(coded);
  ++f.frames;
}

void VideoFile::write(const LabelMap& labels, const Frame& frame) {
  Impl& f = *impl_;
  if (f.grey == nullptr || labels.height != f.options.height || labels.width != f.options.width)
    fail("{}: labels of {} × {} pixels among others", f.name(), labels.width, labels.height);
  f.check(av_frame_make_writable(f.grey.get()), "no memory for a frame");
  for (int y = 0; y < labels.height; ++y) {
    std::uint8_t* out = f.grey->data[0] + static_cast<std::ptrdiff_t>(y) * f.grey->linesize[0];
    const Label* in = labels.row(y);
    for (int x = 0; x < labels.width; ++x) {
      if (f.options.wide) {
        out[2 * x] = static_cast<std::uint8_t>(in[x]);
        out[2 * x + 1] = static_cast<std::uint8_t>(in[x] >> 8);
      } else {
        out[x] = static_cast<std::uint8_t>(in[x]);
      }
    }
  }
  f.grey->pts = frame.time;
  f.last_duration = frame.duration;
  f.encode(f.grey.get());
  ++f.frames;
}

void VideoFile::Impl::write_sound(const AVPacket& given, const AVStream& to, AVRational base) {
  if (parts) return parts->write(given, to.index);
  const PacketPtr copy(made(av_packet_clone(&given)));
  av_packet_rescale_ts(copy.get(), base, to.time_base);
  copy->stream_index = to.index;
  copy->pos = -1;
  // A damaged file may turn back; the container wants each stream in order.
  if (copy->dts != AV_NOPTS_VALUE) {
    const auto [latest, first] = latest_dts.try_emplace(to.index, copy->dts);
    if (!first && copy->dts <= latest->second) return;
    latest->second = copy->dts;
  }
  check(av_interleaved_write_frame(output.get(), copy.get()), "writing sound");
}

void VideoFile::write_sound(const std::vector<PacketPtr>& packets) {
  Impl& f = *impl_;
  for (const PacketPtr& given : packets) {
    const auto found = f.sound.find(given->stream_index);
    if (found != f.sound.end()) f.write_sound(*given, *found->second.first, found->second.second);
  }
}

void VideoFile::append(const fs::path& part) {
  Impl& f = *impl_;
  PacketReader reader(part);
  require(std::ranges::equal(reader.head(), f.head()),
          "{}: coded otherwise than this program does it now; begin anew", printable(part.string()));
  while (reader.read(*f.packet)) {
    const int index = f.packet->stream_index;
    if (index == 0) {
      f.write_video(*f.packet);
      ++f.frames;
      continue;
    }
    const auto found =
        std::ranges::find_if(f.sound, [&](const auto& s) { return s.second.first->index == index; });
    require(found != f.sound.end(), "{}: packets of a stream that is not there; begin anew",
            printable(part.string()));
    f.write_sound(*f.packet, *found->second.first, found->second.second);
  }
}

void VideoFile::finish() {
  Impl& f = *impl_;
  if (f.finished || f.frames == 0) return;
  f.encode(nullptr);
  if (f.parts) {
    f.parts->finish();
    f.finished = true;
    return;
  }
  f.check(av_write_trailer(f.output.get()), "ending the file");
  f.check(avio_closep(&f.output->pb), "ending the file");
  std::error_code error;
  fs::rename(f.hidden, f.path, error);
  require(!error, "{}: cannot get its name: {}", f.name(), error.message());
  f.finished = true;
}

std::int64_t VideoFile::frames() const {
  return impl_->frames;
}

bool takes_sound(const Source& source, const std::string& container) {
  const AVOutputFormat* format = av_guess_format(container.c_str(), nullptr, nullptr);
  return format != nullptr &&
         std::ranges::all_of(source.impl_->sound, [&](const AVStream* s) { return can_hold(*format, *s); });
}

std::string sound_of(const Source& source) {
  std::string names;
  for (const AVStream* s : source.impl_->sound)
    names += (names.empty() ? "" : ", ") + std::string(avcodec_get_name(s->codecpar->codec_id));
  return names;
}

}  // namespace san::video
