# Writes OUT with the commit of SOURCE (GIT: the git program; may be missing), touching it only when that changes.
set(commit "")
if(GIT)
  execute_process(COMMAND ${GIT} rev-parse --short=10 HEAD WORKING_DIRECTORY ${SOURCE} OUTPUT_VARIABLE commit
                  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
if(NOT commit)
  set(commit "unknown")
endif()
file(CONFIGURE OUTPUT ${OUT} CONTENT "#pragma once\ninline constexpr const char* kCommit = \"${commit}\";\n")
