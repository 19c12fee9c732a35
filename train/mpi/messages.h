#pragma once

#include <cstdint>
#include <string>

#include "train/mpi/bytes.h"
#include "train/study/tuning.h"

// What ranks send to each other. Rank 0 has the study, its queue and its files; the others ask it for runs:
//   others -> 0   Hello, once; then for each training thread Request, Result, Request, ...; Failure
//   0 -> others   Begin, once; an Order for each Request, once there is a run; Quit, which is the last
namespace lockstep::train::mpi {

enum class Kind : std::uint8_t { hello, request, result, failure, begin, order, quit };

struct Hello {
  static constexpr Kind kind = Kind::hello;
  std::string program, host, processor;
};

struct Begin {
  static constexpr Kind kind = Kind::begin;
  std::string study;  // TOML
  Device device = Device::cpu;
  std::int64_t threads = 0;  // 0: as many as the rank can
};

struct Request {
  static constexpr Kind kind = Kind::request;
  std::int64_t thread = 0;
};

struct Order {
  static constexpr Kind kind = Kind::order;
  std::int64_t thread = 0;
  std::size_t experiment = 0;
  MissingRun run;
};

struct Result {
  static constexpr Kind kind = Kind::result;
  RunKey run;
  RunResult result;
};

struct Failure {
  static constexpr Kind kind = Kind::failure;
  std::string what;
};

struct Quit {
  static constexpr Kind kind = Kind::quit;
  std::int64_t code = 0;  // to exit with
};

std::string bytes_of(const Hello& message);
std::string bytes_of(const Begin& message);
std::string bytes_of(const Request& message);
std::string bytes_of(const Order& message);
std::string bytes_of(const Result& message);
std::string bytes_of(const Failure& message);
std::string bytes_of(const Quit& message);

// What kind of message the bytes are.
Kind kind_of(const std::string& bytes);

// The message that the bytes are. Throws Error where they are none of that kind.
template <typename Message>
Message message_from(const std::string& bytes);

}  // namespace lockstep::train::mpi
