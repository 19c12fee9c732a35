#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>

namespace lockstep::data {

// A regular file, read in pieces, so it may be larger than memory. Throws Error where there is none, or it
// cannot be read, and where it is cut short meanwhile (a mapping would end the process by SIGBUS).
class FileReader {
 public:
  explicit FileReader(const std::filesystem::path& path);
  FileReader(FileReader&& other) noexcept
      : name_(std::move(other.name_)),
        descriptor_(std::exchange(other.descriptor_, -1)),
        size_(other.size_) {}
  FileReader& operator=(FileReader&&) = delete;
  ~FileReader();

  const std::string& name() const { return name_; }
  std::int64_t size() const { return size_; }  // bytes, when it was opened
  // Fills `out` with the bytes from `offset` on.
  void read(std::int64_t offset, std::span<std::byte> out) const;

 private:
  std::string name_;
  int descriptor_;
  std::int64_t size_;
};

}  // namespace lockstep::data
