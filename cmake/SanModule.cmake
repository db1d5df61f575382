# One folder under src/ is one target: san_module(<folder> [WHOLE] [DEPS module...] [WHOLE_DEPS module...]
# [LIBS public libs...] [PRIVATE_LIBS libs...] [TEST_DEPS module...] [TEST_LIBS libs...]). The training-only build
# leaves out WHOLE modules, WHOLE_DEPS, and tests that need TEST_LIBS.
# Sources are <folder>/*.cpp; <folder>/*_test.cpp become the test executable <name>_test.
include_guard()

# Hidden keeps libsan.so's interface to its own API. The training program alone exports what it instantiates, since
# a libtorch built with another standard library may refer to it.
if(SAN_TRAIN_ONLY)
  set(SAN_VISIBILITY default)
  set(SAN_HIDE_INLINES OFF)
else()
  set(SAN_VISIBILITY hidden)
  set(SAN_HIDE_INLINES ON)
endif()

add_library(san_options INTERFACE)
target_compile_features(san_options INTERFACE cxx_std_20)
target_compile_options(san_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -fno-math-errno)
if(SAN_WERROR)
  target_compile_options(san_options INTERFACE -Werror)
endif()
if(CMAKE_UNITY_BUILD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # Every source looks like a header then.
  target_compile_options(san_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-subobject-linkage>)
endif()
target_include_directories(san_options INTERFACE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include
                                                 ${PROJECT_BINARY_DIR}/generated)
if(SAN_SANITIZE)
  target_compile_options(san_options INTERFACE -fsanitize=${SAN_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=undefined
    # The check of vtables makes a pipe to see whether memory can be read, which decoding helpers may not.
    -fno-sanitize=vptr
    # GCC 12 takes std::regex for using values before they are set, once it is instrumented.
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  target_link_options(san_options INTERFACE -fsanitize=${SAN_SANITIZE})
endif()
if(SAN_BUILD_FUZZ)
  target_compile_options(san_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

# For what only calls the rooms below: most of the compiler's time at -O3, and no user's.
set(SAN_GLUE_OPTIONS $<$<CONFIG:Release>:-O1>)
if(SAN_SANITIZE)
  set(SAN_GLUE_OPTIONS -O0)
endif()

# san_test(<name> <sources...> LIBS <targets...>): a GoogleTest executable registered with CTest.
function(san_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS;LABELS" ${ARGN})
  if(NOT SAN_BUILD_TESTS)
    return()
  endif()
  add_executable(${name} ${ARG_SOURCES})
  set_target_properties(${name} PROPERTIES UNITY_BUILD OFF)  # cases of a suite have helpers of the same name
  target_compile_options(${name} PRIVATE ${SAN_GLUE_OPTIONS})
  target_link_libraries(${name} PRIVATE san_options ${ARG_LIBS} GTest::gmock GTest::gtest GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE SAN_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
                                             SAN_BINARY_DIR="${PROJECT_BINARY_DIR}")
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT 1800 LABELS "${ARG_LABELS}")
endfunction()

function(san_module folder)
  cmake_parse_arguments(ARG "WHOLE" "" "DEPS;WHOLE_DEPS;LIBS;PRIVATE_LIBS;TEST_DEPS;TEST_LIBS" ${ARGN})
  string(REPLACE "/" "_" name ${folder})
  if(SAN_TRAIN_ONLY AND ARG_WHOLE)
    return()
  endif()
  if(NOT SAN_TRAIN_ONLY)
    list(APPEND ARG_DEPS ${ARG_WHOLE_DEPS})
  endif()
  foreach(dependency IN LISTS ARG_DEPS)
    if(NOT TARGET san_${dependency})
      message(FATAL_ERROR "module ${folder} depends on ${dependency}, which is not declared before it")
    endif()
  endforeach()
  set(dir ${PROJECT_SOURCE_DIR}/src/${folder})
  file(GLOB sources CONFIGURE_DEPENDS ${dir}/*.cpp)
  file(GLOB tests CONFIGURE_DEPENDS ${dir}/*_test.cpp)
  list(REMOVE_ITEM sources ${tests} "")
  if(NOT sources)
    set(kind INTERFACE)
    add_library(san_${name} INTERFACE)
  else()
    set(kind PUBLIC)
    add_library(san_${name} STATIC ${sources})
    if(CMAKE_UNITY_BUILD)
      # Highway includes such a file in itself, once for each instruction set.
      foreach(source IN LISTS sources)
        file(STRINGS ${source} compiled_again REGEX "hwy/foreach_target" LIMIT_COUNT 1)
        if(compiled_again)
          set_source_files_properties(${source} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
        endif()
      endforeach()
    endif()
    set_target_properties(san_${name} PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET ${SAN_VISIBILITY}
                                                 VISIBILITY_INLINES_HIDDEN ${SAN_HIDE_INLINES})
    target_link_libraries(san_${name} PRIVATE ${ARG_PRIVATE_LIBS})
  endif()
  list(TRANSFORM ARG_DEPS PREPEND san_)
  target_link_libraries(san_${name} ${kind} san_options ${ARG_DEPS} ${ARG_LIBS})
  if(tests AND NOT (SAN_TRAIN_ONLY AND ARG_TEST_LIBS))
    list(TRANSFORM ARG_TEST_DEPS PREPEND san_)
    san_test(${name}_test SOURCES ${tests} LIBS san_${name} ${ARG_TEST_DEPS} ${ARG_PRIVATE_LIBS} ${ARG_TEST_LIBS})
  endif()
endfunction()
