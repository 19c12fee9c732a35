#include "data/files/safetensors.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "data/files/atomic_file.h"
#include "data/files/half.h"
#include "tests/data/temp_folder.h"
#include "tests/fuzz/safetensors_input.h"

namespace lockstep {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

// A file with this header and so many zero bytes of data.
std::string file_with(const std::string& header, size_t data_bytes) {
  const uint64_t length = header.size();
  std::string file(8, '\0');
  std::memcpy(file.data(), &length, 8);
  return file + header + std::string(data_bytes, '\0');
}

std::string refusal(const std::string& file) {
  return error_of([&] { parse_whole(bytes_of(file), "x.safetensors"); });
}

TEST(Safetensors, ReadsBackWhatItWrote) {
  TempFolder folder;
  const std::vector<float> f32{1.5f, -0.0f, 3e-45f, INFINITY, 2, 3};
  const std::vector<double> f64{0.1};
  const std::vector<int64_t> i64{std::numeric_limits<int64_t>::min(), -1};
  const std::vector<uint8_t> u8{0, 128, 255};
  safetensors::Writer writer(folder / "a.safetensors",
                             {{"u8 \"quoted\"\n", "u8", {3}},
                              {"Zürich.東京", "f32", {3, 1, 2}},
                              {"scalar", "f64", {}},
                              {"i64", "i64", {2}},
                              {"empty", "f32", {0, 4}}},
                             {{"format", "pt"}, {"note", "größer"}});
  for (const safetensors::Info& tensor : writer.order()) {
    if (tensor.name[0] == 'u') writer.write(std::as_bytes(std::span(u8)));
    if (tensor.name[0] == 'Z') {
      writer.write(std::as_bytes(std::span(f32)).first(5));
      writer.write(std::as_bytes(std::span(f32)).subspan(5));
    }
    if (tensor.name[0] == 's') writer.write(std::as_bytes(std::span(f64)));
    if (tensor.name[0] == 'i') writer.write(std::as_bytes(std::span(i64)));
  }
  writer.commit();

  const safetensors::File file(folder / "a.safetensors");
  std::vector<std::string> names;
  for (const safetensors::Entry& entry : file.entries()) {
    names.push_back(entry.name);
    EXPECT_EQ(entry.begin % data::find_stored_type(entry.type)->bytes, 0);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"scalar", "i64", "Zürich.東京", "empty", "u8 \"quoted\"\n"}));
  EXPECT_EQ(file.metadata(), (safetensors::Metadata{{"format", "pt"}, {"note", "größer"}}));
  EXPECT_EQ(file.at("Zürich.東京").shape, (std::vector<int64_t>{3, 1, 2}));
  EXPECT_EQ(std::memcmp(file.bytes(file.at("Zürich.東京")).data(), f32.data(), 24), 0);
  EXPECT_EQ(std::memcmp(file.bytes(file.at("scalar")).data(), f64.data(), 8), 0);
  std::vector<int64_t> read_i64(2), from_u8(3);
  file.read(file.at("i64"), std::span(read_i64));
  EXPECT_EQ(read_i64, i64);
  file.read(file.at("u8 \"quoted\"\n"), std::span(from_u8));
  EXPECT_EQ(from_u8, (std::vector<int64_t>{0, 128, 255}));
  EXPECT_EQ(file.find("missing"), nullptr);
  EXPECT_TRUE(contains(error_of([&] { file.at("missing"); }), "a.safetensors: has no tensor missing"));
}

// Numbers that Python's safetensors and numpy read from the file.
TEST(Safetensors, ReadsWhatPythonWrote) {
  const safetensors::File file("tests/fixtures/sablock_combined.safetensors");
  EXPECT_EQ(file.entries().size(), 4u);
  const safetensors::Entry& weight = file.at("qkv.weight");
  EXPECT_EQ(weight.type, "f32");
  EXPECT_EQ(weight.shape, (std::vector<int64_t>{72, 24}));
  std::vector<float> narrow(72 * 24);
  std::vector<double> wide(72 * 24);
  file.read(weight, std::span(narrow));
  file.read(weight, std::span(wide));
  EXPECT_EQ(narrow.front(), -0.09730980545282364f);
  EXPECT_EQ(wide.back(), 0.21168871223926544);
  EXPECT_NEAR(std::accumulate(wide.begin(), wide.end(), 0.0), 0.8893997902050614, 1e-12);
}

// The value by the formula of IEEE 754: (-1)^sign * fraction * 2^exponent.
double value_of(uint32_t bits, int exponent_bits, int fraction_bits) {
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = static_cast<int>(bits >> fraction_bits) & ((1 << exponent_bits) - 1);
  const double fraction = bits & ((1u << fraction_bits) - 1);
  const double sign = bits >> (exponent_bits + fraction_bits) ? -1 : 1;
  if (exponent == (1 << exponent_bits) - 1) return fraction == 0 ? sign * INFINITY : NAN;
  const double leading = exponent == 0 ? 0 : std::ldexp(1, fraction_bits);
  return sign * std::ldexp(leading + fraction, std::max(exponent, 1) - bias - fraction_bits);
}

