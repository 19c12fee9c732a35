#include "train/mpi/messages.h"

#include "train/config/toml.h"

namespace lockstep::train::mpi {

namespace {

void put(ByteWriter& out, const Measured& measured) {
  out.put(measured.series.names).put(measured.series.steps).put(measured.series.values);
  out.put(measured.snapshot.size());
  for (const auto& [name, values] : measured.snapshot) out.put(name).put(values);
}

void put(ByteWriter& out, const RunKey& run) { out.put(run.experiment).put(run.arm).put(run.seed); }

void put(ByteWriter& out, const RunResult& run) {
  out.put(run.losses).put(run.diverged).put(run.seconds).put(run.parameters).put(run.fingerprint);
  out.put(run.version).put(run.processor).put(run.measured.size());
  for (const auto& [probe, measured] : run.measured) {
    out.put(probe);
    put(out, measured);
  }
}

void get(ByteReader& in, Measured& measured) {
  measured.series.names = in.list<std::string>();
  measured.series.steps = in.list<std::int64_t>();
  measured.series.values = in.list<double>();
  for (auto left = in.get<std::size_t>(); left > 0; --left) {
    std::string name = in.text();
    measured.snapshot[std::move(name)] = in.list<double>();
  }
}

void get(ByteReader& in, RunResult& run) {
  run.losses = in.list<double>();
  run.diverged = in.get<bool>();
  run.seconds = in.get<double>();
  run.parameters = in.get<std::int64_t>();
  run.fingerprint = in.get<std::uint64_t>();
  run.version = in.text();
  run.processor = in.text();
  for (auto left = in.get<std::size_t>(); left > 0; --left) {
    const std::string probe = in.text();
    get(in, run.measured[probe]);
  }
}

void get(ByteReader& in, Hello& hello) {
  hello.program = in.text();
  hello.host = in.text();
  hello.processor = in.text();
}

void get(ByteReader& in, Begin& begin) {
  begin.study = in.text();
  begin.device = in.get<Device>();
  begin.threads = in.get<std::int64_t>();
}

void get(ByteReader& in, Request& request) { request.thread = in.get<std::int64_t>(); }

void get(ByteReader& in, RunKey& run) {
  run.experiment = in.get<std::size_t>();
  run.arm = in.text();
  run.seed = in.get<std::int64_t>();
}

void get(ByteReader& in, Arm& arm) {
  arm.role = in.get<ArmRole>();
  arm.name = in.text();
  arm.label = in.text();
  arm.run = parse_run(in.text(), "an order of rank 0");
  arm.redraw = in.get<bool>();
  arm.partner = in.text();
  arm.at_rate_of = in.text();
  arm.judged = in.get<bool>();
}

void get(ByteReader& in, Order& order) {
  order.thread = in.get<std::int64_t>();
  order.experiment = in.get<std::size_t>();
  order.run.seed = in.get<std::int64_t>();
  order.run.give_up_above = in.get<double>();
  get(in, order.run.arm);
}

void get(ByteReader& in, Result& result) {
  get(in, result.run);
  get(in, result.result);
}

void get(ByteReader& in, Failure& failure) { failure.what = in.text(); }

void get(ByteReader& in, Quit& quit) { quit.code = in.get<std::int64_t>(); }

template <typename Message>
ByteWriter begun() {
  ByteWriter out;
  out.put(Message::kind);
  return out;
}

}  // namespace

std::string bytes_of(const Hello& message) {
  return std::move(begun<Hello>().put(message.program).put(message.host).put(message.processor)).take();
}

std::string bytes_of(const Begin& message) {
  return std::move(begun<Begin>().put(message.study).put(message.device).put(message.threads)).take();
}

std::string bytes_of(const Request& message) {
  return std::move(begun<Request>().put(message.thread)).take();
}

std::string bytes_of(const Order& message) {
  ByteWriter out = begun<Order>();
  const Arm& arm = message.run.arm;
  out.put(message.thread).put(message.experiment).put(message.run.seed).put(message.run.give_up_above);
  out.put(arm.role).put(arm.name).put(arm.label).put(to_toml(arm.run)).put(arm.redraw).put(arm.partner);
  out.put(arm.at_rate_of).put(arm.judged);
  return std::move(out).take();
}

std::string bytes_of(const Result& message) {
  ByteWriter out = begun<Result>();
  put(out, message.run);
  put(out, message.result);
  return std::move(out).take();
}

std::string bytes_of(const Failure& message) { return std::move(begun<Failure>().put(message.what)).take(); }

std::string bytes_of(const Quit& message) { return std::move(begun<Quit>().put(message.code)).take(); }

Kind kind_of(const std::string& bytes) { return ByteReader(bytes).get<Kind>(); }

template <typename Message>
Message message_from(const std::string& bytes) {
  ByteReader in(bytes);
  check(in.get<Kind>() == Message::kind, "an unexpected message between ranks: are all of one Lockstep?");
  Message message;
  get(in, message);
  check(in.empty(), "a message between ranks is too long: are all of one Lockstep?");
  return message;
}

template Hello message_from(const std::string&);
template Begin message_from(const std::string&);
template Request message_from(const std::string&);
template Order message_from(const std::string&);
template Result message_from(const std::string&);
template Failure message_from(const std::string&);
template Quit message_from(const std::string&);

}  // namespace lockstep::train::mpi
