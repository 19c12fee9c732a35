#include "train/training/output_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/error.h"
#include "data/files/atomic_file.h"
#include "train/text/output.h"

namespace lockstep::train {

namespace fs = std::filesystem;

OutputFolder::OutputFolder(const fs::path& path) {
  std::error_code error;
  check(!fs::exists(path, error) || fs::is_directory(path, error),
        "--out {}: is a file: expected a folder, or a name that is still free", path.string());
  for (fs::path missing = path; !missing.empty() && !fs::exists(missing, error);
       missing = missing.parent_path()) {
    made_.insert(made_.begin(), missing);
  }
  fs::create_directories(path, error);
  check(!error, "--out {}: cannot make this folder: {}: choose another", path.string(), error.message());
  check(access(path.c_str(), W_OK | X_OK) == 0, "--out {}: cannot write into this folder: {}: choose another",
        path.string(), std::strerror(errno));
  descriptor_ = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool locked = descriptor_ >= 0 && flock(descriptor_, LOCK_EX | LOCK_NB) == 0;
  check(locked || errno != EWOULDBLOCK,
        "--out {}: another lockstep is at work in this folder: wait for its end, or choose another",
        path.string());
  if (!locked) {
    say("--out {}: this file system has no locks ({}): see to it that no other lockstep works in this "
        "folder\n",
        path.string(), std::strerror(errno));
  }
  data::remove_leftovers(path);
}

OutputFolder::~OutputFolder() {
  if (descriptor_ >= 0) close(descriptor_);
  for (auto folder = made_.rbegin(); folder != made_.rend(); ++folder) rmdir(folder->c_str());
}

}  // namespace lockstep::train
