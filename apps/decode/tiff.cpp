#include <unistd.h>

#include "base/error.h"
#include "image/helper/serve.h"
#include "image/tiff/tiff_rows.h"

/// The helper that reads TIFFs by rows: its input is the file itself. As apps/decode/main.cpp otherwise.
namespace san {
namespace {

void work(const sandbox::Request& request, std::span<const std::byte> input, const std::string&,
          const PixelSink& sink) {
  if (request.task == sandbox::Task::kTiffFacts) return tiff::read_facts(input, sink);
  require(request.task == sandbox::Task::kTiffRows, "this helper reads TIFFs by rows alone");
  tiff::read_rows(input, request.row, request.height, sink);
}

}  // namespace
}  // namespace san

int main() {
  ::_exit(san::sandbox::serve(san::tiff::warm_up, san::work));
}
