#include "data/tasks/task.h"

#include "core/error.h"

namespace lockstep::data {

// Each in its file, NAME_task.cpp.
TaskInfo copy_task(), induction_task(), reverse_task(), sort_task(), modadd_task(), shakespeare_task(),
    digits_task();

const std::vector<TaskInfo>& tasks() {
  static const std::vector<TaskInfo> all = {copy_task(),   induction_task(),   reverse_task(), sort_task(),
                                            modadd_task(), shakespeare_task(), digits_task()};
  return all;
}

const TaskInfo& task_info(const std::string& name) {
  std::string known;
  for (const TaskInfo& info : tasks()) {
    if (info.name == name) return info;
    known += (known.empty() ? "" : ", ") + info.name;
  }
  fail("there is no task \"{}\": expected one of {}", name, known);
}

std::unique_ptr<Task> make_task(const std::string& name, std::uint64_t seed) {
  return task_info(name).make(seed);
}

}  // namespace lockstep::data
