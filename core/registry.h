#pragma once

#include <utility>
#include <vector>

namespace lockstep {

// A list whose items stand in a header each, so that it takes one line to add one: its #include, in the
// source file that hands the list out. The items are in the order of those lines.
//   inline const Registry<TaskInfo>::Entry copy_task({.name = "copy", ...});
template <typename Item>
class Registry {
 public:
  struct Entry {
    explicit Entry(Item item) { items().push_back(std::move(item)); }
  };
  // Complete once main() runs.
  static const std::vector<Item>& all() { return items(); }

 private:
  static std::vector<Item>& items() {
    static std::vector<Item> items;
    return items;
  }
};

}  // namespace lockstep
