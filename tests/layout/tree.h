#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <set>
#include <sstream>
#include <string>
#include <vector>

// The source tree as the tests of its layout see it; they run in its root.
namespace lockstep::layout {

inline std::string read(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

inline std::vector<std::string> lines_of(const std::filesystem::path& file) {
  std::ifstream text(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

// The files in and below these folders whose names end in one of these, in the order of their paths.
inline std::vector<std::string> files_in(std::initializer_list<const char*> folders,
                                         const std::set<std::string>& endings) {
  std::vector<std::string> found;
  for (const char* folder : folders) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
      if (endings.contains(entry.path().extension().string())) found.push_back(entry.path().string());
  }
  std::ranges::sort(found);
  return found;
}

}  // namespace lockstep::layout
