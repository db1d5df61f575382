#include "export/node_runtime.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/temporary_folder.h"
#include "base/utf8.h"
#include "embedded/run_graphs.h"

extern char** environ;

namespace san {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int kNoRuntime = 3;  // of run_graphs.js
constexpr const char* kHowTo =
    "install it with `npm install --prefix DIR onnxruntime-node` and set SAN_ONNXRUNTIME_DIR=DIR";

/// node with run_graphs.js, for as long as this program runs: starting both takes longer than most graphs.
class Node {
 public:
  Node() {
    write_file_atomically(script(), embedded::run_graphs());
    int ends[2];
    require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0, "node: no socket: {}",
            std::strerror(errno));
    socket_ = ends[0];
    std::string words[] = {"node", script().string()};
    char* argv[] = {words[0].data(), words[1].data(), nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, errors().c_str(), O_WRONLY | O_CREAT, 0600);
    const int failed = ::posix_spawnp(&child_, "node", &actions, nullptr, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    if (failed == ENOENT) {
      missing_ = "node is not on the path; install Node.js 18 or later";
    } else if (failed != 0) {
      missing_ = fmt::format("node cannot be run: {}", std::strerror(failed));
    } else if (read_line() != "ready") {
      const int code = end();
      missing_ = code == kNoRuntime ? fmt::format("node finds no package onnxruntime-node; {}", kHowTo)
                                    : fmt::format("node ended with {}: {}", code, said());
    }
  }
  ~Node() { end(); }
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  const std::string& missing() const { return missing_; }

  /// Throws Error beginning with `where` when the graph cannot be run.
  void run(const fs::path& request, const std::string& where) {
    const std::string line = request.string() + "\n";
    const bool sent =
        ::send(socket_, line.data(), line.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(line.size());
    const std::string answer = sent ? read_line() : "";
    if (answer == "done") return;
    if (answer.starts_with("error ")) fail("{}: ONNX Runtime: {}", where, printable(answer.substr(6), 500));
    missing_ = fmt::format("node ended with {}: {}", end(), said());
    fail("{}: ONNX Runtime: {}", where, missing_);
  }

 private:
  fs::path script() const { return folder_.path() / "run_graphs.js"; }
  fs::path errors() const { return folder_.path() / "errors"; }
  std::string said() const { return printable(read_text_file(errors()), 500); }

  /// Without its end; what there is when node ends.
  std::string read_line() {
    std::string line;
    for (char c = 0;;) {
      const ssize_t got = ::recv(socket_, &c, 1, 0);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0 || c == '\n') return line;
      line += c;
    }
  }
  int end() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
    if (child_ <= 0) return -1;
    int status = 0;
    while (::waitpid(child_, &status, 0) < 0 && errno == EINTR) {
    }
    child_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  const TemporaryFolder folder_;
  std::string missing_;
  int socket_ = -1;
  pid_t child_ = 0;
};

/// Started again where it ended.
Node& node() {
  static std::optional<Node> process;
  if (!process || !process->missing().empty()) process.emplace();
  return *process;
}

template <class T>
void write_values(const fs::path& path, const std::vector<T>& values) {
  write_file_atomically(path, {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)});
}

template <class T>
std::vector<T> read_values(const fs::path& path, std::int64_t count) {
  std::vector<T> values(static_cast<std::size_t>(count));
  std::ifstream in(path, std::ios::binary);
  in.read(reinterpret_cast<char*>(values.data()), count * static_cast<std::int64_t>(sizeof(T)));
  require(in.gcount() == count * static_cast<std::int64_t>(sizeof(T)), "{}: expected {} values",
          path.string(), count);
  return values;
}

constexpr const char* kTypes[] = {"float32", "int64", "uint8", "int32"};  // in the order of the variant

GraphTensors read_outputs(const fs::path& folder) {
  GraphTensors outputs;
  const json list = json::parse(read_text_file(folder / "outputs.json"));
  for (std::size_t i = 0; i < list.size(); ++i) {
    const auto extents = list[i].at("dims").get<std::vector<std::int64_t>>();
    const std::string type = list[i].at("type");
    GraphTensor tensor{Shape(extents), {}};
    const fs::path file = folder / std::to_string(i);
    const std::int64_t count = tensor.shape.elements();
    if (type == kTypes[0])
      tensor.data = read_values<float>(file, count);
    else if (type == kTypes[1])
      tensor.data = read_values<std::int64_t>(file, count);
    else if (type == kTypes[2])
      tensor.data = read_values<std::uint8_t>(file, count);
    else
      tensor.data = read_values<std::int32_t>(file, count);
    outputs.emplace(list[i].at("name"), std::move(tensor));
  }
  return outputs;
}

}  // namespace

std::string missing_onnx_runtime() {
  return node().missing();
}

std::vector<GraphTensors> run_in_onnx_runtime(const fs::path& model, const std::vector<GraphTensors>& inputs,
                                              int threads) {
  const TemporaryFolder folder;
  json runs = json::array();
  for (std::size_t r = 0; r < inputs.size(); ++r) {
    const fs::path at = folder.path() / std::to_string(r);
    fs::create_directory(at);
    json described = json::array();
    for (const auto& [name, tensor] : inputs[r]) {
      const fs::path file = at / ("input" + std::to_string(described.size()));
      std::visit([&](const auto& values) { write_values(file, values); }, tensor.data);
      described.push_back({{"name", name},
                           {"type", kTypes[tensor.data.index()]},
                           {"dims", std::vector<std::int64_t>(tensor.shape.begin(), tensor.shape.end())},
                           {"file", file.string()}});
    }
    runs.push_back({{"inputs", std::move(described)}, {"outputs", at.string()}});
  }
  const fs::path request = folder.path() / "request.json";
  write_file_atomically(
      request, json{{"model", fs::absolute(model).string()}, {"threads", threads}, {"runs", runs}}.dump());
  if (const std::string missing = missing_onnx_runtime(); !missing.empty()) fail("ONNX Runtime: {}", missing);
  node().run(request, model.string());
  std::vector<GraphTensors> outputs;
  for (std::size_t r = 0; r < inputs.size(); ++r)
    outputs.push_back(read_outputs(folder.path() / std::to_string(r)));
  return outputs;
}

}  // namespace san
