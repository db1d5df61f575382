#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

/// What a program and its decoding helper say to each other over a SOCK_SEQPACKET socket. Both come from one
/// build, which the greeting checks, so structs go over as they lie in memory.
///
///   helper → Reply{kReady}                              once, locked down and warm
///   program → Request                                   the encoded bytes, then the name, lie in kInputFd
///   helper → Reply{kSize}; program → Go                 kOutputFd now has room for the pixels
///   helper → Reply{kWritten} any number of times        the first so many bytes are final
///   helper → Reply{kDone} or Reply{kFailed}             at kFailed no kSize need have come before
namespace san::sandbox {

inline constexpr std::uint32_t kProtocol = 4;
/// The helper's file descriptors: nothing else is open in it but the null device as 1 and 2.
inline constexpr int kSocketFd = 0, kInputFd = 3, kOutputFd = 4;
inline constexpr std::size_t kTextBytes = 2048;

enum class Task : std::uint32_t {
  kRgb,        ///< encoded picture → 3 bytes a pixel
  kLabels,     ///< encoded label file → 2 bytes a pixel
  kTiffFacts,  ///< a TIFF → TiffFacts and the tags that say where on Earth it lies, as one row of bytes
  kTiffRows,   ///< a TIFF → 3 bytes a pixel of `height` rows from `row` on
};

/// Of these two the input is the file itself, however large, mapped for the time of one request.
constexpr bool reads_a_file(Task task) {
  return task == Task::kTiffFacts || task == Task::kTiffRows;
}

/// Bytes of a pixel of what the task gives.
constexpr std::size_t pixel_bytes(Task task) {
  return task == Task::kRgb || task == Task::kTiffRows ? 3 : task == Task::kLabels ? 2 : 1;
}

struct Request {
  Task task = Task::kRgb;
  std::int32_t height = 0, row = 0;  ///< of kTiffRows
  std::uint64_t bytes = 0, name_bytes = 0;
  std::int64_t max_pixels = 0;
};

/// After it come `tags` times a TiffTag and its values.
struct TiffFacts {
  std::int32_t height = 0, width = 0;
  std::int32_t block_height = 0;  ///< rows that are decoded together: of a strip or a tile
  std::int32_t tags = 0;
};
struct TiffTag {
  std::uint16_t tag = 0, type = 0;
  std::uint32_t count = 0, bytes = 0;
};

struct Go {
  std::uint32_t accepted = 0;
};

enum class ReplyKind : std::uint32_t { kReady, kSize, kWritten, kDone, kFailed };

/// Which walls stand around the helper.
enum Wall : std::uint32_t {
  kResourceLimits = 1,
  kNoNewPrivileges = 2,
  kSystemCallFilter = 4,
  kLandlock = 8,
  kAddressSpaceLimit = 16,
};

struct Reply {
  ReplyKind kind = ReplyKind::kFailed;
  std::uint32_t protocol = kProtocol;
  std::int32_t height = 0, width = 0;  ///< kSize
  std::uint32_t walls = 0;             ///< kReady
  std::uint64_t address_space = 0;     ///< kReady: bytes in use before any picture
  std::uint64_t written = 0;           ///< kWritten: bytes
  std::uint32_t text_bytes = 0;        ///< kReady: the version; kFailed: the error; kDone: a warning or none
  std::array<char, kTextBytes> text{};
};

}  // namespace san::sandbox
