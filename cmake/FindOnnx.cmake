# Onnx::onnx: the schema of ONNX files with protobuf, and onnx's checker (Debian: libonnx-dev, libprotobuf-dev).
include(FindPackageHandleStandardArgs)
find_path(Onnx_INCLUDE_DIR onnx/onnx_pb.h)
find_library(Onnx_LIBRARY onnx)
find_library(Onnx_PROTO_LIBRARY onnx_proto)
find_package(Protobuf QUIET)
find_package_handle_standard_args(Onnx REQUIRED_VARS Onnx_LIBRARY Onnx_PROTO_LIBRARY Onnx_INCLUDE_DIR Protobuf_FOUND)
if(Onnx_FOUND AND NOT TARGET Onnx::onnx)
  add_library(Onnx::onnx INTERFACE IMPORTED)
  set_target_properties(Onnx::onnx PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${Onnx_INCLUDE_DIR}"
    INTERFACE_COMPILE_DEFINITIONS "ONNX_NAMESPACE=onnx;ONNX_ML=1"
    INTERFACE_LINK_LIBRARIES "${Onnx_LIBRARY};${Onnx_PROTO_LIBRARY};protobuf::libprotobuf")
endif()
