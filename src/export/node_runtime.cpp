#include "export/node_runtime.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/atomic_file.h"
#include "base/error.h"
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

/// Runs node with its errors in `errors`; −1: there is no node.
int run_node(const fs::path& script, const std::string& argument, const fs::path& errors) {
  std::string words[] = {"node", script.string(), argument};
  char* argv[] = {words[0].data(), words[1].data(), words[2].data(), nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, errors.c_str(), O_WRONLY | O_CREAT | O_TRUNC,
                                   0600);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  pid_t child = 0;
  const int failed = ::posix_spawnp(&child, "node", &actions, nullptr, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed == ENOENT) return -1;
  require(failed == 0, "node: cannot run: {}", std::strerror(failed));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
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

TemporaryFolder::TemporaryFolder() {
  std::string name = (fs::temp_directory_path() / "san-onnx-XXXXXX").string();
  require(::mkdtemp(name.data()) != nullptr, "{}: cannot make a temporary folder: {}", name,
          std::strerror(errno));
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code error;
  fs::remove_all(path_, error);
}

std::string missing_onnx_runtime() {
  const TemporaryFolder folder;
  const fs::path script = folder.path() / "run_graphs.js";
  write_file_atomically(script, embedded::run_graphs());
  // Without a request it fails, but otherwise than without the package.
  const int code = run_node(script, (folder.path() / "none").string(), folder.path() / "errors");
  if (code == -1) return "node is not on the path; install Node.js 18 or later";
  if (code == kNoRuntime) return fmt::format("node finds no package onnxruntime-node; {}", kHowTo);
  return {};
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
  const fs::path request = folder.path() / "request.json", errors = folder.path() / "errors",
                 script = folder.path() / "run_graphs.js";
  write_file_atomically(script, embedded::run_graphs());
  write_file_atomically(
      request, json{{"model", fs::absolute(model).string()}, {"threads", threads}, {"runs", runs}}.dump());
  const int code = run_node(script, request.string(), errors);
  if (code == -1 || code == kNoRuntime) fail("ONNX Runtime: {}", missing_onnx_runtime());
  require(code == 0, "{}: ONNX Runtime: {}", model.string(), printable(read_text_file(errors), 500));
  std::vector<GraphTensors> outputs;
  for (std::size_t r = 0; r < inputs.size(); ++r)
    outputs.push_back(read_outputs(folder.path() / std::to_string(r)));
  return outputs;
}

}  // namespace san
