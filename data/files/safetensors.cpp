#include "data/files/safetensors.h"

#include <algorithm>
#include <array>

#include "data/files/sizes.h"

namespace lockstep::safetensors {

int64_t Info::size() const { return data::product_of(shape).value_or(0); }

int64_t Info::bytes() const {
  const data::StoredType* known = data::find_stored_type(type);
  return known ? data::product_of(shape, known->bytes).value_or(0) : foreign_bytes;
}

File::File(const std::filesystem::path& path) : file_(path) {
  std::array<std::byte, length_bytes> first{};
  const auto there = static_cast<std::size_t>(std::min(length_bytes, file_.size()));
  file_.read(0, std::span(first).first(there));
  const int64_t length = header_length(std::span(first).first(there), file_.size(), file_.name());
  std::string header(static_cast<std::size_t>(length), '\0');
  file_.read(length_bytes, std::as_writable_bytes(std::span(header)));
  data_begin_ = length_bytes + length;
  content_ = parse(header, file_.size() - data_begin_, file_.name());
}

const Entry* File::find(std::string_view name) const {
  const auto entry = std::ranges::find(entries(), name, &Entry::name);
  return entry == entries().end() ? nullptr : &*entry;
}

const Entry& File::at(std::string_view name) const {
  const Entry* entry = find(name);
  check(entry, "[safetensors] {}: has no tensor {}", file_.name(), name);
  return *entry;
}

std::vector<std::byte> File::bytes(const Entry& entry) const {
  std::vector<std::byte> bytes(static_cast<std::size_t>(entry.bytes()));
  file_.read(data_begin_ + entry.begin, bytes);
  return bytes;
}

void File::expect(const Entry& entry, DType type, int64_t room) const {
  check(room == entry.size(), "[safetensors] {}: has {} values: got room for {}", entry.name, entry.size(),
        room);
  check(data::fits(entry.type, type), "[safetensors] {}: holds {}, which doesn't fit into {} without loss",
        entry.name, entry.type, name_of(type));
}

namespace {

// Bytes that an element lies at multiples of; foreign ones come last.
int64_t alignment(const Info& tensor) {
  const data::StoredType* known = data::find_stored_type(tensor.type);
  return known ? known->bytes : 0;
}

}  // namespace

Writer::Writer(const std::filesystem::path& path, std::vector<Info> tensors, const Metadata& metadata)
    : name_(path.string()), tensors_(std::move(tensors)), file_(path) {
  std::ranges::stable_sort(tensors_, std::greater<>(), alignment);
  file_.write(encode_header(tensors_, metadata));
  for (const Info& tensor : tensors_) missing_bytes_ += tensor.bytes();
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
