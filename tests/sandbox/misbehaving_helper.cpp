#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "image/helper/serve.h"

/// A helper whose "pictures" are orders: what a decoder does that a hostile file has taken over. Tests alone
/// build it.
namespace san {
namespace {

void spin() {
  for (volatile bool forever = true; forever;) {
  }
}

void work(const sandbox::Request&, std::span<const std::byte> input, const std::string& name,
          const PixelSink& sink) {
  const std::string order(reinterpret_cast<const char*>(input.data()), input.size());
  const auto is = [&](const char* text) { return order == text; };
  if (is("crash")) *const_cast<volatile std::byte*>(input.data()) = std::byte{};  // mapped to be read
  if (is("abort")) std::abort();
  if (is("trap")) __builtin_trap();
  if (is("spin")) spin();
  if (is("exit")) ::_exit(7);
  if (is("open")) ::open("/etc/passwd", O_RDONLY);
  if (is("create")) ::open("/tmp/san-sandbox-was-here", O_RDWR | O_CREAT, 0600);
  if (is("socket")) (void)!::socket(AF_INET, SOCK_STREAM, 0);
  if (is("fork")) ::fork();
  if (is("execute")) ::execl("/bin/true", "true", nullptr);
  if (is("kill the program")) ::kill(::getppid(), SIGTERM);
  if (is("kill") || is("kill the program")) spin();
  if (is("handler")) ::signal(SIGXCPU, SIG_IGN);
  if (is("code"))
    (void)::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (is("grow the output")) (void)!::ftruncate(sandbox::kOutputFd, 1 << 30);
  if (is("write the input")) (void)!::pwrite(sandbox::kInputFd, "x", 1, 0);
  if (is("allocate")) {
    std::vector<std::vector<char>> hoard;
    for (;;) hoard.emplace_back(std::size_t{16} << 20, 'x');
  }
  if (is("huge")) sink.allocate(1 << 20, 1 << 20);
  if (is("negative")) sink.allocate(-1, -1);
  if (is("two sizes")) sink.allocate(1, 1), sink.allocate(4096, 4096);
  if (is("crash late")) sink.allocate(1, 1), std::abort();
  if (is("escape")) fail("{}: \x1b[31mred\n", name);
  if (is("environment")) fail("{}: {}", name, std::getenv("SAN_TEST_SECRET") ? "read" : "empty");
  if (is("descriptors")) {  // anything open besides the protocol's?
    int open = 0;
    for (int fd = 5; fd < 64; ++fd) open += ::mmap(nullptr, 1, PROT_READ, MAP_SHARED, fd, 0) != MAP_FAILED;
    fail("{}: {} more", name, open);
  }
  if (is("claims more")) sink.allocate(1, 1), sink.written(4);
  if (is("claims again")) sink.allocate(1, 1), sink.written(2), sink.written(2);
  std::byte* const pixel = sink.allocate(1, 1);
  if (is("in parts")) {
    pixel[0] = std::byte{1};
    sink.written(1);
    pixel[1] = std::byte{2};
    sink.written(2);
    pixel[2] = std::byte{3};
    return;
  }
  for (int c = 0; c < 3; ++c) pixel[c] = static_cast<std::byte>(c + 1);
}

}  // namespace
}  // namespace san

int main() {
  ::_exit(san::sandbox::serve([] {}, san::work));
}
