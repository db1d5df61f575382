// sem_seg_predictions.json and, where it begins with a capital E, evaluation.json. Input: the file.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/error.h"
#include "eval/evaluation.h"
#include "eval/predictions.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const bool evaluation = size > 0 && data[0] == 'E';
  if (evaluation) ++data, --size;
  // The readers take paths: a file in memory has one.
  static const int file = ::memfd_create("fuzz", MFD_CLOEXEC);
  static const std::string path = "/proc/self/fd/" + std::to_string(file);
  if (::ftruncate(file, 0) != 0 || ::pwrite(file, data, size, 0) != static_cast<ssize_t>(size)) return 0;
  try {
    if (evaluation) {
      (void)san::merge_evaluations({san::load_evaluation(path)});
      return 0;
    }
    san::DatasetSpec spec;
    spec.name = "fuzz";
    spec.classes = {"a", "b"};
    spec.category_ids = {0, 7};
    const auto predictions = san::open_predictions(path, spec);
    (void)predictions->find({"p", "p.png", "p.png"});
  } catch (const san::Error&) {
  }
  return 0;
}
