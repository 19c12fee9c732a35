#include "data/files/safetensors.h"

#include <algorithm>
#include <cstring>

#include "core/dtype.h"
#include "data/files/half.h"
#include "data/files/stored_type.h"

namespace lockstep::safetensors {
namespace {

// out[i] = convert(stored[i]), where the stored values need not be aligned.
template <typename Stored, typename T, typename Convert>
void convert_all(std::span<const std::byte> bytes, std::span<T> out, Convert convert) {
  for (size_t i = 0; i < out.size(); ++i) {
    Stored value;
    std::memcpy(&value, bytes.data() + i * sizeof value, sizeof value);
    out[i] = static_cast<T>(convert(value));
  }
}

template <typename Stored, typename T>
void widen(std::span<const std::byte> bytes, std::span<T> out) {
  if constexpr (std::same_as<Stored, T>) {
    if (!out.empty()) std::memcpy(out.data(), bytes.data(), bytes.size());
  } else {
    convert_all<Stored>(bytes, out, [](Stored value) { return value; });
  }
}

// The stored values as T, where `fits` has said that T can hold them.
template <typename T>
void read_as(Type type, std::span<const std::byte> bytes, std::span<T> out) {
  switch (type) {
    case Type::boolean:
      return convert_all<uint8_t>(bytes, out, [](uint8_t value) { return value != 0; });
    case Type::u8:
      return widen<uint8_t>(bytes, out);
    case Type::i8:
      return widen<int8_t>(bytes, out);
    case Type::u16:
      return widen<uint16_t>(bytes, out);
    case Type::i16:
      return widen<int16_t>(bytes, out);
    case Type::f16:
      return convert_all<uint16_t>(bytes, out, data::half_to_float);
    case Type::bf16:
      return convert_all<uint16_t>(bytes, out, data::bfloat16_to_float);
    case Type::u32:
      return widen<uint32_t>(bytes, out);
    case Type::i32:
      return widen<int32_t>(bytes, out);
    case Type::f32:
      return widen<float>(bytes, out);
    case Type::u64:
      return widen<uint64_t>(bytes, out);
    case Type::i64:
      return widen<int64_t>(bytes, out);
    case Type::f64:
      return widen<double>(bytes, out);
  }
}

}  // namespace

int64_t Info::size() const {
  int64_t size = 1;
  for (int64_t extent : shape) size *= extent;
  return size;
}

template <typename T>
requires(std::same_as<T, float> || std::same_as<T, double> || std::same_as<T, int64_t> ||
         std::same_as<T, uint8_t>) void Entry::read(std::span<T> out) const {
  check(std::ssize(out) == size(), "[safetensors] {}: has {} values: got room for {}", name, size(),
        out.size());
  check(data::fits(name_of(type), dtype_of<T>()),
        "[safetensors] {}: holds {}, which doesn't fit into {} without loss", name, name_of(type),
        lockstep::name_of(dtype_of<T>()));
  read_as(type, bytes, out);
}

template void Entry::read(std::span<float>) const;
template void Entry::read(std::span<double>) const;
template void Entry::read(std::span<int64_t>) const;
template void Entry::read(std::span<uint8_t>) const;

File::File(const std::filesystem::path& path)
    : name_(path.string()), map_(path), content_(parse(map_.bytes(), name_)) {}

const Entry* File::find(std::string_view name) const {
  const auto entry = std::ranges::find(entries(), name, &Entry::name);
  return entry == entries().end() ? nullptr : &*entry;
}

const Entry& File::at(std::string_view name) const {
  const Entry* entry = find(name);
  check(entry, "[safetensors] {}: has no tensor {}", name_, name);
  return *entry;
}

Writer::Writer(const std::filesystem::path& path, std::vector<Info> tensors, const Metadata& metadata)
    : name_(path.string()), tensors_(std::move(tensors)), file_(path) {
  std::ranges::stable_sort(tensors_, std::greater<>(),
                           [](const Info& tensor) { return bytes_of(tensor.type); });
  file_.write(encode_header(tensors_, metadata));
  for (const Info& tensor : tensors_) missing_bytes_ += tensor.size() * bytes_of(tensor.type);
}

void Writer::write(std::span<const std::byte> bytes) {
  check(std::ssize(bytes) <= missing_bytes_, "[safetensors] {}: {} bytes more than its tensors have", name_,
        std::ssize(bytes) - missing_bytes_);
  file_.write(bytes);
  missing_bytes_ -= std::ssize(bytes);
}

void Writer::commit() {
  check(missing_bytes_ == 0, "[safetensors] {}: {} bytes of its tensors are missing", name_, missing_bytes_);
  file_.commit();
}

}  // namespace lockstep::safetensors
