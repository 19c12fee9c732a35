#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "core/error.h"
#include "data/files/safetensors.h"
#include "data/files/sizes.h"

namespace lockstep::safetensors {
namespace {

constexpr uint64_t largest_header = 100'000'000;  // bytes; the limit of the reference implementation
constexpr std::string_view metadata_key = "__metadata__";

// Text of a file as it may stand in a message: quoted, escaped and not too long.
std::string quote(std::string_view text) {
  constexpr size_t longest = 200;
  const auto replace = nlohmann::json::error_handler_t::replace;
  return nlohmann::json(text.substr(0, longest)).dump(-1, ' ', false, replace) +
         (text.size() > longest ? "..." : "");
}

// None where the shape has 2^63 bytes or more.
std::optional<int64_t> byte_size(const Info& info) {
  const data::StoredType* known = data::find_stored_type(info.type);
  const std::optional<int64_t> size = data::product_of(info.shape, known ? known->bytes : 1);
  return known || !size ? size : info.foreign_bytes;
}

// "bf16" for "BF16"; an unknown word stays as it is, unless it is one of our own names.
std::optional<std::string> type_from(std::string_view word) {
  for (const data::StoredType& type : data::stored_types()) {
    if (type.in_safetensors == word) return std::string(type.name);
  }
  if (word.empty() || data::find_stored_type(word)) return {};
  return std::string(word);
}

std::string_view word_for(const Info& info) {
  const data::StoredType* known = data::find_stored_type(info.type);
  return known ? known->in_safetensors : info.type;
}

// One tensor as the header describes it.
struct Description {
  std::string name;
  std::optional<std::string> type;
  std::optional<std::vector<int64_t>> shape, offsets;
};

// Receives the header's JSON piece by piece. It knows at every point what may come next, so nesting is
// bounded; the parser itself would let a name pass twice.
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit HeaderReader(std::string_view file) : file_(file) {}

  std::vector<Description> tensors;
  Metadata metadata;

  bool start_object(size_t) override {
    switch (place_) {
      case Place::outside:
        return go(Place::top);
      case Place::top:
        return go(in_metadata() ? Place::metadata : Place::tensor);
      default:
        wrong("an object");
    }
  }

  bool end_object() override {
    switch (place_) {
      case Place::top:
        return go(Place::end);
      case Place::metadata:
        return go(Place::top);
      default:
        complete(tensors.back());
        return go(Place::top);
    }
  }

  bool key(std::string& text) override {
    if (place_ == Place::top) {
      name_ = text;
      if (!names_.insert(text).second) {
        fail("[safetensors] {}: the name {} stands there twice", file_, quote(text));
      }
      if (!in_metadata()) tensors.push_back({text, {}, {}, {}});
    } else {
      key_ = text;
      if (place_ == Place::metadata) {
        if (metadata.contains(text)) fail("[safetensors] {}: the metadata hold {} twice", file_, quote(text));
      }
    }
    return true;
  }

  bool string(std::string& text) override {
    if (place_ == Place::metadata) {
      metadata.emplace(key_, text);
      return true;
    }
    if (place_ != Place::tensor || key_ != "dtype") wrong("a string");
    once(tensors.back().type);
    tensors.back().type = type_from(text);
    if (!tensors.back().type)
      fail("[safetensors] {}: {} has the unknown dtype {}", file_, quote(name_), quote(text));
    return true;
  }

  bool start_array(size_t) override {
    if (place_ != Place::tensor || !(key_ == "shape" || key_ == "data_offsets")) wrong("an array");
    once(numbers());
    numbers().emplace();
    return go(Place::numbers);
  }

  bool end_array() override { return go(Place::tensor); }

  bool number_unsigned(number_unsigned_t number) override {
    if (place_ != Place::numbers) wrong("a number");
    if (number > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) wrong("a number of 64 bits");
    numbers()->push_back(static_cast<int64_t>(number));
    return true;
  }

  bool number_integer(number_integer_t) override { wrong("a negative number"); }
  bool number_float(number_float_t, const std::string&) override {
    wrong("a fraction or too large a number");
  }
  bool null() override { wrong("null"); }
  bool boolean(bool) override { wrong("a truth value"); }
  bool binary(binary_t&) override { wrong("binary data"); }

  bool parse_error(size_t position, const std::string&, const nlohmann::json::exception&) override {
    fail("[safetensors] {}: the header is no valid JSON in UTF-8, at its byte {}", file_, position);
  }

 private:
  enum class Place { outside, top, metadata, tensor, numbers, end };

  bool go(Place place) {
    place_ = place;
    return true;
  }

  bool in_metadata() const { return name_ == metadata_key; }

  std::optional<std::vector<int64_t>>& numbers() {
    return key_ == "shape" ? tensors.back().shape : tensors.back().offsets;
  }

  template <typename Value>
  void once(const std::optional<Value>& value) const {
    if (value) fail("[safetensors] {}: {} has {} twice", file_, quote(name_), key_);
  }

  void complete(const Description& tensor) const {
    const char* missing = !tensor.type      ? "dtype"
                          : !tensor.shape   ? "shape"
                          : !tensor.offsets ? "data_offsets"
                                            : nullptr;
    if (missing) fail("[safetensors] {}: {} has no {}", file_, quote(name_), missing);
    if (tensor.offsets->size() != 2) {
      fail("[safetensors] {}: {} has {} data_offsets, expected 2", file_, quote(name_),
           tensor.offsets->size());
    }
  }

