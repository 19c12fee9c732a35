#include "data/files/paths.h"

#include <cstdlib>
#include <ranges>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/joined.h"

namespace lockstep::data {

std::filesystem::path find_data_file(std::string_view name) {
  std::vector<std::filesystem::path> folders;
  const char* asked = std::getenv("LOCKSTEP_DATA");
  if (asked && *asked) {
    folders = {asked};
  } else {
    std::error_code no_proc;
    const auto program = std::filesystem::read_symlink("/proc/self/exe", no_proc);
    if (!no_proc) folders.push_back(program.parent_path().parent_path() / "share/lockstep");
    folders.emplace_back(LOCKSTEP_SOURCE_DATA);  // both from CMakeLists.txt
    folders.emplace_back(LOCKSTEP_INSTALLED_DATA);
  }
  for (const std::filesystem::path& folder : folders) {
    std::error_code ignored;
    if (std::filesystem::is_regular_file(folder / name, ignored)) return folder / name;
  }
  fail("[data] {} is not in {}; set the environment variable LOCKSTEP_DATA to the folder that holds it", name,
       joined(folders | std::views::transform([](const auto& folder) { return folder.string(); })));
}

}  // namespace lockstep::data
