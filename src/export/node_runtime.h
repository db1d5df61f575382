#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "tensor/shape.h"

namespace san {

/// A tensor on its way into a graph or out of one.
struct GraphTensor {
  Shape shape;
  std::variant<std::vector<float>, std::vector<std::int64_t>, std::vector<std::uint8_t>,
               std::vector<std::int32_t>>
      data;
};
using GraphTensors = std::map<std::string, GraphTensor>;

/// Whether `node` and its package onnxruntime-node are there: in the folder that $SAN_ONNXRUNTIME_DIR names
/// (the one above node_modules), in the working folder, installed with --global, or on $NODE_PATH. Empty:
/// yes; else what is missing and how to get it.
std::string missing_onnx_runtime();

/// Runs a graph in ONNX Runtime on the processor, once for each set of inputs. One node serves all calls,
/// which may not come from several threads at once. Throws Error with what is missing, or with the runtime's
/// own message.
std::vector<GraphTensors> run_in_onnx_runtime(const std::filesystem::path& model,
                                              const std::vector<GraphTensors>& inputs, int threads);

}  // namespace san
