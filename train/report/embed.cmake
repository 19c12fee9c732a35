# The files of the report, by their names.
embed_files(report_files.cpp report_file train/report/report_file.h ${CMAKE_CURRENT_LIST_DIR}
            page.html task.html test_fixed.html test_anytime.html style.css chart.css charts.js)
