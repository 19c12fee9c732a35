#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/files/atomic_file.h"
#include "data/files/file_reader.h"
#include "data/files/stored_type.h"

// The safetensors format (https://huggingface.co/docs/safetensors): 8 bytes with the length of a JSON header,
// the header, the tensors one after the other. A header is checked in full before anything can be used.
//
//   safetensors::File file("model.safetensors");
//   const safetensors::Entry& weight = file.at("attn.qkv.weight");
//   std::vector<float> values(weight.size());
//   file.read(weight, std::span(values));                  // F16, BF16 and F32 become float, exactly
//
//   safetensors::Writer writer("model.safetensors", {{"weight", "f32", {192, 64}}});
//   writer.write(std::as_bytes(std::span(values)));        // in any number of portions
//   writer.commit();                                       // the file appears, whole (atomic_file.h)
namespace lockstep::safetensors {

struct Info {
  std::string name;
  std::string type = "f32";         // of data/files/stored_type.h; any other is the header's word ("F4")
  std::vector<int64_t> shape = {};  // {} for a scalar
  int64_t foreign_bytes = 0;        // of the whole tensor, where its type is none of ours

  int64_t size() const;   // elements
  int64_t bytes() const;  // of the whole tensor
  bool operator==(const Info&) const = default;
};

struct Entry : Info {
  int64_t begin = 0;  // of its bytes in the data: C order, little endian, not necessarily aligned
};

using Metadata = std::map<std::string, std::string>;

struct Content {
  std::vector<Entry> entries;  // in the order of the data
  Metadata metadata;
};

inline constexpr int64_t length_bytes = 8;  // in front of the header

// The length in bytes of the header that a file of so many bytes begins with. Throws, with `name` for the
// file, where it is longer than the file, or than 100 MB.
int64_t header_length(std::span<const std::byte> first_bytes, int64_t file_bytes, std::string_view name);

// Checks a header and gives what it says of `data_bytes` of data. Throws Error, with `name` for the file,
// unless everything is in order: its JSON (UTF-8, no name twice), types, shapes, and data offsets that cover
// the data once, without a hole. A type that is not known is no error: its tensor is so many bytes.
Content parse(std::string_view header, int64_t data_bytes, std::string_view name);

// What a file begins with, up to the data: the length and the header, padded so that the data starts at a
// multiple of 8 bytes. The tensors lie in the order given. Throws for a name that is there twice or that the
// format keeps for itself, names or metadata that are no UTF-8, and shapes that are negative or too large.
std::string encode_header(std::span<const Info> tensors, const Metadata& metadata);

// A file, open to be read tensor by tensor. Throws what parse() throws.
class File {
 public:
  explicit File(const std::filesystem::path& path);

  const std::vector<Entry>& entries() const { return content_.entries; }
  const Metadata& metadata() const { return content_.metadata; }
  const Entry* find(std::string_view name) const;  // null where there is none
  const Entry& at(std::string_view name) const;    // throws where there is none

  // The bytes of one of the entries, as stored.
  std::vector<std::byte> bytes(const Entry& entry) const;
  // The values as T: float, double, int64_t or uint8_t. Throws where the stored type doesn't fit into T
  // without loss, or `out` hasn't this entry's size.
  template <data::Decoded T>
  void read(const Entry& entry, std::span<T> out) const {
    expect(entry, dtype_of<T>(), std::ssize(out));
    data::decode<T>(entry.type, bytes(entry), out);
  }

 private:
  void expect(const Entry& entry, DType type, int64_t room) const;

  data::FileReader file_;
  int64_t data_begin_ = 0;
  Content content_;
};

// Writes one tensor after another, so that no more than a portion has to be in memory.
class Writer {
 public:
  Writer(const std::filesystem::path& path, std::vector<Info> tensors, const Metadata& metadata = {});

  // The tensors in the order in which their bytes must come: larger elements first, so that all are aligned,
  // and else as they were given.
  const std::vector<Info>& order() const { return tensors_; }

  void write(std::span<const std::byte> bytes);  // throws for more than the tensors have
  void commit();                                 // throws for fewer

 private:
  std::string name_;
  std::vector<Info> tensors_;
  int64_t missing_bytes_ = 0;
  data::AtomicFile file_;
};

}  // namespace lockstep::safetensors
