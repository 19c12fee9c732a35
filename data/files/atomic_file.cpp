#include "data/files/atomic_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <utility>
#include <vector>

#include "core/error.h"
#include "data/files/file_reader.h"

namespace lockstep::data {
namespace {

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : ".";
}

// A name in the same folder, so that the rename stays within one file system. A process before this one may
// have had its number and left a file of that name: in a container all are process 1.
std::filesystem::path name_beside(const std::filesystem::path& path) {
  static std::atomic<unsigned> counter{0};
  return folder_of(path) / fmt::format(".{}.{}-{}.tmp", path.filename().string(), getpid(), counter++);
}

// Calls make(name) with names until one is free: returns that. False of `make` with another errno ends it.
template <typename Make>
std::filesystem::path first_free_name(const std::filesystem::path& path, Make&& make) {
  constexpr int most = 10'000;
  for (int i = 0; i < most; ++i) {
    std::filesystem::path name = name_beside(path);
    if (make(name)) return name;
    if (errno != EEXIST) break;
  }
  return {};
}

// Where a link leads, to a file that need not exist.
std::filesystem::path behind_links(std::filesystem::path path) {
  constexpr int most = 40;  // as many as Linux follows
  std::error_code error;
  for (int i = 0; i < most && std::filesystem::is_symlink(path, error); ++i) {
    const std::filesystem::path target = std::filesystem::read_symlink(path, error);
    if (error) break;
    path = target.is_absolute() ? target : folder_of(path) / target;
  }
  if (std::filesystem::is_symlink(path, error)) {
    fail("[file] cannot write {}: {}", path.string(), std::strerror(ELOOP));
  }
  return path;
}

// Whether the process that wrote this temporary file is gone. While it lives it holds a lock on the file, for
// as long as the file may have that name but for an instant; the number of the process covers that, and file
// systems without locks.
bool is_left_over(const std::filesystem::path& file, pid_t writer) {
  const int descriptor = open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (descriptor < 0) return false;
  const bool locked = flock(descriptor, LOCK_EX | LOCK_NB) == 0;
  const bool busy = !locked && errno == EWOULDBLOCK;
  close(descriptor);
  const bool gone = kill(writer, 0) != 0 && errno == ESRCH;
  return !busy && (gone || (locked && writer == getpid()));
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

AtomicFile::AtomicFile(const std::filesystem::path& path) : path_(behind_links(path)) {
  std::error_code ignored;
  struct stat old {};
  const bool exists = stat(path_.c_str(), &old) == 0;
  check(!exists || S_ISREG(old.st_mode),
        "[file] cannot write {}: it is a {}, expected a regular file or none", path_.string(),
        S_ISDIR(old.st_mode) ? "folder" : "device or pipe");
  check(std::filesystem::is_directory(folder_of(path_), ignored),
        "[file] cannot write {}: the folder {} does not exist; create it first", path_.string(),
        folder_of(path_).string());
  open_beside();
  flock(descriptor_, LOCK_EX | LOCK_NB);  // says that the writer lives, see is_left_over()
  if (exists && fchmod(descriptor_, old.st_mode & 07777) != 0) fail_with_errno("keep the permissions of");
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) close(descriptor_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

// A file without a name vanishes with its process: kill -9 leaves nothing. Not every file system has
// them.
void AtomicFile::open_beside() {
#ifdef O_TMPFILE
  descriptor_ = open(folder_of(path_).c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
  if (descriptor_ >= 0) return;
#endif
  temporary_ = first_free_name(path_, [&](const std::filesystem::path& name) {
    descriptor_ = open(name.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
    return descriptor_ >= 0;
  });
  if (descriptor_ < 0) fail_with_errno("create a file beside");
}

void AtomicFile::give_name() {
  if (!temporary_.empty()) return;
  const std::string open_file = fmt::format("/proc/self/fd/{}", descriptor_);
  temporary_ = first_free_name(path_, [&](const std::filesystem::path& name) {
    return linkat(AT_FDCWD, open_file.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0;
  });
  if (temporary_.empty()) fail_with_errno("name a file beside");
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
  flock(descriptor_, LOCK_UN);  // a reader that locks what it opens finds the new file free
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
    if (writer > 0 && is_left_over(entry.path(), writer)) leftovers.push_back(entry.path());
  }
  for (const auto& leftover : leftovers) std::filesystem::remove(leftover, error);
}

std::string read_file(const std::filesystem::path& path) {
  const FileReader file(path);
  std::string content(static_cast<std::size_t>(file.size()), '\0');
  file.read(0, std::as_writable_bytes(std::span(content)));
  return content;
}

}  // namespace lockstep::data
