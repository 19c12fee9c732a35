// lockstep tasks, lockstep doctor
#include <fmt/format.h>

#include "data/task.h"
#include "train/cli/commands.h"

namespace lockstep::train::cli {

void add_info(CLI::App& app, Session& session) {
  app.add_subcommand("tasks", "list what models can learn here")->callback([&session] {
    session.action = [] {
      for (const data::TaskInfo& task : data::tasks()) fmt::print("{:<12} {}\n", task.name, task.summary);
      return 0;
    };
  });
}

}  // namespace lockstep::train::cli
