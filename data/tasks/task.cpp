#include "data/tasks/task.h"

namespace lockstep::data {

namespace {

struct Entry {
  TaskInfo info;
  std::unique_ptr<Task> (*make)(std::uint64_t seed);
};

const std::vector<Entry>& entries() {
  static const std::vector<Entry> list = {
      {{"copy",
        "16 random tokens, then the same again: learned by position, without an induction circuit, so that "
        "other periods fail"},
       make_copy_task},
      {{"induction", "random tokens repeated with a random period, 6 to 16: learned by an induction circuit"},
       make_induction_task},
      {{"reverse", "16 random digits, to be given in reversed order"}, make_reverse_task},
      {{"sort", "6 random digits of 3 kinds, then the same sorted (minGPT)"}, make_sort_task},
      {{"modadd",
        "a + b modulo 113 from 30% of all pairs: memorised first, understood much later (grokking)"},
       make_modadd_task},
      {{"shakespeare", "the next character of Shakespeare's plays (nanoGPT's small CPU setting)"},
       make_shakespeare_task},
      {{"digits", "1,797 handwritten digits of 8 x 8 pixels (UCI), by a small vision transformer"},
       make_digits_task},
  };
  return list;
}

}  // namespace

const std::vector<TaskInfo>& tasks() {
  static const std::vector<TaskInfo> infos = [] {
    std::vector<TaskInfo> list;
    for (const Entry& entry : entries()) list.push_back(entry.info);
    return list;
  }();
  return infos;
}

std::unique_ptr<Task> make_task(const std::string& name, std::uint64_t seed) {
  std::string known;
  for (const Entry& entry : entries()) {
    if (entry.info.name == name) return entry.make(seed);
    known += (known.empty() ? "" : ", ") + entry.info.name;
  }
  fail("there is no task \"{}\": expected one of {}", name, known);
}

}  // namespace lockstep::data
