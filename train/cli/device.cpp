#include "train/cli/device.h"

#include "core/error.h"
#include "data/tasks/task.h"
#include "train/text/output.h"

namespace lockstep::train::cli {

AskedDevice add_device(CLI::App& command, const std::string& auto_takes) {
  auto asked = std::make_shared<std::string>("auto");
  command
      .add_option("--device", *asked, "cpu, cuda (an NVIDIA GPU) or auto: " + auto_takes + "; default: auto")
      ->check([](const std::string& word) {
        return word == "cpu" || word == "cuda" || word == "auto"
                   ? ""
                   : fmt::format("expected cpu, cuda or auto, got \"{}\"", word);
      });
  return asked;
}

Device device_for(const std::string& asked, const std::function<bool()>& worth_it) {
  if (asked == "cpu") return Device::cpu;
  const std::string why = why_unavailable(Device::cuda);
  check(why.empty() || asked != "cuda", "--device cuda: {}; --device cpu takes the processor", why);
  if (!why.empty()) return Device::cpu;
  if (asked == "auto" && !worth_it()) {
    say("On the processor: too short for the GPU to be worth its start; --device cuda takes it\n");
    return Device::cpu;
  }
  say("On {}\n", backend(Device::cuda).name());
  return Device::cuda;
}

Device device_if_named(const std::string& asked) {
  return asked == "cuda" ? device_for(asked, {}) : Device::cpu;
}

double operations_of(const RunConfig& config) {
  const data::TaskShape shape = data::make_task(config.task, 0)->shape();
  const auto tokens = static_cast<double>(shape.images ? shape.length * shape.length / 4 : shape.length);
  const auto width = static_cast<double>(config.width);
  const double weights =
      static_cast<double>(config.layers) * width * (4 * width + 2 * static_cast<double>(config.mlp));
  return 6 * weights * tokens * static_cast<double>(config.batch) * static_cast<double>(config.steps);
}

bool is_worth_a_gpu(const RunConfig& config) {
  // A core does 1e11 of them in a second, and a GPU takes about that long to start.
  return operations_of(config) > 2e11;
}

}  // namespace lockstep::train::cli
