# What `cmake --install` leaves: programs, libsan, its headers, and the package that find_package(san) reads. Nothing
# of a consumer's build depends on the libraries behind libsan.
include_guard()
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
# Packages are made of components: the programs with the library, what developers need, training.
set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME program)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/san)
# The tree may be moved as a whole: programs find their libraries from where they are.
file(RELATIVE_PATH to_libraries ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
set(CMAKE_INSTALL_RPATH $ORIGIN/${to_libraries})
# Of programs that libsan starts itself: beside the library, the same in the build tree; from the programs' folder.
set(SAN_PRIVATE_FOLDER ${to_libraries}/san)

# san_install_library(<target>): the shared library with headers and package files.
function(san_install_library target)
  install(TARGETS ${target} EXPORT san-targets LIBRARY NAMELINK_COMPONENT development)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/san DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)
  install(EXPORT san-targets NAMESPACE san:: DESTINATION ${package_dir} COMPONENT development)
  set(config ${PROJECT_BINARY_DIR}/san-config.cmake)
  file(WRITE ${config} "include(\"\${CMAKE_CURRENT_LIST_DIR}/san-targets.cmake\")\n")
  write_basic_package_version_file(${PROJECT_BINARY_DIR}/san-config-version.cmake COMPATIBILITY SameMinorVersion)
  install(FILES ${config} ${PROJECT_BINARY_DIR}/san-config-version.cmake DESTINATION ${package_dir}
          COMPONENT development)
  # For pkg-config, from where the file lies.
  file(RELATIVE_PATH to_prefix ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
  string(REGEX REPLACE "/$" "" to_prefix ${to_prefix})
  configure_file(${PROJECT_SOURCE_DIR}/cmake/san.pc.in ${PROJECT_BINARY_DIR}/san.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/san.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
  if(NOT SAN_PACKAGE)  # Debian's packages have a file "copyright"
    install(FILES ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/NOTICE DESTINATION ${CMAKE_INSTALL_DOCDIR})
  endif()
endfunction()
