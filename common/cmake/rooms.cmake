# A room is one folder, one static library, one set of arrows.
#
#   mm_room(<target> DEPS <targets...>)     every .cc of the current folder, except main.cc
#   mm_alone(<files...>)                    files of the current folder that name something of their own like their neighbours
#   mm_program(<name> SOURCES ... DEPS ...)
#   mm_unit_test(<target> DEPS ...)         every *_test.cc of the current folder, label "unit"

# What nearly every file includes is parsed once (saves about a third of the build). The gcc preset builds without, so that
# a file that forgets an include is still found. common/text and common/base stay out: they must not even see the schemas.
add_library(mm_pch OBJECT ${CMAKE_SOURCE_DIR}/common/cmake/empty.cc)
target_link_libraries(mm_pch PUBLIC mm_schemas)
target_precompile_headers(mm_pch PRIVATE
  <algorithm> <chrono> <cstdint> <expected> <functional> <map> <memory> <optional> <set> <string> <string_view> <utility>
  <variant> <vector> <schemas/record/job.pb.h> <schemas/rest/api.pb.h> <schemas/wire/envelope.pb.h>
  <schemas/wire/frames.pb.h> <schemas/wire/media.pb.h>)

# tests/run compiles the files of a room as one (CMAKE_UNITY_BUILD: a third of the time), so what two of them keep to themselves
# must not have the same name, or one of them stays alone. The presets dev and gcc compile each file by itself, so that one that
# forgets an include is found.
function(mm_alone)
  set_source_files_properties(${ARGN} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  list(TRANSFORM ARGN PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/ OUTPUT_VARIABLE files)
  set_property(GLOBAL APPEND PROPERTY mm_alone ${files})
endfunction()

function(mm_room target)
  cmake_parse_arguments(R "" "" "DEPS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *.cc)
  list(FILTER sources EXCLUDE REGEX "/main\\.cc$")
  if(sources)
    add_library(${target} STATIC ${sources})
    target_include_directories(${target} PUBLIC ${CMAKE_SOURCE_DIR})
    target_link_libraries(${target} PUBLIC ${R_DEPS})
    if(NOT target MATCHES "^mm_(base|text)$")
      target_precompile_headers(${target} REUSE_FROM mm_pch)
    endif()
  else()
    add_library(${target} INTERFACE)
    target_include_directories(${target} INTERFACE ${CMAKE_SOURCE_DIR})
    target_link_libraries(${target} INTERFACE ${R_DEPS})
  endif()
endfunction()

function(mm_program name)
  cmake_parse_arguments(R "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${R_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_compile_definitions(${name} PRIVATE MM_VERSION="${PROJECT_VERSION}")
  target_link_options(${name} PRIVATE LINKER:--as-needed)  # the agent carries no RocksDB
  target_link_libraries(${name} PRIVATE ${R_DEPS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
endfunction()

function(mm_test target)
  cmake_parse_arguments(R "" "LABEL;TIMEOUT" "DEPS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *_test.cc)
  if(NOT sources)
    return()
  endif()
  add_executable(${target} ${sources})
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(${target} PRIVATE ${R_DEPS} GTest::gmock_main)
  target_compile_options(${target} PRIVATE ${mm_test_options})
  target_precompile_headers(${target} REUSE_FROM mm_test_pch)
  add_test(NAME ${target} COMMAND ${target} --gtest_brief=1)
  set_tests_properties(${target} PROPERTIES LABELS "${R_LABEL}" TIMEOUT ${R_TIMEOUT})
  if(TARGET ${R_LABEL}_tests)
    add_dependencies(${R_LABEL}_tests ${target})
  endif()
endfunction()

function(mm_unit_test target)
  mm_test(${target} LABEL unit TIMEOUT 300 ${ARGN})
endfunction()
