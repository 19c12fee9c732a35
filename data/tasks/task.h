#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/registry.h"
#include "core/tensor.h"

namespace lockstep::data {

// Positions with this target count neither in the loss nor in the accuracy.
inline constexpr std::int64_t ignored = -100;

struct Batch {
  Tensor inputs;   // tokens i64 (B, T), or images f32 (B, 1, height, width)
  Tensor targets;  // i64: (B, T) next or paired tokens, `ignored` where there is none; (B) classes of images
};

// What a model must look like to learn the task.
struct TaskShape {
  bool images = false;
  bool causal = true;             // tokens: may a position look only backwards?
  std::int64_t vocabulary = 0;    // tokens
  std::int64_t length = 0;        // tokens: T; images: side in pixels
  std::int64_t classes = 0;       // outputs
  std::int64_t first_answer = 0;  // tokens: the positions before it never have a target
};

// Something to learn. Batches depend on (seed, step) and on nothing else. For one thread: every training
// makes its own.
class Task {
 public:
  virtual ~Task() = default;
  virtual TaskShape shape() const = 0;
  // The batch of a training step, from 0 on: `size` rows (B), or all there are, if those are fewer.
  virtual Batch training(std::int64_t step, std::int64_t size) = 0;
  // Batches never trained on: number `index`, from 0 on, of validation_batches(size). The last may be
  // smaller.
  virtual Batch validation(std::int64_t index, std::int64_t size) = 0;
  virtual std::int64_t validation_batches(std::int64_t size) const = 0;
  // Text tasks: the characters that the tokens stand for; empty for others.
  virtual std::string alphabet() const { return {}; }
};

// Settings by the keys of study files: {"steps", "300"}.
using Recipe = std::vector<std::pair<std::string, std::string>>;

// A task's file, data/tasks/NAME_task.h, ends with an entry of Registry<TaskInfo>, and task.cpp includes it.
struct TaskInfo {
  std::string name;
  std::string summary;  // one line
  std::unique_ptr<Task> (*make)(std::uint64_t seed);
  Recipe recipe;  // how a model is trained on it
  Recipe study;   // what a study of it does differently, and what it measures
};
const std::vector<TaskInfo>& tasks();
// TaskInfo::make of most.
template <std::derived_from<Task> T>
std::unique_ptr<Task> make(std::uint64_t seed) {
  return std::make_unique<T>(seed);
}

// Throw for a name that tasks() does not list.
const TaskInfo& task_info(const std::string& name);
std::unique_ptr<Task> make_task(const std::string& name, std::uint64_t seed);

}  // namespace lockstep::data