TEST(Safetensors, HalvesBecomeFloatsExactly) {
  auto same = [](float got, double expected) {
    return std::isnan(expected) ? std::isnan(got)
                                : got == expected && std::signbit(got) == std::signbit(expected);
  };
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    ASSERT_TRUE(same(data::half_to_float(half), value_of(bits, 5, 10))) << bits;
    ASSERT_TRUE(same(data::bfloat16_to_float(half), value_of(bits, 8, 7))) << bits;
  }
}

TEST(Safetensors, ReadsEveryTypeEvenWhereItIsNotAligned) {
  // One odd byte first, so that nothing behind it is aligned. 1.0 is 0x3c00 as F16, 0x3f80 as BF16.
  const std::string header = R"({"odd":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]},)"
                             R"("f16":{"dtype":"F16","shape":[2],"data_offsets":[1,5]},)"
                             R"("bf16":{"dtype":"BF16","shape":[],"data_offsets":[5,7]},)"
                             R"("i8":{"dtype":"I8","shape":[1],"data_offsets":[7,8]},)"
                             R"("i16":{"dtype":"I16","shape":[1],"data_offsets":[8,10]},)"
                             R"("u32":{"dtype":"U32","shape":[1],"data_offsets":[10,14]},)"
                             R"("f64":{"dtype":"F64","shape":[1],"data_offsets":[14,22]},)"
                             R"("u64":{"dtype":"U64","shape":[1],"data_offsets":[22,30]}})";
  const char data[] = "\x07\x00\x3c\x00\xc0\x80\x3f\xff\xfe\xff\xff\xff\xff\xff\0\0\0\0\0\0\xf0\x3f";
  std::string file = file_with(header, 30);
  std::memcpy(file.data() + file.size() - 30, data, 22);
  TempFolder folder;
  data::write_file(folder / "x.safetensors", file);
  const safetensors::File read(folder / "x.safetensors");
  auto real = [&](size_t i) {
    std::vector<double> out(static_cast<size_t>(read.entries()[i].size()));
    read.read(read.entries()[i], std::span(out));
    return out;
  };
  auto whole = [&](size_t i) {
    std::vector<int64_t> out(static_cast<size_t>(read.entries()[i].size()));
    read.read(read.entries()[i], std::span(out));
    return out;
  };
  EXPECT_EQ(whole(0), std::vector<int64_t>{1});
  EXPECT_EQ(real(1), (std::vector<double>{1.0, -2.0}));
  EXPECT_EQ(real(2), std::vector<double>{1.0});
  EXPECT_EQ(whole(3), std::vector<int64_t>{-1});
  EXPECT_EQ(whole(4), std::vector<int64_t>{-2});
  EXPECT_EQ(whole(5), std::vector<int64_t>{4294967295});
  EXPECT_EQ(real(6), std::vector<double>{1.0});
  EXPECT_TRUE(
      contains(error_of([&] { whole(7); }), "u64: holds u64, which doesn't fit into i64 without loss"));
  std::vector<float> narrow(1);
  EXPECT_TRUE(contains(error_of([&] { read.read(read.entries()[6], std::span(narrow)); }), "holds f64"));
  EXPECT_TRUE(contains(error_of([&] { read.read(read.entries()[1], std::span(narrow)); }),
                       "has 2 values: got room for 1"));
}

// Others are read all the same; what has a foreign type is so many bytes.
TEST(Safetensors, AForeignTypeIsBytes) {
  const std::string header = R"({"a":{"dtype":"F4","shape":[3],"data_offsets":[0,2]},)"
                             R"("b":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[2,4]},)"
                             R"("c":{"dtype":"U8","shape":[1],"data_offsets":[4,5]}})";
  TempFolder folder;
  data::write_file(folder / "x.safetensors", file_with(header, 4) + "\x09");
  const safetensors::File file(folder / "x.safetensors");
  EXPECT_EQ(file.at("a").type, "F4");
  EXPECT_EQ(file.bytes(file.at("a")).size(), 2u);
  EXPECT_EQ(file.at("b").type, "f8_e4m3");
  EXPECT_EQ(file.bytes(file.at("c")), std::vector<std::byte>{std::byte{9}});
  safetensors::Writer writer(folder / "y.safetensors", {file.at("a"), file.at("c"), file.at("b")});
  EXPECT_EQ(writer.order().back().name, "a");  // behind what has to be aligned
  for (const safetensors::Info& info : writer.order()) writer.write(file.bytes(file.at(info.name)));
  writer.commit();
  EXPECT_EQ(safetensors::File(folder / "y.safetensors").at("a").type, "F4");
}

