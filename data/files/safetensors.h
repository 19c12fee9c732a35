#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/files/atomic_file.h"
#include "data/files/mapped_file.h"

// The safetensors format (https://huggingface.co/docs/safetensors): 8 bytes with the length of a JSON header,
// the header, the tensors one behind the other. A file is checked in full before anything of it can be used.
//
//   safetensors::File file("model.safetensors");
//   const safetensors::Entry& weight = file.at("attn.qkv.weight");
//   std::vector<float> values(weight.size());
//   weight.read(std::span(values));                        // F16, BF16 and F32 become float, exactly
//
//   safetensors::Writer writer("model.safetensors", {{"weight", safetensors::Type::f32, {192, 64}}});
//   writer.write(std::as_bytes(std::span(values)));        // in any number of portions
//   writer.commit();                                       // the file appears, whole (atomic_file.h)
namespace lockstep::safetensors {

enum class Type { boolean, u8, i8, u16, i16, f16, bf16, u32, i32, f32, u64, i64, f64 };

int64_t bytes_of(Type type);          // of one element
std::string_view name_of(Type type);  // "bf16", "bool", ...

struct Info {
  std::string name;
  Type type = Type::f32;
  std::vector<int64_t> shape = {};  // {} for a scalar

  int64_t size() const;  // elements
  bool operator==(const Info&) const = default;
};

struct Entry : Info {
  std::span<const std::byte> bytes = {};  // C order, little endian, not necessarily aligned

  // The values as T: float, double, int64_t or uint8_t. Throws where the stored type doesn't fit into T
  // without loss, or `out` hasn't this entry's size.
  template <typename T>
  requires(std::same_as<T, float> || std::same_as<T, double> || std::same_as<T, int64_t> ||
           std::same_as<T, uint8_t>) void read(std::span<T> out) const;
};

using Metadata = std::map<std::string, std::string>;

struct Content {
  std::vector<Entry> entries;  // in the order of the data
  Metadata metadata;
};

// Checks the bytes of a whole file and gives what they hold; the entries point into `file`. Throws Error,
// with `name` for the file, unless everything is in order: the length of the header, its JSON (UTF-8, no name
// twice), types, shapes, and data offsets that cover the data once, without a hole.
Content parse(std::span<const std::byte> file, std::string_view name);

// What a file begins with, up to the data: the length and the header, padded so that the data starts at a
// multiple of 8 bytes. The tensors lie in the order given.
std::string encode_header(std::span<const Info> tensors, const Metadata& metadata);

// A file that is mapped into memory, so it may be larger than that. The entries live as long as the File
// does.
class File {
 public:
  explicit File(const std::filesystem::path& path);

  const std::vector<Entry>& entries() const { return content_.entries; }
  const Metadata& metadata() const { return content_.metadata; }
  const Entry* find(std::string_view name) const;  // null where there is none
  const Entry& at(std::string_view name) const;    // throws where there is none

 private:
  std::string name_;
  data::MappedFile map_;
  Content content_;
};

// Writes one tensor after another, so that no more than a portion has to be in memory.
class Writer {
 public:
  Writer(const std::filesystem::path& path, std::vector<Info> tensors, const Metadata& metadata = {});

  // The tensors in the order in which their bytes must come: larger elements first, so that all are aligned,
  // and else as they were given.
  const std::vector<Info>& order() const { return tensors_; }

  void write(std::span<const std::byte> bytes);
  void commit();  // throws unless every byte has come

 private:
  std::string name_;
  std::vector<Info> tensors_;
  int64_t missing_bytes_ = 0;
  data::AtomicFile file_;
};

}  // namespace lockstep::safetensors
