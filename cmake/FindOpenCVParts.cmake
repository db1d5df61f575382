# Debian's OpenCVConfig.cmake comes only with every OpenCV module (1 GB); this finds just the parts asked for
# and defines opencv_<part>.
find_path(OpenCVParts_INCLUDE_DIR opencv2/core.hpp PATH_SUFFIXES opencv4)
set(required OpenCVParts_INCLUDE_DIR)
foreach(part IN LISTS OpenCVParts_FIND_COMPONENTS)
  find_library(OpenCVParts_${part}_LIBRARY opencv_${part})
  list(APPEND required OpenCVParts_${part}_LIBRARY)
endforeach()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(OpenCVParts REQUIRED_VARS ${required})
if(OpenCVParts_FOUND)
  foreach(part IN LISTS OpenCVParts_FIND_COMPONENTS)
    if(NOT TARGET opencv_${part})
      add_library(opencv_${part} UNKNOWN IMPORTED)
      set_target_properties(opencv_${part} PROPERTIES IMPORTED_LOCATION "${OpenCVParts_${part}_LIBRARY}"
                                                      INTERFACE_INCLUDE_DIRECTORIES "${OpenCVParts_INCLUDE_DIR}")
    endif()
  endforeach()
endif()