TEST(Safetensors, AFileThatIsCutShortWhileItIsReadIsAnError) {
  TempFolder folder;
  safetensors::Writer writer(folder / "a.safetensors", {{"a", "f32", {4}}});
  writer.write(std::vector<std::byte>(16));
  writer.commit();
  const safetensors::File file(folder / "a.safetensors");
  std::filesystem::resize_file(folder / "a.safetensors",
                               std::filesystem::file_size(folder / "a.safetensors") - 1);
  EXPECT_TRUE(contains(error_of([&] { file.bytes(file.at("a")); }), "was cut short while it was read"));
}

std::string tensor(const std::string& fields) { return "{\"a\":{" + fields + "}}"; }

struct BrokenFile {
  const char* what;
  std::string file, message;
};

TEST(Safetensors, RefusesBrokenFilesAndSaysWhatIsWrong) {
  const std::string a = R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]})";
  const std::string dtype = R"("dtype":"F32")", shape = R"("shape":[2])", offsets = R"("data_offsets":[0,8])";
  ASSERT_EQ(refusal(file_with("{" + a + "}  ", 8)), "");
  std::string deep = R"({"a":)";
  for (int i = 0; i < 100'000; ++i) deep += R"({"a":)";
  const BrokenFile cases[] = {
      {"empty", "", "has 0 bytes"},
      {"seven bytes", std::string(7, ' '), "has 7 bytes"},
      {"length beyond the end", file_with("{" + a + "}", 8).substr(0, 20), "the file is cut short"},
      {"huge length", std::string(8, '\x7f') + "{}", "expected at most 100000000"},
      {"no header", file_with("", 0), "doesn't start with '{'"},
      {"array", file_with("[]", 0), "doesn't start with '{'"},
      {"byte order mark", file_with("\xef\xbb\xbf{}", 0), "doesn't start with '{'"},
      {"leading space", file_with(" {}", 0), "doesn't start with '{'"},
      {"zero byte", file_with(std::string("{}\0{", 4), 0), "holds a zero byte"},
      {"cut JSON", file_with("{\"a\":{", 0), "no valid JSON in UTF-8, at its byte"},
      {"two values", file_with("{}{}", 0), "no valid JSON"},
      {"not UTF-8", file_with("{\"\xff\":{}}", 0), "no valid JSON in UTF-8"},
      {"overlong UTF-8", file_with("{\"\xc0\xaf\":{}}", 0), "no valid JSON in UTF-8"},
      {"deep", file_with(deep, 0), "has an object in \"a\""},
      {"tensor is a number", file_with("{\"a\":1}", 0), "\"a\" is a number, expected an object"},
      {"tensor is null", file_with("{\"a\":null}", 0), "\"a\" is null"},
      {"a dtype that is a name of ours", file_with(tensor(R"("dtype":"f32",)" + shape + "," + offsets), 8),
       "unknown dtype \"f32\""},
      {"dtype is a number", file_with(tensor(R"("dtype":4,)" + shape + "," + offsets), 8),
       "has a number in \"dtype\""},
      {"unknown field", file_with(tensor(dtype + "," + shape + "," + offsets + R"(,"b":[])"), 8),
       "an array in \"b\""},
      {"no dtype", file_with(tensor(shape + "," + offsets), 8), "\"a\" has no dtype"},
      {"no shape", file_with(tensor(dtype + "," + offsets), 8), "\"a\" has no shape"},
      {"no offsets", file_with(tensor(dtype + "," + shape), 8), "\"a\" has no data_offsets"},
      {"dtype twice", file_with(tensor(dtype + "," + dtype), 8), "has dtype twice"},
      {"shape twice", file_with(tensor(shape + "," + shape), 8), "has shape twice"},
      {"name twice", file_with("{" + a + "," + a + "}", 8), "the name \"a\" stands there twice"},
      {"escaped name twice", file_with("{" + a + R"(,"\u0061":{}})", 8), "the name \"a\" stands there twice"},
      {"metadata twice", file_with(R"({"__metadata__":{},"__metadata__":{}})", 0), "stands there twice"},
      {"metadata key twice", file_with(R"({"__metadata__":{"k":"1","k":"2"}})", 0),
       "the metadata hold \"k\" twice"},
      {"metadata no string", file_with(R"({"__metadata__":{"k":1}})", 0),
       "\"k\" is a number, expected a string"},
      {"negative extent", file_with(tensor(dtype + R"(,"shape":[-2],)" + offsets), 8),
       "a negative number in \"shape\""},
      {"fraction", file_with(tensor(dtype + R"(,"shape":[2.0],)" + offsets), 8),
       "a fraction or too large a number"},
      {"beyond 64 bits", file_with(tensor(dtype + R"(,"shape":[36893488147419103232],)" + offsets), 8),
       "too large"},
      {"beyond 63 bits", file_with(tensor(dtype + R"(,"shape":[9223372036854775808],)" + offsets), 8),
       "of 64 bits"},
      {"nested shape", file_with(tensor(dtype + R"(,"shape":[[2]],)" + offsets), 8),
       "has an array in \"shape\""},
      {"overflowing shape", file_with(tensor(dtype + R"(,"shape":[4294967296,4294967296],)" + offsets), 8),
       "2^63 bytes"},
      {"three offsets", file_with(tensor(dtype + "," + shape + R"(,"data_offsets":[0,4,8])"), 8),
       "has 3 data_offsets"},
      {"backward offsets", file_with(tensor(dtype + "," + shape + R"(,"data_offsets":[8,0])"), 8),
       "bytes 8 to 0 of 8"},
      {"cut data", file_with("{" + a + "}", 7), "bytes 0 to 8 of 7 bytes of data; the file is cut short"},
      {"shape and size differ", file_with(tensor(dtype + R"(,"shape":[3],)" + offsets), 8),
       "takes 8 bytes, expected 12"},
      {"bytes behind", file_with("{" + a + "}", 9), "1 bytes at the end belong to no tensor"},
      {"only data", file_with("{}", 1), "1 bytes at the end belong to no tensor"},
      {"bytes in front", file_with(tensor(dtype + "," + shape + R"(,"data_offsets":[1,9])"), 9),
       "1 bytes before \"a\""},
      {"hole", file_with("{" + a + R"(,"b":{"dtype":"U8","shape":[1],"data_offsets":[9,10]}})", 10),
       "1 bytes before \"b\""},
      {"overlap", file_with("{" + a + R"(,"b":{"dtype":"U8","shape":[2],"data_offsets":[7,9]}})", 9),
       "\"b\" overlaps"},
      {"the same place", file_with("{" + a + R"(,"b":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}})", 8),
       "overlaps"},
  };
  for (const BrokenFile& broken : cases) {
    const std::string error = refusal(broken.file);
    EXPECT_TRUE(contains(error, "[safetensors] x.safetensors: ")) << broken.what;
    EXPECT_TRUE(contains(error, broken.message)) << broken.what;
    EXPECT_FALSE(try_safetensors(bytes_of(broken.file))) << broken.what;
  }
}

