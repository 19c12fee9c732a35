// The arrows between folders: what README.md's table of rooms says that each may include, held against every
// #include in the tree.
#include <gtest/gtest.h>

#include <map>
#include <regex>

#include "tests/layout/tree.h"

namespace lockstep::layout {
namespace {

namespace fs = std::filesystem;

struct Room {
  std::string name;
  std::vector<std::string> may_include;
};

// The folders in a cell, which may end in a slash.
std::vector<std::string> folders_in(const std::string& text) {
  std::vector<std::string> found;
  const std::regex quoted("`([a-z_/]+?)/?`");
  for (std::sregex_iterator match(text.begin(), text.end(), quoted), end; match != end; ++match)
    found.push_back((*match)[1]);
  return found;
}

// The rows of the table whose last column is headed "may include".
std::vector<Room> rooms_of(const std::string& readme) {
  std::vector<Room> rooms;
  std::istringstream lines(readme);
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.ends_with("| may include |")) {
      inside = true;
    } else if (!line.starts_with("|")) {
      inside = false;
    } else if (inside && line.starts_with("| `")) {
      const std::size_t name_ends = line.find('|', 1), last = line.rfind('|', line.size() - 2);
      rooms.push_back({folders_in(line.substr(0, name_ends)).front(), folders_in(line.substr(last))});
    }
  }
  return rooms;
}

// The room with the longest name in front of the path.
const Room* room_of(const std::string& path, const std::vector<Room>& rooms) {
  const Room* best = nullptr;
  for (const Room& room : rooms) {
    const bool inside = path.starts_with(room.name + "/");
    if (inside && (!best || room.name.size() > best->name.size())) best = &room;
  }
  return best;
}

std::vector<std::string> sources() {
  return files_in({"core", "nn", "optim", "data", "train"}, {".h", ".cpp", ".cu", ".cuh"});
}

std::vector<std::string> includes_of(const std::string& file) {
  std::vector<std::string> found;
  for (const std::string& line : lines_of(file))
    if (line.starts_with("#include \"")) found.push_back(line.substr(10, line.rfind('"') - 10));
  return found;
}

// Headers that only gather others, and the files where the kernels of the processor and of GPUs are plugged
// in.
bool gathers(const std::string& file) {
  static const std::set<std::string> files = {"core/lockstep.h", "core/ops.h", "core/kernels.cpp",
                                              "core/processor.cpp", "core/runtime/device.cpp"};
  return files.contains(file);
}

TEST(Rooms, IncludeWhatTheReadmeSaysTheyMay) {
  const std::vector<Room> rooms = rooms_of(read("README.md"));
  ASSERT_GE(rooms.size(), 18u);
  std::set<std::string> used;
  for (const std::string& file : sources()) {
    const Room* const from = room_of(file, rooms);
    ASSERT_TRUE(from) << file << " stands in no room of the README's table";
    used.insert(from->name);
    if (gathers(file)) continue;
    for (const std::string& included : includes_of(file)) {
      EXPECT_NE(included, "core/lockstep.h") << file;
      if (!fs::exists(included) || included == "core/error.h" || included == "core/joined.h") continue;
      const Room* const to = room_of(included, rooms);
      const bool allowed = to == from || (to && std::ranges::count(from->may_include, to->name) > 0);
      EXPECT_TRUE(allowed) << file << " includes " << included << ", which the README does not allow "
                           << from->name;
    }
  }
  for (const Room& room : rooms) EXPECT_TRUE(used.contains(room.name)) << room.name << " is empty";
}

// Follows the table from a room; finds the room itself again where an arrow runs back.
void follow(const std::string& at, const std::map<std::string, std::vector<std::string>>& arrows,
            std::set<std::string>& reached) {
  for (const std::string& next : arrows.at(at)) {
    if (reached.insert(next).second) follow(next, arrows, reached);
  }
}

TEST(Rooms, HaveNoArrowBack) {
  std::map<std::string, std::vector<std::string>> arrows;
  for (const Room& room : rooms_of(read("README.md"))) arrows[room.name] = room.may_include;
  for (const auto& [name, may_include] : arrows) {
    for (const std::string& other : may_include)
      ASSERT_TRUE(arrows.contains(other)) << name << " names " << other << ", which is no room";
  }
  for (const auto& [name, may_include] : arrows) {
    std::set<std::string> reached;
    follow(name, arrows, reached);
    EXPECT_FALSE(reached.contains(name)) << name << " is reached from itself";
  }
}

// No header includes, through others, itself.
TEST(Rooms, HaveNoHeadersThatIncludeEachOther) {
  std::map<std::string, std::vector<std::string>> headers;
  for (const std::string& file : sources()) {
    if (!file.ends_with(".h") || file.ends_with("-inl.h")) continue;
    for (const std::string& included : includes_of(file))
      if (fs::exists(included)) headers[file].push_back(included);
    headers[file];
  }
  for (auto& [file, included] : headers)
    std::erase_if(included, [&](const std::string& name) { return !headers.contains(name); });
  for (const auto& [file, included] : headers) {
    std::set<std::string> reached;
    follow(file, headers, reached);
    EXPECT_FALSE(reached.contains(file)) << file;
  }
}

}  // namespace
}  // namespace lockstep::layout
