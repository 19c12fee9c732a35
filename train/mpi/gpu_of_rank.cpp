#include "train/mpi/gpu_of_rank.h"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <vector>

namespace lockstep::train::mpi {

std::optional<std::string> gpu_of_rank(int rank_here, const std::optional<std::string>& visible, int gpus) {
  std::vector<std::string> all;
  if (visible) {
    for (std::size_t begin = 0, end = 0; end != std::string::npos; begin = end + 1) {
      end = visible->find(',', begin);
      all.push_back(visible->substr(begin, end - begin));
    }
  } else {
    for (int gpu = 0; gpu < gpus; ++gpu) all.push_back(std::to_string(gpu));
  }
  if (all.empty()) return std::nullopt;
  return all[static_cast<std::size_t>(rank_here) % all.size()];
}

int gpus_here() {
  constexpr std::string_view name = "nvidia";  // nvidia0, nvidia1, ..., beside nvidiactl, nvidia-uvm
  int gpus = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/dev", error)) {
    const std::string file = entry.path().filename();
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    gpus += file.size() > name.size() && file.starts_with(name) &&
            std::all_of(file.begin() + name.size(), file.end(), is_digit);
  }
  return gpus;
}

}  // namespace lockstep::train::mpi
