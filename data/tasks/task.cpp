#include "data/tasks/task.h"

#include <algorithm>
#include <ranges>

#include "core/joined.h"
// The tasks, in the order in which they are shown.
// clang-format off
#include "data/tasks/copy_task.h"
#include "data/tasks/induction_task.h"
#include "data/tasks/reverse_task.h"
#include "data/tasks/sort_task.h"
#include "data/tasks/modadd_task.h"
#include "data/tasks/shakespeare_task.h"
#include "data/tasks/digits_task.h"
// clang-format on

namespace lockstep::data {

const std::vector<TaskInfo>& tasks() { return Registry<TaskInfo>::all(); }

const TaskInfo& task_info(const std::string& name) {
  const auto found = std::ranges::find(tasks(), name, &TaskInfo::name);
  if (found != tasks().end()) return *found;
  fail("there is no task \"{}\": expected one of {}", name,
       joined(tasks() | std::views::transform(&TaskInfo::name)));
}

std::unique_ptr<Task> make_task(const std::string& name, std::uint64_t seed) {
  return task_info(name).make(seed);
}

}  // namespace lockstep::data
