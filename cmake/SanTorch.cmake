# What modules with libtorch in them need beside san_module: san_torch_options() sets it.
include_guard()
option(SAN_TORCH_ONEDNN "Run the torch backend's CPU matmuls on oneDNN" ON)
find_package(TorchParts REQUIRED)
if(SAN_TORCH_ONEDNN)
  find_path(SAN_DNNL_INCLUDE_DIR dnnl.hpp REQUIRED)
  find_library(SAN_DNNL_LIBRARY dnnl REQUIRED)
endif()

# What processes that train together talk through.
set(SAN_TORCH_DISTRIBUTED_DEFINITIONS)
set(SAN_TORCH_DISTRIBUTED_INCLUDES)
set(SAN_TORCH_DISTRIBUTED_LIBRARIES)
find_path(SAN_GLOO_INCLUDE_DIR gloo/algorithm.h)
find_library(SAN_GLOO_LIBRARY gloo)
find_file(SAN_GLOO_GROUP torch/csrc/distributed/c10d/ProcessGroupGloo.hpp PATHS ${TorchParts_INCLUDE_DIR} NO_DEFAULT_PATH)
if(SAN_GLOO_INCLUDE_DIR AND SAN_GLOO_LIBRARY AND SAN_GLOO_GROUP)
  list(APPEND SAN_TORCH_DISTRIBUTED_DEFINITIONS SAN_TORCH_GLOO=1 USE_C10D_GLOO=1)
  list(APPEND SAN_TORCH_DISTRIBUTED_INCLUDES ${SAN_GLOO_INCLUDE_DIR})
  list(APPEND SAN_TORCH_DISTRIBUTED_LIBRARIES ${SAN_GLOO_LIBRARY})
endif()
option(SAN_TORCH_NCCL "Let processes on CUDA talk through NCCL" OFF)
if(SAN_TORCH_NCCL)
  find_path(SAN_NCCL_INCLUDE_DIR nccl.h REQUIRED)
  find_package(CUDAToolkit REQUIRED)
  list(APPEND SAN_TORCH_DISTRIBUTED_DEFINITIONS SAN_TORCH_NCCL=1 USE_C10D_NCCL=1)
  list(APPEND SAN_TORCH_DISTRIBUTED_INCLUDES ${SAN_NCCL_INCLUDE_DIR} ${CUDAToolkit_INCLUDE_DIRS})
endif()

# Libtorch's headers, precompiled once by the torch backend.
function(san_uses_torch target)
  if(NOT TARGET ${target})
    return()
  endif()
  # As the precompiled header, executables too.
  target_compile_options(${target} PRIVATE -fPIC)
  set_target_properties(${target} PROPERTIES CXX_VISIBILITY_PRESET ${SAN_VISIBILITY} VISIBILITY_INLINES_HIDDEN ${SAN_HIDE_INLINES})
  if(target STREQUAL san_backend_torch)
    target_precompile_headers(${target} PRIVATE ${PROJECT_SOURCE_DIR}/src/backend/torch/torch_headers.h)
  else()
    target_precompile_headers(${target} REUSE_FROM san_backend_torch)
  endif()
endfunction()

function(san_torch_options)
  set(backend ${PROJECT_SOURCE_DIR}/src/backend/torch)
  if(SAN_TORCH_ONEDNN)
    set_source_files_properties(${backend}/matmul.cpp ${backend}/cpu_attention.cpp
                                DIRECTORY ${PROJECT_SOURCE_DIR}/src PROPERTIES COMPILE_DEFINITIONS SAN_TORCH_ONEDNN=1)
    # at::parallel_for is OpenMP in a header: without the option it runs on one thread, with it the precompiled header
    # does not fit.
    set_source_files_properties(${backend}/cpu_attention.cpp DIRECTORY ${PROJECT_SOURCE_DIR}/src
                                PROPERTIES COMPILE_OPTIONS -fopenmp SKIP_PRECOMPILE_HEADERS ON)
    target_include_directories(san_backend_torch SYSTEM PRIVATE ${SAN_DNNL_INCLUDE_DIR})
    target_link_libraries(san_backend_torch PRIVATE ${SAN_DNNL_LIBRARY} gomp)
  endif()
  set_source_files_properties(${PROJECT_SOURCE_DIR}/src/train/communicator.cpp DIRECTORY ${PROJECT_SOURCE_DIR}/src
                              PROPERTIES COMPILE_DEFINITIONS "${SAN_TORCH_DISTRIBUTED_DEFINITIONS}")
  target_include_directories(san_train SYSTEM PRIVATE ${SAN_TORCH_DISTRIBUTED_INCLUDES})
  target_link_libraries(san_train PRIVATE ${SAN_TORCH_DISTRIBUTED_LIBRARIES})
  foreach(target IN ITEMS san_backend_torch backend_torch_test san_train train_test san_train_dataset train_dataset_test)
    san_uses_torch(${target})
  endforeach()
endfunction()
