// --device, where there is no GPU: what cannot be had is said at once.
#include "core/runtime/device.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "data/weights/weights.h"
#include "tests/data/temp_folder.h"
#include "tests/train/cli/cli.h"

namespace lockstep::train {
namespace {

using Words = std::vector<std::string>;

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(DeviceOption, SaysWhyThereIsNoGpuAndLeavesNothing) {
  const std::string why = why_unavailable(Device::cuda);
  if (why.empty()) GTEST_SKIP() << "this machine has a GPU";
  TempFolder folder;
  for (const Words& command :
       {Words{"train", "--steps", "2", "--out", folder / "a"}, Words{"study", "--out", folder / "a"},
        Words{"bench"}, Words{"repro"}, Words{"convert", folder / "from.safetensors", folder / "a"}}) {
    Words words = command;
    words.insert(words.end(), {"--device", "cuda"});
    const Ended ended = lockstep(words);
    EXPECT_EQ(ended.code, 2) << ended.err;
    EXPECT_EQ(ended.err, "lockstep: --device cuda: " + why + "; --device cpu takes the processor\n");
    EXPECT_LT(ended.seconds, 2);
    EXPECT_FALSE(std::filesystem::exists(folder / "a"));
  }
}

TEST(DeviceOption, KnowsItsWords) {
  const Ended ended = lockstep({"train", "--device", "gpu"});
  EXPECT_EQ(ended.code, 2);
  EXPECT_NE(ended.err.find("--device gpu: expected cpu, cuda (an NVIDIA GPU) or auto"), std::string::npos)
      << ended.err;
}

TEST(DeviceOption, AutoIsTheProcessorWhereThereIsNoGpu) {
  if (why_unavailable(Device::cuda).empty()) GTEST_SKIP() << "this machine has a GPU";
  TempFolder folder;
  const Words sizes = {"--layers", "1", "--width", "8", "--heads", "2",
                       "--mlp",    "8", "--batch", "4", "--steps", "2"};
  std::string first;
  for (const char* device : {"auto", "cpu"}) {
    Words words = {"train", "--device", device, "--out", folder / device};
    words.insert(words.end(), sizes.begin(), sizes.end());
    const Ended ended = lockstep(words);
    ASSERT_EQ(ended.code, 0) << ended.err;
    const std::string steps = ended.out.substr(0, ended.out.find("Checkpoint"));
    if (first.empty()) first = steps;
    EXPECT_EQ(steps, first);
  }
}

// So that a script can pass the same --device to each command that computes.
TEST(DeviceOption, ReproAndConvertTakeTheProcessorByDefault) {
  TempFolder folder;
  const std::string from = folder / "a.safetensors";
  data::save(from, {Parameter{"a.qkv.weight", ones({12, 4}), {}}});
  std::string repro, converted;
  for (const char* device : {"auto", "cpu"}) {
    const Ended ended = lockstep({"repro", "--hidden", "12", "--device", device});
    ASSERT_EQ(ended.code, 0) << ended.err;
    if (repro.empty()) repro = ended.out;
    EXPECT_EQ(ended.out, repro);
    const std::string to = folder / (std::string(device) + ".safetensors");
    ASSERT_EQ(lockstep({"convert", from, to, "--to", "separate", "--device", device}).code, 0);
    if (converted.empty()) converted = read_file(to);
    EXPECT_EQ(read_file(to), converted);
  }
}

}  // namespace
}  // namespace lockstep::train
