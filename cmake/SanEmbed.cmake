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

# san_embed_folder(<target> <symbol> <folder>): every file of a folder. C++ reads them through "embedded/<symbol>.h":
# std::span<const san::embedded::File> san::embedded::<symbol>().
function(san_embed_folder target symbol folder)
  file(GLOB files CONFIGURE_DEPENDS RELATIVE ${folder} ${folder}/*)
  list(SORT files)
  set(includes)
  set(entries)
  list(LENGTH files count)
  foreach(file IN LISTS files)
    string(MAKE_C_IDENTIFIER "${symbol}_${file}" name)
    san_embed(${target} ${name} ${folder}/${file})
    string(APPEND includes "#include \"embedded/${name}.h\"\n")
    string(APPEND entries "      {\"${file}\", ${name}()},\n")
  endforeach()
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/generated/embedded/${symbol}.h @ONLY CONTENT [[
#pragma once
#include <array>
#include <span>
#include <string_view>
@includes@namespace san::embedded {
#ifndef SAN_EMBEDDED_FILE
#define SAN_EMBEDDED_FILE
struct File {
  std::string_view name, content;
};
#endif
inline std::span<const File> @symbol@() {
  static const std::array<File, @count@> files{{
@entries@  }};
  return files;
}
}  // namespace san::embedded
]])
endfunction()
