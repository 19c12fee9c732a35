#include "data/files/file_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/error.h"

namespace lockstep::data {

FileReader::FileReader(const std::filesystem::path& path)
    : name_(path.string()), descriptor_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
  if (descriptor_ < 0) fail("[file] cannot read {}: {}", name_, std::strerror(errno));
  struct stat status {};
  const bool regular = fstat(descriptor_, &status) == 0 && S_ISREG(status.st_mode);
  size_ = status.st_size;
  if (regular) return;
  close(descriptor_);
  fail("[file] cannot read {}: it is no regular file", name_);
}

FileReader::~FileReader() {
  if (descriptor_ >= 0) close(descriptor_);
}

void FileReader::read(std::int64_t offset, std::span<std::byte> out) const {
  while (!out.empty()) {
    const ssize_t got = pread(descriptor_, out.data(), out.size(), offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("[file] cannot read {}: {}", name_, std::strerror(errno));
    check(got > 0, "[file] {} was cut short while it was read: it had {} bytes, and ends before byte {}",
          name_, size_, offset + 1);
    out = out.subspan(static_cast<std::size_t>(got));
    offset += got;
  }
}

}  // namespace lockstep::data
