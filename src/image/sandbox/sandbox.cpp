#include "image/sandbox/sandbox.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/error.h"
#include "base/log.h"
#include "base/private_file.h"

namespace san::sandbox {
namespace {

using Clock = std::chrono::steady_clock;

/// RGB, libjpeg's coefficients of a progressive CMYK picture, a decoder's own copy; libraries' tables.
constexpr std::uint64_t kBytesPerPixel = 16, kFixedBytes = std::uint64_t{256} << 20;

struct WallName {
  Wall wall;
  const char* name;
};
constexpr WallName kWallNames[] = {{kResourceLimits, "resource limits"},
                                   {kAddressSpaceLimit, "memory limit"},
                                   {kNoNewPrivileges, "no new privileges"},
                                   {kSystemCallFilter, "system call filter (seccomp)"},
                                   {kLandlock, "no files (landlock)"}};

std::string wall_names(std::uint32_t walls) {
  std::string there, missing;
  for (const auto& [wall, name] : kWallNames) {
    std::string& list = (walls & wall) ? there : missing;
    list += fmt::format("{}{}", list.empty() ? "" : ", ", name);
  }
  return missing.empty() ? there : fmt::format("{}; not on this system: {}", there, missing);
}

}  // namespace

std::string text_of(const Reply& reply) {
  std::string text(reply.text.data(), std::min<std::size_t>(reply.text_bytes, kTextBytes));
  std::ranges::replace_if(
      text, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return text;
}

Sandbox::Sandbox(std::filesystem::path program) : program_(std::move(program)) {}

std::unique_ptr<HelperProcess> Sandbox::acquire() {
  {
    const std::lock_guard lock(mutex_);
    if (owner_ != ::getpid()) idle_.clear(), owner_ = ::getpid();  // after a fork they are the parent's
    if (!idle_.empty()) {
      auto helper = std::move(idle_.back());
      idle_.pop_back();
      return helper;
    }
  }
  if (!program_.has_parent_path()) {
    const std::filesystem::path found = find_private_file(program_.string());
    return std::make_unique<HelperProcess>(found);
  }
  return std::make_unique<HelperProcess>(program_);
}

void Sandbox::give_back(std::unique_ptr<HelperProcess> helper) {
  const std::lock_guard lock(mutex_);
  if (idle_.size() < std::max(1u, std::thread::hardware_concurrency())) idle_.push_back(std::move(helper));
}

std::string Sandbox::describe() {
  auto helper = acquire();
  const std::string text = wall_names(helper->walls());
  give_back(std::move(helper));
  return text;
}

void Sandbox::run(Task task, std::span<const std::byte> input, const std::string& name, const Limits& limits,
                  const PixelSink& sink) {
  auto helper = acquire();
  const std::uint64_t memory =
      limits.memory_bytes
          ? limits.memory_bytes
          : kFixedBytes + input.size() + kBytesPerPixel * static_cast<std::uint64_t>(limits.max_pixels);
  const Request request{task, 0, 0, input.size(), name.size(), limits.max_pixels};
  const auto ask = [&] {
    helper->fill_input(input, name);
    helper->limit(limits.cpu_seconds, memory);
    return helper->send(&request, sizeof request);
  };
  // Idle helpers may have been killed from outside meanwhile; that is not the picture's fault.
  while (!ask()) {
    const std::string why = helper->ending();
    require(!helper->is_new(), "{}: the decoding helper {}", name, why);
    helper.reset();
    helper = acquire();
  }
  const auto deadline = Clock::now() + std::chrono::duration<double>(limits.seconds);
  const auto next = [&] {
    Reply reply;
    const std::chrono::duration<double> left = deadline - Clock::now();
    if (!helper->receive(reply, std::max(0.0, left.count())))
      fail(
          "{}: the decoder {}; this file is damaged or made to do harm: leave it out, or save it anew from a "
          "program that can open it",
          name, helper->ending());
    if (reply.kind == ReplyKind::kFailed) {
      give_back(std::move(helper));
      throw Error(text_of(reply));
    }
    return reply;
  };
  Reply reply = next();
  const std::int64_t pixels = std::int64_t{reply.height} * reply.width;
  require(
      reply.kind == ReplyKind::kSize && reply.height > 0 && reply.width > 0 && pixels <= limits.max_pixels,
      "{}: the decoder gave a size of {}x{} pixels, but at most {} are decoded", name, reply.width,
      reply.height, limits.max_pixels);
  const std::size_t bytes = static_cast<std::size_t>(pixels) * pixel_bytes(task);
  helper->size_output(bytes);
  const Go go{1};
  helper->send(&go, sizeof go);  // a helper that ended shows in the reply
  std::byte* const to = sink.allocate(reply.height, reply.width);
  // Samples are fetched while later ones are decoded.
  std::size_t have = 0;
  for (reply = next(); reply.kind == ReplyKind::kWritten; reply = next()) {
    require(reply.written > have && reply.written <= bytes, "{}: the decoder claims {} of {} bytes", name,
            reply.written, bytes);
    helper->read_output({to + have, reply.written - have}, have);
    have = reply.written;
  }
  require(reply.kind == ReplyKind::kDone, "{}: the decoder broke off; its helper was stopped", name);
  helper->read_output({to + have, bytes - have}, have);
  if (reply.text_bytes > 0 && sink.note) sink.note(text_of(reply));
  give_back(std::move(helper));
}

}  // namespace san::sandbox
