# san_embed(<target> <symbol> <file>): links the file's bytes into the target's read-only data.
# C++ reads them through "embedded/<symbol>.h": std::string_view san::embedded::<symbol>().
include_guard()
function(san_embed target symbol file)
  if(NOT TARGET ${target})
    return()  # a module that this build leaves out
  endif()
  get_filename_component(path ${file} ABSOLUTE)
  set(dir ${PROJECT_BINARY_DIR}/generated/embedded)
  set(assembly ${dir}/${symbol}.S)
  file(CONFIGURE OUTPUT ${assembly} @ONLY CONTENT [[
    .section .rodata
    .global san_embedded_@symbol@
    .hidden san_embedded_@symbol@
    .global san_embedded_@symbol@_end
    .hidden san_embedded_@symbol@_end
    .balign 64
san_embedded_@symbol@:
    .incbin "@path@"
san_embedded_@symbol@_end:
    .byte 0
    .section .note.GNU-stack,"",%progbits
]])
  file(CONFIGURE OUTPUT ${dir}/${symbol}.h @ONLY CONTENT [[
#pragma once
#include <string_view>
extern "C" const char san_embedded_@symbol@[], san_embedded_@symbol@_end[];
namespace san::embedded {
inline std::string_view @symbol@() {
  return {san_embedded_@symbol@, static_cast<std::size_t>(san_embedded_@symbol@_end - san_embedded_@symbol@)};
}
}  // namespace san::embedded
]])
  set_property(SOURCE ${assembly} APPEND PROPERTY OBJECT_DEPENDS ${path})
  set_property(SOURCE ${assembly} PROPERTY LANGUAGE ASM)
  target_sources(${target} PRIVATE ${assembly})
endfunction()
