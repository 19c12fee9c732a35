# So are the files of the report: train/report/* by their names, and vega.js, which joins the modules of Debian's
# libjs-vega (its licence asks for the notice).
find_path(VEGA_FOLDER vega-view.min.js HINTS /usr/share/javascript/vega REQUIRED)
set(report_vega "/* Vega, https://vega.github.io/vega\n")
file(READ ${CMAKE_CURRENT_LIST_DIR}/vega_licence.txt licence)
string(APPEND report_vega "${licence}*/\n")
file(READ ${CMAKE_CURRENT_LIST_DIR}/vega_modules.js text)
string(APPEND report_vega "${text}")
foreach(module util time format loader statistics expression dataflow scale canvas scenegraph selection functions
               event-selector runtime view view-transforms encode transforms parser)
  file(READ ${VEGA_FOLDER}/vega-${module}.min.js text)
  string(REGEX REPLACE "//# sourceMappingURL=[^\n]*" "" text "${text}")
  string(REPLACE "</script" "<\\/script" text "${text}")
  string(REPLACE "selection" "selections" name ${module})  # as the others call it
  string(APPEND report_vega "vegaModule('vega-${name}', function (exports, module, require) {${text}});\n")
endforeach()
file(READ ${CMAKE_CURRENT_LIST_DIR}/vega_index.js text)
string(APPEND report_vega "${text}")
set(report_files "    {\"vega.js\", R\"REPORT(${report_vega})REPORT\"},\n")
foreach(name page.html task.html style.css charts.js forest.vg.json curves.vg.json)
  file(READ ${CMAKE_CURRENT_LIST_DIR}/${name} text)
  string(APPEND report_files "    {\"${name}\", R\"REPORT(${text})REPORT\"},\n")
endforeach()
file(GLOB report_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${report_sources})
file(CONFIGURE OUTPUT report_files.cpp CONTENT [[
#include <map>

#include "core/error.h"
#include "train/report/report.h"

std::string_view lockstep::train::report_file(std::string_view name) {
  static const std::map<std::string_view, std::string_view> files = {
@report_files@  };
  const auto file = files.find(name);
  check(file != files.end(), "[report] there is no file {}", name);
  return file->second;
}
]] @ONLY)
set_source_files_properties(${CMAKE_CURRENT_BINARY_DIR}/report_files.cpp PROPERTIES COMPILE_OPTIONS
                            -Wno-overlength-strings)  # clang counts; every compiler here can take them