TEST(Safetensors, EveryCutOfAFileIsRefused) {
  const std::string file = data::read_file("tests/fixtures/sablock_separate.safetensors");
  ASSERT_TRUE(try_safetensors(bytes_of(file)));
  for (size_t size = 0; size < file.size(); size += size < 1000 ? 1 : 97) {
    ASSERT_NE(refusal(file.substr(0, size)), "") << size;
  }
}

TEST(Safetensors, AWriterIsHeldToWhatItAnnounced) {
  TempFolder folder;
  const std::string path = folder / "a.safetensors";
  const std::vector<float> four(4);
  auto write = [&](std::vector<safetensors::Info> tensors, size_t times) {
    return error_of([&] {
      safetensors::Writer writer(path, std::move(tensors));
      for (size_t i = 0; i < times; ++i) writer.write(std::as_bytes(std::span(four)));
      writer.commit();
    });
  };
  EXPECT_TRUE(contains(write({{"a", "f32", {8}}}, 1), "16 bytes of its tensors are missing"));
  EXPECT_TRUE(contains(write({{"a", "f32", {8}}}, 3), "16 bytes more than its tensors have"));
  EXPECT_TRUE(contains(write({{"a"}, {"a"}}, 0), "named \"a\": there are two"));
  EXPECT_TRUE(contains(write({{"__metadata__"}}, 0), "keeps this name to itself"));
  EXPECT_TRUE(contains(write({{"a", "f32", {-1}}}, 0), "negative or too large"));
  EXPECT_TRUE(contains(write({{"a", "f32", {int64_t{1} << 62}}}, 0), "negative or too large"));
  EXPECT_TRUE(contains(write({{"\xff"}}, 0), "no UTF-8"));
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_EQ(write({{"a", "f32", {8}}}, 2), "");
  EXPECT_EQ(safetensors::File(path).at("a").size(), 8);
}

TEST(Safetensors, TheFuzzersCorpusIsReadOrRefused) {
  int files = 0, accepted = 0;
  for (const auto& file : std::filesystem::directory_iterator("tests/fuzz/corpus/safetensors")) {
    accepted += try_safetensors(bytes_of(data::read_file(file.path())));
    ++files;
  }
  EXPECT_GE(files, 40);
  EXPECT_GE(accepted, 5);
}

}  // namespace
}  // namespace lockstep
