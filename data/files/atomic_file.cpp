#include "data/files/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <fstream>
#include <utility>
#include <vector>

#include "core/error.h"

namespace lockstep::data {
namespace {

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : ".";
}

// A name in the same folder (so that the rename stays within one file system) that nobody else uses.
std::filesystem::path name_beside(const std::filesystem::path& path) {
  static std::atomic<unsigned> counter{0};
  return folder_of(path) / fmt::format(".{}.{}-{}.tmp", path.filename().string(), getpid(), counter++);
}

// The process that a name of name_beside() holds, ".study.h5.1234-0.tmp"; 0 for any other name.
pid_t writer_in(std::string_view name) {
  constexpr std::string_view end = ".tmp";
  if (!name.starts_with('.') || !name.ends_with(end)) return 0;
  name.remove_suffix(end.size());
  const std::string_view numbers = name.substr(name.rfind('.') + 1);
  const std::size_t dash = numbers.find('-');
  pid_t process = 0;
  const auto read = [&](std::string_view digits, auto& value) {
    const auto [rest, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return error == std::errc() && rest == digits.data() + digits.size();
  };
  unsigned number = 0;
  const bool ours = dash != std::string_view::npos && read(numbers.substr(0, dash), process) &&
                    read(numbers.substr(dash + 1), number);
  return ours && process > 0 ? process : 0;
}

}  // namespace

AtomicFile::AtomicFile(const std::filesystem::path& path) : path_(path) {
  std::error_code ignored;
  if (std::filesystem::is_symlink(path_, ignored)) path_ = std::filesystem::weakly_canonical(path_);
  struct stat old {};
  const bool exists = stat(path_.c_str(), &old) == 0;
  check(!exists || S_ISREG(old.st_mode),
        "[file] cannot write {}: it is a {}, expected a regular file or none", path_.string(),
        S_ISDIR(old.st_mode) ? "folder" : "device or pipe");
  check(std::filesystem::is_directory(folder_of(path_), ignored),
        "[file] cannot write {}: the folder {} does not exist; create it first", path_.string(),
        folder_of(path_).string());
  open_beside();
  if (exists && fchmod(descriptor_, old.st_mode & 07777) != 0) fail_with_errno("keep the permissions of");
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) close(descriptor_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

// A file without a name vanishes with its process: kill -9 leaves nothing behind. Not every file system has
// them.
void AtomicFile::open_beside() {
#ifdef O_TMPFILE
  descriptor_ = open(folder_of(path_).c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
  if (descriptor_ >= 0) return;
#endif
  std::filesystem::path temporary = name_beside(path_);
  descriptor_ = open(temporary.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
  if (descriptor_ < 0) fail_with_errno("create a file beside");
  temporary_ = std::move(temporary);
}

void AtomicFile::give_name() {
  if (!temporary_.empty()) return;
  std::filesystem::path temporary = name_beside(path_);
  const std::string open_file = fmt::format("/proc/self/fd/{}", descriptor_);
  if (linkat(AT_FDCWD, open_file.c_str(), AT_FDCWD, temporary.c_str(), AT_SYMLINK_FOLLOW) != 0) {
    fail_with_errno("name a file beside");
  }
  temporary_ = std::move(temporary);
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  check(descriptor_ >= 0, "[file] {}: was committed already", path_.string());
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_with_errno("write");
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
}

void AtomicFile::commit() {
  check(descriptor_ >= 0, "[file] {}: was committed already", path_.string());
  if (fsync(descriptor_) != 0) fail_with_errno("write");
  give_name();
  if (rename(temporary_.c_str(), path_.c_str()) != 0) fail_with_errno("replace");
  temporary_.clear();
  close(std::exchange(descriptor_, -1));
  // The rename itself is on the disk once the folder is. Some file systems can't sync a folder; the new file
  // stands complete either way, so that is no error.
  if (const int folder = open(folder_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); folder >= 0) {
    fsync(folder);
    close(folder);
  }
}

void AtomicFile::fail_with_errno(std::string_view action) const {
  const int code = errno;
  fail("[file] cannot {} {}: {}{}; what stood there before is unchanged", action, path_.string(),
       std::strerror(code), code == ENOSPC || code == EDQUOT ? " (free some space and try again)" : "");
}

void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

void write_file(const std::filesystem::path& path, std::string_view text) {
  write_file(path, std::as_bytes(std::span(text)));
}

void remove_leftovers(const std::filesystem::path& folder) {
  std::error_code error;
  std::vector<std::filesystem::path> leftovers;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const pid_t writer = writer_in(entry.path().filename().string());
    if (writer > 0 && kill(writer, 0) != 0 && errno == ESRCH) leftovers.push_back(entry.path());
  }
  for (const auto& leftover : leftovers) std::filesystem::remove(leftover, error);
}

std::string read_file(const std::filesystem::path& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  check(!error, "[file] cannot read {}: {}", path.string(), error.message());
  std::string content(size, '\0');
  std::ifstream stream(path, std::ios::binary);
  stream.read(content.data(), static_cast<std::streamsize>(size));
  check(stream.good(), "[file] cannot read {}: {}", path.string(), std::strerror(errno));
  return content;
}

}  // namespace lockstep::data
