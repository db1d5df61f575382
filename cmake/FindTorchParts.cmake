# libtorch without its own TorchConfig.cmake, which wants CUDA's compiler, protobuf and NVTX at configure time.
# Hints: SAN_TORCH_ROOT (a libtorch folder or Python's torch package), else the system's (Debian libtorch-dev).
# Defines torch_parts, TorchParts_CUDA and TorchParts_VERSION.
set(SAN_TORCH_ROOT "" CACHE PATH "Folder of libtorch (with include/ and lib/); empty: the system's")
set(hints HINTS ${SAN_TORCH_ROOT})
find_path(TorchParts_INCLUDE_DIR ATen/ATen.h ${hints} PATH_SUFFIXES include)
find_library(TorchParts_cpu_LIBRARY torch_cpu ${hints} PATH_SUFFIXES lib)
find_library(TorchParts_c10_LIBRARY c10 ${hints} PATH_SUFFIXES lib)
find_library(TorchParts_cuda_LIBRARY torch_cuda ${hints} PATH_SUFFIXES lib)
find_library(TorchParts_c10_cuda_LIBRARY c10_cuda ${hints} PATH_SUFFIXES lib)
set(TorchParts_CUDA OFF)
if(TorchParts_cuda_LIBRARY AND TorchParts_c10_cuda_LIBRARY)
  set(TorchParts_CUDA ON)
endif()
if(TorchParts_INCLUDE_DIR)
  find_file(TorchParts_version_header version.h PATHS ${TorchParts_INCLUDE_DIR}/torch/headeronly
            ${TorchParts_INCLUDE_DIR}/torch/csrc/api/include/torch NO_DEFAULT_PATH)
  foreach(part IN ITEMS MAJOR MINOR PATCH)
    file(STRINGS ${TorchParts_version_header} line REGEX "#define TORCH_VERSION_${part} ")
    string(REGEX MATCH "[0-9]+" TorchParts_${part} "${line}")
  endforeach()
  set(TorchParts_VERSION ${TorchParts_MAJOR}.${TorchParts_MINOR}.${TorchParts_PATCH})
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(TorchParts REQUIRED_VARS TorchParts_cpu_LIBRARY TorchParts_c10_LIBRARY
                                                           TorchParts_INCLUDE_DIR
                                             VERSION_VAR TorchParts_VERSION)
if(TorchParts_FOUND AND NOT TARGET torch_parts)
  add_library(torch_parts INTERFACE IMPORTED)
  target_include_directories(torch_parts SYSTEM INTERFACE ${TorchParts_INCLUDE_DIR}
                                                          ${TorchParts_INCLUDE_DIR}/torch/csrc/api/include)
  target_link_libraries(torch_parts INTERFACE ${TorchParts_cpu_LIBRARY} ${TorchParts_c10_LIBRARY})
  if(TorchParts_CUDA)
    # Nothing refers to torch_cuda by name: its kernels register themselves when it is loaded.
    target_link_libraries(torch_parts INTERFACE -Wl,--push-state,--no-as-needed ${TorchParts_cuda_LIBRARY}
                                                -Wl,--pop-state ${TorchParts_c10_cuda_LIBRARY})
    get_filename_component(directory ${TorchParts_cpu_LIBRARY} DIRECTORY)
    target_link_options(torch_parts INTERFACE -Wl,-rpath,${directory} -Wl,--allow-shlib-undefined)
    target_compile_definitions(torch_parts INTERFACE SAN_TORCH_CUDA=1)
    # For the allocator's statistics; Python's packages bring them beside torch.
    find_path(TorchParts_CUDA_INCLUDE_DIR cuda_runtime_api.h
              HINTS ${SAN_TORCH_ROOT}/../nvidia/cuda_runtime/include ${SAN_TORCH_ROOT}/../nvidia/cu13/include
              PATHS /usr/local/cuda/include)
    if(TorchParts_CUDA_INCLUDE_DIR)
      target_include_directories(torch_parts SYSTEM INTERFACE ${TorchParts_CUDA_INCLUDE_DIR})
    endif()
  endif()
endif()