  [[noreturn]] void wrong(std::string_view got) const {
    switch (place_) {
      case Place::top:
        fail("[safetensors] {}: {} is {}, expected an object", file_, quote(name_), got);
      case Place::metadata:
        fail("[safetensors] {}: the metadata {} is {}, expected a string", file_, quote(key_), got);
      default:
        fail(
            "[safetensors] {}: {} has {} in {}; expected dtype (a string), shape and data_offsets (whole "
            "numbers)",
            file_, quote(name_), got, quote(key_));
    }
  }

  std::string_view file_;
  Place place_ = Place::outside;
  std::string name_, key_;  // where the reader is
  std::set<std::string> names_;
};

Entry checked_entry(Description tensor, int64_t data_bytes, std::string_view file) {
  const int64_t begin = (*tensor.offsets)[0], end = (*tensor.offsets)[1];
  Entry entry;
  static_cast<Info&>(entry) = {std::move(tensor.name), std::move(*tensor.type), std::move(*tensor.shape)};
  if (begin > end || end > data_bytes) {
    fail("[safetensors] {}: {} lies at bytes {} to {} of {} bytes of data{}", file, quote(entry.name), begin,
         end, data_bytes, begin <= end ? "; the file is cut short or damaged" : "");
  }
  if (!data::find_stored_type(entry.type)) entry.foreign_bytes = end - begin;
  const std::optional<int64_t> expected = byte_size(entry);
  if (!expected) fail("[safetensors] {}: {} has a shape with more than 2^63 bytes", file, quote(entry.name));
  if (*expected != end - begin) {
    fail("[safetensors] {}: {} takes {} bytes, expected {} for its shape and {}", file, quote(entry.name),
         end - begin, *expected, entry.type);
  }
  entry.begin = begin;
  return entry;
}

// Sorts the entries by their place and checks that they cover the data.
void expect_cover(std::vector<Entry>& entries, int64_t data_bytes, std::string_view file) {
  std::ranges::stable_sort(entries, {},
                           [](const Entry& e) { return std::pair(e.begin, e.begin + e.bytes()); });
  int64_t covered = 0;
  for (const Entry& entry : entries) {
    if (entry.begin < covered) {
      fail("[safetensors] {}: {} overlaps the tensor before it", file, quote(entry.name));
    }
    if (entry.begin > covered) {
      fail("[safetensors] {}: {} bytes before {} belong to no tensor", file, entry.begin - covered,
           quote(entry.name));
    }
    covered = entry.begin + entry.bytes();
  }
  check(covered == data_bytes, "[safetensors] {}: {} bytes at the end belong to no tensor", file,
        data_bytes - covered);
}

}  // namespace

int64_t header_length(std::span<const std::byte> first_bytes, int64_t file_bytes, std::string_view name) {
  static_assert(std::endian::native == std::endian::little);
  uint64_t length = 0;
  check(std::ssize(first_bytes) >= length_bytes && file_bytes >= length_bytes,
        "[safetensors] {}: has {} bytes; expected at least 8, the length of a header", name, file_bytes);
  std::memcpy(&length, first_bytes.data(), sizeof length);
  check(length <= largest_header,
        "[safetensors] {}: a header of {} bytes; expected at most {}. Is it a safetensors file?", name,
        length, largest_header);
  const auto bytes = static_cast<int64_t>(length);
  check(bytes <= file_bytes - length_bytes,
        "[safetensors] {}: a header of {} bytes, but {} bytes in all: the file is cut short", name, bytes,
        file_bytes);
  return bytes;
}

Content parse(std::string_view header, int64_t data_bytes, std::string_view name) {
  // The JSON parser would skip a byte order mark, and take a zero byte for the end.
  check(header.starts_with('{'), "[safetensors] {}: the header doesn't start with '{{'", name);
  check(header.find('\0') == std::string_view::npos, "[safetensors] {}: the header holds a zero byte", name);

  HeaderReader reader(name);
  nlohmann::json::sax_parse(header.begin(), header.end(), &reader);
  Content content;
  content.metadata = std::move(reader.metadata);
  for (Description& tensor : reader.tensors)
    content.entries.push_back(checked_entry(std::move(tensor), data_bytes, name));
  expect_cover(content.entries, data_bytes, name);
  return content;
}

std::string encode_header(std::span<const Info> tensors, const Metadata& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header[std::string(metadata_key)] = metadata;
  std::set<std::string_view> names{metadata_key};
  int64_t offset = 0;
  for (const Info& tensor : tensors) {
    if (!names.insert(tensor.name).second) {
      fail("[safetensors] cannot write a tensor named {}: {}", quote(tensor.name),
           tensor.name == metadata_key ? "the format keeps this name to itself" : "there are two");
    }
    const bool positive = std::ranges::none_of(tensor.shape, [](int64_t extent) { return extent < 0; });
    const std::optional<int64_t> size = byte_size(tensor);
    int64_t end = 0;
    if (!positive || !size || __builtin_add_overflow(offset, *size, &end)) {
      fail("[safetensors] cannot write {}: its shape is negative or too large", quote(tensor.name));
    }
    header[tensor.name] = {
        {"dtype", word_for(tensor)}, {"shape", tensor.shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const nlohmann::json::exception&) {
    fail("[safetensors] cannot write a name or metadata that is no UTF-8");
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');
  check(text.size() <= largest_header, "[safetensors] cannot write a header of {} bytes: the limit is {}",
        text.size(), largest_header);
  const uint64_t length = text.size();
  std::string file(sizeof length, '\0');
  std::memcpy(file.data(), &length, sizeof length);
  return file + text;
}

}  // namespace lockstep::safetensors
