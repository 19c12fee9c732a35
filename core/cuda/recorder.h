#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <thread>
#include <tuple>
#include <type_traits>
#include <vector>

#include "core/cuda/executable.h"
#include "core/cuda/memory.h"
#include "core/cuda/request_clock.h"
#include "core/cuda/runtime.h"
#include "core/cuda/staging.h"
#include "core/host_device.h"
#include "core/runtime/device.h"
#include "core/runtime/replay.h"

// How a thread's requests reach its stream: at once, or by way of the recorder of a Replay.
namespace lockstep::cuda {

// Records what one Replay's work asks for as a CUDA graph, and follows the work from then on: as long as it
// asks for the same, nothing is done until its end, when the graph is launched. All requests of a run up to
// the first that differs are done one by one, and so are those that come after it.
class Recorder final : public WorkRecorder {
 public:
  Recorder() = default;
  ~Recorder() override;
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  void run(const std::function<void()>& work) override;
  void constant(std::uint64_t key, const std::function<void()>& work) override;
  void report(const Tensor& scalar) override;
  double reported() override;
  ReplayStats stats() const override { return stats_; }

  // The one that is running on this thread; null: none.
  static Recorder* active();

  // Does what was asked for so far, and the rest of the run request by request: for who is about to free
  // memory that it may use.
  void give_up();
  // Frees memory of another thread when the run has been asked for as a whole.
  void free_later(void* memory) { dying_.push_back(memory); }

  // A request: what is asked for, then its arguments, then whether it is to be done now. A kept one is done
  // again if the work later differs.
  void begin(const void* what);
  void append(const void* bytes, std::size_t count);
  enum class Answer { issue, keep_and_issue, nothing };
  Answer next();
  void keep(std::function<void()> issue) { kept_.push_back({std::move(issue), request_.size()}); }

  // Where a replay finds these bytes, which may differ from run to run; null: they are to be passed by value.
  const void* vary(const void* bytes, std::size_t count);
  // A copy from the host as a request of its own.
  void copy_to_device(void* to, const void* from, std::size_t bytes);

 private:
  enum class Phase { rehearsing, recording, following, apart };
  struct Kept {
    std::function<void()> issue;
    std::size_t end;  // of its bytes among all
  };

  // A constant part of the recorded work: its requests, and their bytes.
  struct Part {
    std::uint64_t key = 0;
    std::size_t begin = 0, end = 0, first_byte = 0, last_byte = 0;
    bool is_constant = true;
  };

  void record(const std::function<void()>& work);
  void follow(const std::function<void()>& work);
  void run_in_its_phase(const std::function<void()>& work);
  void part();
  void free_the_dying() noexcept;
  void send_what_varies();
  void launch();

  Phase phase_ = Phase::rehearsing;
  // A rehearsal makes what is made once (an optimizer's moments, the memory that a run takes), loads kernels
  // and counts what varies.
  int rehearsals_ = 1, failures_ = 0;
  std::vector<std::byte> request_;   // the bytes of all requests of this run
  std::vector<std::byte> recorded_;  // of the recorded one
  std::vector<Kept> kept_;
  std::size_t position_ = 0;  // among them, in this run
  std::size_t report_ = 0;    // the number of requests up to the recorded report; 0: there is none
  std::vector<Part> parts_;
  std::size_t part_ = 0;      // among them, in this run
  std::optional<Pool> pool_;  // where the constant parts work
  std::thread::id thread_;
  std::size_t begin_ = 0;  // of the present request among the bytes

  std::unique_ptr<Staging> staging_;  // null: nothing varies or is reported
  // Bytes that vary: of this run, of the last rehearsal, and what the recorded work sends.
  std::size_t varying_ = 0, rehearsed_ = 0, sent_ = 0;
  bool sends_ = false;        // the recorded work: what varies, or that it begins
  bool reports_ = false;      // the last run
  bool is_launched_ = false;  // the last run, as a graph

  std::vector<void*> dying_;
  std::optional<Executable> graph_;
  ReplayStats stats_;
};

// A kernel's argument that a replay may find changed. Rules and the like: of one type throughout, so without
// padding.
template <typename T>
struct Varying {
  T value;
  const T* at;
  LOCKSTEP_HD T get() const { return at != nullptr ? *at : value; }
};
template <typename T>
Varying<T> varying(const T& value) {
  Recorder* const recorder = Recorder::active();
  const void* const at = recorder == nullptr ? nullptr : recorder->vary(&value, sizeof value);
  return {value, static_cast<const T*>(at)};
}

// Adds an argument's bytes to a request, without those between its members, which mean nothing.
template <typename T>
void append(Recorder& recorder, const T& x) {
  if constexpr (requires { x.fields(); }) {
    std::apply([&](const auto&... field) { (append(recorder, field), ...); }, x.fields());
  } else if constexpr (!std::is_empty_v<T>) {
    static_assert(std::has_unique_object_representations_v<T> || std::is_floating_point_v<T>,
                  "give it fields(), a tuple of its members");
    recorder.append(&x, sizeof x);
  }
}
template <typename T>
void append(Recorder& recorder, const Varying<T>& x) {
  append(recorder, x.at);
  if (x.at == nullptr) recorder.append(&x.value, sizeof x.value);
}

template <typename Issue, typename... Arguments>
void submit_once(Observer* observer, const Issue& issue, const void* what, const Arguments&... arguments) {
  Recorder* const recorder = Recorder::active();
  if (recorder == nullptr)
    return observer != nullptr && observer->times_requests() ? time_request(*observer, what, issue) : issue();
  recorder->begin(what);
  (append(*recorder, arguments), ...);
  const Recorder::Answer answer = recorder->next();
  if (answer == Recorder::Answer::nothing) return;
  if (answer == Recorder::Answer::keep_and_issue) recorder->keep(issue);
  issue();
}

// Asks for `issue`, which is distinguished from other requests by `what` and its arguments.
template <typename Issue, typename... Arguments>
void submit(const Issue& issue, const void* what, const Arguments&... arguments) {
  Observer* const observer = Observer::current();
  const bool repeats = observer != nullptr && observer->repeats_requests();
  for (int left = repeats ? repetitions(*observer, what) : 1; left > 0; --left)
    submit_once(observer, issue, what, arguments...);
}

}  // namespace lockstep::cuda
