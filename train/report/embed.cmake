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
set(embedded_texts "    {\"vega.js\", R\"FILE(${report_vega})FILE\"},\n")
embed_files(report_files.cpp report_file train/report/report.h ${CMAKE_CURRENT_LIST_DIR}
            page.html task.html test_fixed.html test_anytime.html style.css charts.js forest.vg.json rates.vg.json curves.vg.json)
unset(embedded_texts)
