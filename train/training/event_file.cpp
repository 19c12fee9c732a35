#include "train/training/event_file.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <charconv>
#include <chrono>

namespace lockstep::train {

namespace {

constexpr std::array<std::uint32_t, 256> crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? crc >> 1 ^ 0x82F63B78U : crc >> 1;
    table[byte] = crc;
  }
  return table;
}

// Little endian.
template <typename Unsigned>
std::string bytes_of(Unsigned value) {
  std::string bytes;
  for (std::size_t i = 0; i < sizeof value; ++i) bytes += static_cast<char>(value >> 8 * i & 0xff);
  return bytes;
}

// Seven bits a byte, the lowest first; the top bit says that more follow.
std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value > 0x7f; value >>= 7) bytes += static_cast<char>((value & 0x7f) | 0x80);
  return bytes + static_cast<char>(value);
}

enum class Wire : std::uint64_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

std::string key(std::uint64_t field, Wire wire) {
  return varint(field << 3 | static_cast<std::uint64_t>(wire));
}

std::string nested(std::uint64_t field, const std::string& message) {
  return key(field, Wire::bytes) + varint(message.size()) + message;
}

// Event { double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary = 5; }
std::string event(double wall_time, std::int64_t step, const std::string& what) {
  return key(1, Wire::fixed64) + bytes_of(std::bit_cast<std::uint64_t>(wall_time)) + key(2, Wire::varint) +
         varint(static_cast<std::uint64_t>(step)) + what;
}

// Summary { repeated Value value = 1; }, Value { string tag = 1; float simple_value = 2; }
std::string scalar(const std::string& tag, double value) {
  const std::string number = bytes_of(std::bit_cast<std::uint32_t>(static_cast<float>(value)));
  return nested(5, nested(1, nested(1, tag) + key(2, Wire::fixed32) + number));
}

// uint64 length, masked crc of the length, data, masked crc of the data.
std::string record(const std::string& data) {
  const auto masked = [](std::string_view bytes) {
    return bytes_of(std::rotr(crc32c(bytes), 15) + 0xa282ead8U);
  };
  const std::string length = bytes_of(static_cast<std::uint64_t>(data.size()));
  return length + masked(length) + data + masked(data);
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  static constexpr std::array<std::uint32_t, 256> table = crc_table();
  std::uint32_t crc = ~0U;
  for (const char c : bytes) crc = table[(crc ^ static_cast<unsigned char>(c)) & 0xff] ^ crc >> 8;
  return ~crc;
}

std::string event_file(const Metrics& metrics, std::int64_t begun) {
  const auto start = static_cast<double>(begun);
  std::string file = record(event(start, 0, nested(3, "brain.Event:2")));
  std::int64_t step = 0;
  double seconds = 0;  // at the validation before
  for (const auto& [done, result, at] : metrics.validations) {
    const std::int64_t first = step;
    for (; step < done; ++step) {  // evenly between two validations: nobody looked at the clock there
      const double share = static_cast<double>(step - first) / static_cast<double>(done - first);
      file += record(event(start + seconds + share * (at - seconds), step,
                           scalar("training_loss", metrics.training_loss[static_cast<std::size_t>(step)])));
    }
    file += record(event(start + at, done, scalar("validation_loss", result.loss)));
    file += record(event(start + at, done, scalar("validation_accuracy", result.accuracy)));
    seconds = at;
  }
  return file;
}

EventPlace event_place(const std::filesystem::path& folder, bool wanted) {
  constexpr std::string_view before = "events.out.tfevents.", after = ".lockstep";
  if (std::filesystem::is_directory(folder)) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      const std::string name = entry.path().filename().string();
      if (!name.starts_with(before) || !name.ends_with(after)) continue;
      EventPlace place{.file = entry.path()};
      std::from_chars(name.data() + before.size(), name.data() + name.size() - after.size(), place.begun);
      return place;
    }
  }
  if (!wanted) return {};
  const auto now =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
  return {folder / fmt::format("{}{}{}", before, now.count(), after), now.count()};
}

}  // namespace lockstep::train
