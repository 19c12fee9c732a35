#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <utility>

namespace lockstep::data {

// A file's content, mapped into memory to be read: pages come from the disk when they are touched, so the
// file may be larger than memory. The file must not be cut short while it is mapped; Lockstep itself only
// ever replaces files (atomic_file.h), which leaves a mapping as it was.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  MappedFile& operator=(MappedFile&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~MappedFile();

  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace lockstep::data
