#include "train/training/event_file.h"

#include <gtest/gtest.h>

#include <bit>
#include <fstream>
#include <map>

#include "tests/data/temp_folder.h"

namespace lockstep::train {
namespace {

// A reader of its own, bit by bit.
std::uint32_t checksum(std::string_view bytes) {
  std::uint32_t crc = 0xffffffff;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int i = 0; i < 8; ++i) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78 : 0);
  }
  crc = ~crc;
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8;
}

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i > 0; --i)
    value = value << 8 | static_cast<unsigned char>(bytes[i - 1]);
  return value;
}

std::vector<std::string> records_in(std::string_view file) {
  std::vector<std::string> records;
  while (!file.empty()) {
    EXPECT_EQ(little_endian(file.substr(8, 4)), checksum(file.substr(0, 8)));
    const std::uint64_t length = little_endian(file.substr(0, 8));
    records.emplace_back(file.substr(12, length));
    EXPECT_EQ(little_endian(file.substr(12 + length, 4)), checksum(records.back()));
    file.remove_prefix(16 + length);
  }
  return records;
}

// The fields of a message; numbers as their bits.
using Fields = std::multimap<std::uint64_t, std::string>;
Fields fields_of(std::string_view message) {
  Fields fields;
  const auto varint = [&message] {
    std::uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(message.front());
      message.remove_prefix(1);
      value |= std::uint64_t(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (!message.empty()) {
    const std::uint64_t key = varint(), wire = key & 7;
    if (wire == 0) {
      fields.emplace(key >> 3, std::to_string(varint()));
      continue;
    }
    const std::uint64_t size = wire == 1 ? 8 : wire == 5 ? 4 : varint();
    fields.emplace(key >> 3, message.substr(0, size));
    message.remove_prefix(size);
  }
  return fields;
}

struct Scalar {
  double wall_time;
  std::string step, tag;
  float value;
  bool operator==(const Scalar&) const = default;
};

std::vector<Scalar> scalars_in(const std::string& file) {
  std::vector<Scalar> scalars;
  for (const std::string& record : records_in(file)) {
    const Fields event = fields_of(record);
    if (!event.contains(5)) continue;
    const Fields value = fields_of(fields_of(event.find(5)->second).find(1)->second);
    scalars.push_back(
        {std::bit_cast<double>(little_endian(event.find(1)->second)), event.find(2)->second,
         value.find(1)->second,
         std::bit_cast<float>(static_cast<std::uint32_t>(little_endian(value.find(2)->second)))});
  }
  return scalars;
}

Metrics one_validation() {
  return {.training_loss = {3, 2, 1.5},
          .validations = {{.step = 2, .result = {.loss = 1.75, .accuracy = 0.5}, .seconds = 4}},
          .seconds = 6};
}

TEST(EventFile, ChecksumIsThatOfCastagnoli) { EXPECT_EQ(crc32c("123456789"), 0xe3069283U); }

TEST(EventFile, BeginsWithItsVersion) {
  const std::vector<std::string> records = records_in(event_file({}, 7));
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(fields_of(records[0]).find(3)->second, "brain.Event:2");
}

TEST(EventFile, HoldsWhatWasValidated) {
  const std::vector<Scalar> expected = {{1000, "0", "training_loss", 3},
                                        {1002, "1", "training_loss", 2},
                                        {1004, "2", "validation_loss", 1.75},
                                        {1004, "2", "validation_accuracy", 0.5}};
  EXPECT_EQ(scalars_in(event_file(one_validation(), 1000)), expected);
}

TEST(EventFile, OnlyBecomesLonger) {
  Metrics metrics = one_validation();
  const std::string before = event_file(metrics, 1000);
  metrics.training_loss.insert(metrics.training_loss.end(), 300, 1.25);
  metrics.validations.push_back({.step = 303, .result = {.loss = 1, .accuracy = 1}, .seconds = 9});
  const std::string after = event_file(metrics, 1000);
  EXPECT_GT(after.size(), before.size());
  EXPECT_TRUE(after.starts_with(before));
  EXPECT_EQ(scalars_in(after).back().step, "303");
}

TEST(EventFile, ATrainingThatGoesOnKeepsItsFile) {
  const TempFolder folder;
  EXPECT_TRUE(event_place(folder.path(), false).file.empty());
  const EventPlace fresh = event_place(folder.path(), true);
  EXPECT_GT(fresh.begun, 1'700'000'000);
  std::ofstream(fresh.file) << "x";
  const EventPlace again = event_place(folder.path(), false);
  EXPECT_EQ(again.file, fresh.file);
  EXPECT_EQ(again.begun, fresh.begun);
}

}  // namespace
}  // namespace lockstep::train
