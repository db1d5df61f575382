# `cpack -G DEB` makes one package of each component (docs/install.md).
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME san)
set(CPACK_PACKAGE_VENDOR "san.cpp")
set(CPACK_PACKAGE_CONTACT "The san.cpp project <packages@san.invalid>")
set(CPACK_STRIP_FILES ON)
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/packaging/same_times.cmake)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ
                                                WORLD_EXECUTE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL program development)
if(SAN_WITH_TORCH)
  list(APPEND CPACK_COMPONENTS_ALL training)
endif()
if(TARGET san-video)
  list(APPEND CPACK_COMPONENTS_ALL video)
endif()
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
# dpkg-shlibdeps reads from every program and library which packages, in which versions, have the symbols that it uses.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
# san-serve needs the package's own library.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR}/src)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
file(WRITE ${PROJECT_BINARY_DIR}/packaging/triggers "activate-noawait ldconfig\n")
set(CPACK_DEBIAN_PROGRAM_PACKAGE_CONTROL_EXTRA ${PROJECT_BINARY_DIR}/packaging/triggers)

# san_deb(<component> <package> <section> <text> [DEPENDS <packages>]); the first line of a description is the project's.
function(san_deb component package section text)
  cmake_parse_arguments(ARG "" "DEPENDS" "" ${ARGN})
  string(TOUPPER ${component} key)
  set(CPACK_DEBIAN_${key}_DESCRIPTION "${text}" PARENT_SCOPE)
  set(CPACK_DEBIAN_${key}_PACKAGE_NAME ${package} PARENT_SCOPE)
  set(CPACK_DEBIAN_${key}_FILE_NAME DEB-DEFAULT PARENT_SCOPE)
  set(CPACK_DEBIAN_${key}_PACKAGE_SECTION ${section} PARENT_SCOPE)
  set(CPACK_DEBIAN_${key}_PACKAGE_DEPENDS "${ARG_DEPENDS}" PARENT_SCOPE)
  # What Debian's policy wants in every package.
  set(doc ${PROJECT_BINARY_DIR}/packaging/${package})
  file(READ ${PROJECT_SOURCE_DIR}/NOTICE notice)
  file(CONFIGURE OUTPUT ${doc}/copyright @ONLY CONTENT [[
Licensed under the Apache License, Version 2.0: /usr/share/common-licenses/Apache-2.0 on Debian systems.

@notice@]])
  add_custom_command(OUTPUT ${doc}/changelog.gz
    COMMAND ${PROJECT_SOURCE_DIR}/packaging/changelog.sh ${package} ${PROJECT_VERSION} "${CPACK_PACKAGE_CONTACT}" > ${doc}/changelog
    COMMAND gzip -9nf ${doc}/changelog
    DEPENDS ${PROJECT_SOURCE_DIR}/CHANGELOG.md ${PROJECT_SOURCE_DIR}/packaging/changelog.sh VERBATIM)
  add_custom_target(${package}_changelog ALL DEPENDS ${doc}/changelog.gz)
  install(FILES ${doc}/copyright ${doc}/changelog.gz DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${package}
          COMPONENT ${component})
endfunction()

san_deb(program san graphics
"A picture and any list of class names in, a class for every pixel out.
This package has the program, the library and a small built-in model that
knows drawn things.")
san_deb(development libsan-dev libdevel
"Headers in C++ and C, the CMake package and the file for pkg-config of
libsan." DEPENDS "san (= ${PROJECT_VERSION})")
san_deb(training san-train graphics
"The commands san train and san pretrain, and --backend torch, on
libtorch." DEPENDS "san (= ${PROJECT_VERSION})")
if(TARGET san-video)
  san_deb(video san-video video
"The command san video, and san segment for what moves, on the libraries of
FFmpeg." DEPENDS "san (= ${PROJECT_VERSION})")
endif()
# `san pull` checks certificates by it.
set(CPACK_DEBIAN_PROGRAM_PACKAGE_RECOMMENDS ca-certificates)
include(CPack)
