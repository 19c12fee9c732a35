#include "core/cuda/recorder.h"

#include <cstring>
#include <limits>
#include <utility>

#include "core/cuda/driver_memory.h"
#include "core/cuda/transfer.h"
#include "core/error.h"
#include "core/tensor.h"

namespace lockstep::cuda {

namespace {

constinit thread_local Recorder* running = nullptr;

constexpr std::size_t alignment = 16;
constexpr int most_failures = 8;  // one after the other: then the work is not what a graph is for

}  // namespace

Recorder* Recorder::active() { return running; }

Recorder::~Recorder() {
  if (thread_ != std::this_thread::get_id()) return;
  // Its last launch may still be going on. Within another one's work, which may be recorded, nobody can wait.
  if (graph_ && running == nullptr) cudaStreamSynchronize(stream());
  if (staging_ != nullptr) Staging::keep(std::move(staging_));
}

void Recorder::run(const std::function<void()>& work) {
  if (running != nullptr) fail("[replay] a Replay was run by the work of another one");
  running = this;
  struct Reset {
    ~Reset() {
      running->free_the_dying();
      running = nullptr;
    }
  } reset;
  run_in_its_phase(work);
}

void Recorder::run_in_its_phase(const std::function<void()>& work) {
  if (thread_ != std::this_thread::get_id()) {
    thread_ = std::this_thread::get_id();
    graph_.reset();
    staging_.reset();
    pool_.emplace();
    rehearsals_ = 1;
  }
  request_.clear();
  position_ = part_ = varying_ = 0;
  is_launched_ = false;
  const bool reported_before = std::exchange(reports_, false);
  if (staging_ != nullptr) staging_->wait();
  if (rehearsals_ > 0) {
    phase_ = Phase::rehearsing;
    work();
    rehearsed_ = varying_;
    --rehearsals_;
    ++stats_.asked;
  } else if (!graph_) {
    sent_ = rehearsed_;
    sends_ = sent_ > 0 || reported_before;
    if (sent_ > (staging_ == nullptr ? 0 : staging_->bytes())) {
      if (staging_ != nullptr) Staging::keep(std::move(staging_));
      staging_ = Staging::of(sent_);
    }
    record(work);
  } else {
    follow(work);
  }
}

void Recorder::give_up() {
  if (phase_ == Phase::recording || phase_ == Phase::following) part();
}

void Recorder::free_the_dying() noexcept {
  return_to_driver(dying_);
  dying_.clear();
}

void Recorder::constant(std::uint64_t key, const std::function<void()>& work) {
  if (running != this) fail("[replay] constant() is for the work of the same Replay");
  const Pool::Use use(*pool_);
  if (phase_ == Phase::following && part_ < parts_.size()) {
    const Part& part = parts_[part_];
    if (part.is_constant && part.key == key && part.begin == position_) {
      position_ = part.end;
      request_.insert(request_.end(), recorded_.begin() + static_cast<std::ptrdiff_t>(part.first_byte),
                      recorded_.begin() + static_cast<std::ptrdiff_t>(part.last_byte));
      ++part_;
      return;
    }
  }
  Part part{.key = key, .begin = position_, .first_byte = request_.size()};
  const std::size_t varying = varying_;
  work();
  part.end = position_;
  part.last_byte = request_.size();
  part.is_constant = varying_ == varying;
  if (phase_ == Phase::recording) {
    parts_.push_back(part);
  } else if (phase_ == Phase::following && part_ < parts_.size()) {
    parts_[part_] = part;  // it asked for the same once more
  }
  ++part_;
}

void Recorder::begin(const void* what) {
  begin_ = request_.size();
  append(&what, sizeof what);
}

void Recorder::append(const void* bytes, std::size_t count) {
  if (phase_ != Phase::recording && phase_ != Phase::following) return;
  const auto* const first = static_cast<const std::byte*>(bytes);
  request_.insert(request_.end(), first, first + count);
}

Recorder::Answer Recorder::next() {
  if (phase_ == Phase::recording) {
    ++position_;
    return Answer::keep_and_issue;
  }
  if (phase_ == Phase::following) {
    const std::size_t end = request_.size();
    if (position_ < kept_.size() && kept_[position_].end == end &&
        std::memcmp(request_.data() + begin_, recorded_.data() + begin_, end - begin_) == 0) {
      ++position_;
      return Answer::nothing;
    }
    part();
  }
  return Answer::issue;
}

const void* Recorder::vary(const void* bytes, std::size_t count) {
  const std::size_t begin = varying_;
  const std::size_t end = (begin + count + alignment - 1) / alignment * alignment;
  if (phase_ == Phase::apart) return nullptr;
  if (phase_ == Phase::rehearsing) {
    varying_ = end;
    return nullptr;
  }
  if (end > sent_) return nullptr;
  varying_ = end;
  std::memcpy(staging_->host() + begin, bytes, count);
  return staging_->device() + begin;
}

void Recorder::copy_to_device(void* to, const void* from, std::size_t bytes) {
  const void* const at = vary(from, bytes);
  if (at == nullptr) {
    if (phase_ == Phase::recording || phase_ == Phase::following) part();
    return cuda::copy_to_device(to, from, bytes);
  }
  const Relay batch{static_cast<std::byte*>(to), static_cast<const std::byte*>(at), bytes};
  relay({&batch, 1});
}

// The first request of a recording.
void Recorder::send_what_varies() {
  if (sends_) staging_->send(sent_);
}

void Recorder::report(const Tensor& scalar) {
  if (running != this) fail("[replay] report() is for the work of the same Replay");
  if (scalar.numel() != 1)
    fail("[replay] report() expected one element, got {}: reduce it first, with sum() or mean()",
         describe(scalar));
  if (staging_ == nullptr) {
    if (phase_ == Phase::recording) part();  // to make one is no part of a graph
    staging_ = Staging::of(0);
  }
  staging_->report(scalar);
  reports_ = true;
  if (phase_ == Phase::recording) report_ = position_;
}

double Recorder::reported() {
  if (!reports_ || staging_ == nullptr)
    fail("[replay] reported(): the last run reported nothing: call report() in its work");
  if (running != nullptr) fail("[replay] reported() was called by the work of a Replay: call it after run()");
  if (!is_launched_ || !sends_ || !staging_->was_reported() || fault()->found != 0) synchronize();
  return staging_->reported();
}

void Recorder::record(const std::function<void()>& work) {
  const auto lock = whole_device();
  kept_.clear();
  parts_.clear();
  report_ = 0;
  phase_ = Phase::recording;
  // Relaxed: what is allocated meanwhile, here and on other threads, is no part of the graph.
  check(cudaStreamBeginCapture(stream(), cudaStreamCaptureModeRelaxed), "record a graph");
  try {
    send_what_varies();
    work();
  } catch (...) {
    if (phase_ == Phase::recording) {
      cudaGraph_t graph = nullptr;
      if (cudaStreamEndCapture(stream(), &graph) == cudaSuccess) cudaGraphDestroy(graph);
      cudaGetLastError();
    }
    throw;
  }
  if (phase_ == Phase::apart) return;
  cudaGraph_t captured = nullptr;
  check(cudaStreamEndCapture(stream(), &captured), "record a graph");
  const std::unique_ptr<std::remove_pointer_t<cudaGraph_t>, cudaError_t (*)(cudaGraph_t)> graph(
      captured, cudaGraphDestroy);
  graph_.emplace(graph.get(), kept_.size());
  recorded_ = request_;
  ++stats_.recorded;
  stats_.requests = static_cast<std::int64_t>(kept_.size());
  launch();
}

void Recorder::follow(const std::function<void()>& work) {
  phase_ = Phase::following;
  send_what_varies();
  work();
  if (phase_ == Phase::following && position_ < kept_.size()) part();
  if (phase_ == Phase::apart) return;
  launch();
  ++stats_.replayed;
  failures_ = 0;
}

void Recorder::launch() {
  if (sends_) staging_->announce();
  graph_->launch();
  is_launched_ = true;
  reports_ = report_ > 0;
}

// The work differs from what was recorded, or cannot be recorded: what it asked for so far is done now.
void Recorder::part() {
  if (phase_ == Phase::recording) {
    cudaGraph_t graph = nullptr;
    check(cudaStreamEndCapture(stream(), &graph), "record a graph");
    cudaGraphDestroy(graph);
  }
  if (report_ > 0 && report_ <= position_) reports_ = true;  // maybe in a part that was left out
  phase_ = Phase::apart;
  graph_.reset();
  if (position_ > 0 && sends_) staging_->announce();
  for (std::size_t i = 0; i < position_; ++i) kept_[i].issue();
  ++stats_.asked;
  rehearsals_ = ++failures_ < most_failures ? 1 : std::numeric_limits<int>::max();
}

}  // namespace lockstep::cuda
