#include "data/safetensors.h"

#include <algorithm>
#include <cstring>

#include "core/error.h"
#include "data/half.h"

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

bool read_reals(Type type, std::span<const std::byte> bytes, auto out) {
  switch (type) {
    case Type::f16:
      convert_all<uint16_t>(bytes, out, data::half_to_float);
      return true;
    case Type::bf16:
      convert_all<uint16_t>(bytes, out, data::bfloat16_to_float);
      return true;
    case Type::f32:
      widen<float>(bytes, out);
      return true;
    default:
      return false;
  }
}

bool read_as(Type type, std::span<const std::byte> bytes, std::span<float> out) {
  return read_reals(type, bytes, out);
}

bool read_as(Type type, std::span<const std::byte> bytes, std::span<double> out) {
  if (type != Type::f64) return read_reals(type, bytes, out);
  widen<double>(bytes, out);
  return true;
}

bool read_as(Type type, std::span<const std::byte> bytes, std::span<uint8_t> out) {
  if (type == Type::u8) {
    widen<uint8_t>(bytes, out);
  } else if (type == Type::boolean) {
    convert_all<uint8_t>(bytes, out, [](uint8_t value) { return value != 0; });
  } else {
    return false;
  }
  return true;
}

bool read_as(Type type, std::span<const std::byte> bytes, std::span<int64_t> out) {
  switch (type) {
    case Type::boolean:
      convert_all<uint8_t>(bytes, out, [](uint8_t value) { return value != 0; });
      return true;
    case Type::u8:
      widen<uint8_t>(bytes, out);
      return true;
    case Type::i8:
      widen<int8_t>(bytes, out);
      return true;
    case Type::u16:
      widen<uint16_t>(bytes, out);
      return true;
    case Type::i16:
      widen<int16_t>(bytes, out);
      return true;
    case Type::u32:
      widen<uint32_t>(bytes, out);
      return true;
    case Type::i32:
      widen<int32_t>(bytes, out);
      return true;
    case Type::i64:
      widen<int64_t>(bytes, out);
      return true;
    default:
      return false;
  }
}

template <typename T>
constexpr std::string_view wanted_name = std::same_as<T, float>     ? "F32"
                                         : std::same_as<T, double>  ? "F64"
                                         : std::same_as<T, int64_t> ? "I64"
                                                                    : "U8";

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
  check(read_as(type, bytes, out), "[safetensors] {}: holds {}, which doesn't fit into {} without loss", name,
        name_of(type), wanted_name<T>);
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
