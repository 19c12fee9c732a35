#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace lockstep::data {

// Writes a file to the side and puts it in place in one step: whoever opens `path` sees the old content or
// the new, never a part of it, even after kill -9, a crash or a full disk.
//
//   AtomicFile file("out/runs.csv");
//   file.write("seed,steps\n");
//   file.commit();
//
// Without commit() nothing happens to `path`. A link is followed, to a file that need not exist; the
// permissions of an existing file are kept. Of two writers of one path the later commit wins. Every failure
// throws Error and leaves the old file as it was.
class AtomicFile {
 public:
  explicit AtomicFile(const std::filesystem::path& path);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }

  // Waits for the disk (fsync), renames, and waits for the folder. Nothing can be written afterwards.
  void commit();

 private:
  void open_beside();
  void give_name();
  [[noreturn]] void fail_with_errno(std::string_view action) const;

  std::filesystem::path path_;
  std::filesystem::path temporary_;  // empty while the file has no name
  int descriptor_ = -1;
};

// The same for content that is at hand.
void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes);
void write_file(const std::filesystem::path& path, std::string_view text);

// Removes what a writer leaves in the folder that was killed between naming its file and putting it in place.
// Files of processes that still run stay, those of other machines and containers too where the file system
// has locks.
void remove_leftovers(const std::filesystem::path& folder);

// The whole content of a file. Throws where it cannot be read.
std::string read_file(const std::filesystem::path& path);

}  // namespace lockstep::data
