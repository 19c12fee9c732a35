#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "train/training/metrics.h"

// Metrics as TensorBoard reads them: a file of TFRecords, each an Event in protocol buffers' encoding
// (tensorflow/core/util/event.proto, framework/summary.proto, lib/io/record_writer.cc).
namespace lockstep::train {

// CRC-32C (Castagnoli, polynomial 0x1EDC6F41 reflected).
std::uint32_t crc32c(std::string_view bytes);

// The file's content: training_loss of each step, validation_loss and validation_accuracy, as far as there
// are validations. `begun`: when the training began, in seconds since 1970. With more metrics it only becomes
// longer, so that who reads along can go on.
std::string event_file(const Metrics& metrics, std::int64_t begun);

// Where it stands in a training's folder, events.out.tfevents.BEGUN.lockstep; begun is now if there is none.
// Empty where there is none and none is wanted.
struct EventPlace {
  std::filesystem::path file;
  std::int64_t begun = 0;
};
EventPlace event_place(const std::filesystem::path& folder, bool wanted);

}  // namespace lockstep::train
