# Files as a part of the program: writes the source OUTPUT with the function lockstep::train::FUNCTION, declared in
# HEADER, that gives the content of the files of FOLDER named behind it. What ${embedded_texts} holds goes along, as
# lines {"name", R"FILE(content)FILE"},
function(embed_files output function header folder)
  set(files "${embedded_texts}")
  foreach(name ${ARGN})
    file(READ ${folder}/${name} text)
    string(APPEND files "    {\"${name}\", R\"FILE(${text})FILE\"},\n")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${folder}/${name})
  endforeach()
  file(CONFIGURE OUTPUT ${output} CONTENT [[
#include <map>

#include "core/error.h"
#include "@header@"

std::string_view lockstep::train::@function@(std::string_view name) {
  static const std::map<std::string_view, std::string_view> files = {
@files@  };
  const auto file = files.find(name);
  check(file != files.end(), "[@function@] there is no file {}", name);
  return file->second;
}
]] @ONLY)
  set_source_files_properties(${CMAKE_CURRENT_BINARY_DIR}/${output} PROPERTIES COMPILE_OPTIONS
                              -Wno-overlength-strings)  # clang counts; every compiler here can take them
endfunction()
