#pragma once

#include <filesystem>
#include <vector>

namespace lockstep::train {

// The folder that a study or a training writes into, held by one process at a time. Folders that were made
// for it and stay empty go with the object: an error before the first file leaves nothing.
class OutputFolder {
 public:
  // Makes the folder where it is missing. Throws if that or writing into it is not possible, or if another
  // process holds it.
  explicit OutputFolder(const std::filesystem::path& path);
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;
  ~OutputFolder();

  bool is_new() const { return !made_.empty(); }

 private:
  std::vector<std::filesystem::path> made_;  // the outermost first
  int descriptor_ = -1;                      // carries the lock
};

}  // namespace lockstep::train
