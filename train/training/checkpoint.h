#pragma once

#include <string>
#include <vector>

#include "data/files/hdf5.h"
#include "data/weights/weights.h"
#include "train/training/metrics.h"
#include "train/training/training.h"

namespace lockstep::train {

// How a training is looked after, and what --resume goes on with.
struct Habits {
  std::int64_t every = 0;                // steps between validations; 0: the default
  std::string keep;                      // train/training/kept_weights.h: "log", "0,10,20" or nothing
  std::vector<std::string> probes = {};  // keys of what is measured at its steps
};

// A training on the disk, in HDF5:
//   /                 attributes: format, config (TOML), steps_done, every, keep, probes, version, hdf5
//   /weights          the model's tensors by name
//   /optimizer/SLOT   the optimizer's state, by the names of the parameters
//   /metrics          train/training/metrics.h
class Checkpoint {
 public:
  // Opens it to read. Throws for what is no checkpoint, with what it is where that is known.
  explicit Checkpoint(const std::string& path);

  const std::string& path() const { return path_; }
  RunConfig config() const;  // validated
  std::int64_t steps_done() const;
  Habits habits() const;
  Metrics metrics() const { return read_metrics(file_.group("metrics")); }
  std::vector<data::StoredTensor> weights() const { return data::weights_in(file_.group("weights")); }
  // Fills weights, optimizer state and step count of a training of the same task, model and optimizer. Either
  // storage fits: rows go by their logical parts.
  void restore(Training& training) const;

 private:
  std::string path_;
  h5::File file_;
};

// Whether an HDF5 file is one.
bool is_checkpoint(const std::string& path);

// The weights in a checkpoint, or in a file of weights alone.
std::vector<data::StoredTensor> weights_of(const std::string& path);

// In one step (data/files/atomic_file.h): killed at any moment, the file is the old one or the new.
void save_checkpoint(const std::string& path, const Training& training, const Metrics& metrics,
                     const Habits& habits = {});

// metrics.h5 of a training: the same numbers for other programs, with the configuration.
void save_metrics(const std::string& path, const RunConfig& config, const Metrics& metrics);

// What would be lost in meaning, though not in numbers, if this training went on in the other storage: rules
// that look at whole stored tensors. Empty where nothing would.
std::string storage_dependence(const RunConfig& config);

}  // namespace lockstep::train
