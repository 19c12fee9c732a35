# Installs the build into a fresh folder, takes the example out of README.md, builds it against the installed package and
# runs it in another folder. usage: cmake -DBUILD=... -DSOURCE=... -P run.cmake
set(folder ${BUILD}/package_test)
file(REMOVE_RECURSE ${folder})
file(MAKE_DIRECTORY ${folder}/run)

file(READ ${SOURCE}/README.md readme)
string(REGEX MATCH "```cpp\n(#include \"lockstep.h\"[^`]*)```" found "${readme}")
if(NOT found)
  message(FATAL_ERROR "README.md has no example: expected a block of C++ that starts with #include \"lockstep.h\"")
endif()
file(WRITE ${folder}/example.cpp "${CMAKE_MATCH_1}")

function(run)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY ${folder}/run RESULT_VARIABLE result OUTPUT_VARIABLE text ERROR_VARIABLE text)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${ARGN} failed (${result}):\n${text}")
  endif()
  message("${text}")
endfunction()

run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${folder}/installed)
run(${CMAKE_COMMAND} -S ${SOURCE}/tests/package -B ${folder}/build -DCMAKE_BUILD_TYPE=Release
    -DCMAKE_PREFIX_PATH=${folder}/installed -DEXAMPLE=${folder}/example.cpp)
run(${CMAKE_COMMAND} --build ${folder}/build)
run(${folder}/build/example)
if(NOT EXISTS ${folder}/run/attention.safetensors)
  message(FATAL_ERROR "the example did not write attention.safetensors")
endif()
