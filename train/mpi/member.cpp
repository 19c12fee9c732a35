#include "train/mpi/member.h"

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <map>
#include <mutex>
#include <queue>

#include "core/error.h"
#include "train/config/toml.h"
#include "train/mpi/messages.h"
#include "train/mpi/ranks.h"
#include "train/study/provenance.h"

namespace lockstep::train::mpi {

namespace {

// The queue of rank 0, over messages. Training threads leave what they have to say here, and the main thread,
// which alone may use MPI, carries it.
class RemoteQueue final : public RunSource {
 public:
  RemoteQueue(Messenger& messenger, const StudyConfig& study, std::string processor)
      : messenger_(messenger), study_(study), processor_(std::move(processor)) {}

  std::optional<Job> take(std::int64_t thread) override {
    std::unique_lock lock(mutex_);
    outgoing_.push(bytes_of(Request{thread}));
    to_send_.notify_one();
    came_.wait(lock, [&] { return ended_ || orders_.contains(thread); });
    if (ended_) return std::nullopt;
    Order order = std::move(orders_.extract(thread).mapped());
    const ExperimentConfig& experiment = study_.experiments.at(order.experiment);
    return Job{{order.experiment, order.run.arm.name, order.run.seed}, std::move(order.run), &experiment};
  }

  void finish(const Job& job, RunResult result) override {
    result.processor = processor_;
    leave(bytes_of(Result{job.key, std::move(result)}));
  }

  void stepped(std::int64_t) override {}  // rank 0 counts those of finished runs

  void end() override {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    came_.notify_all();
  }

  void failed(const std::string& what) { leave(bytes_of(Failure{what})); }

  // Carries letters until rank 0 says to exit; then `stop` is set. Gives the exit code.
  int carry(std::atomic<bool>& stop) {
    while (true) {
      send_all();
      const std::optional<Letter> letter = messenger_.receive();
      if (!letter) continue;
      if (kind_of(letter->bytes) == Kind::quit) {
        stop = true;
        end();
        return static_cast<int>(message_from<Quit>(letter->bytes).code);
      }
      Order order = message_from<Order>(letter->bytes);
      const std::lock_guard lock(mutex_);
      orders_[order.thread] = std::move(order);
      came_.notify_all();
    }
  }

 private:
  void leave(std::string bytes) {
    const std::lock_guard lock(mutex_);
    outgoing_.push(std::move(bytes));
    to_send_.notify_one();
  }

  // Sleeps where there is nothing to send.
  void send_all() {
    std::unique_lock lock(mutex_);
    if (outgoing_.empty()) to_send_.wait_for(lock, std::chrono::duration<double>(messenger_.pause()));
    for (; !outgoing_.empty(); outgoing_.pop()) messenger_.send(0, std::move(outgoing_.front()));
  }

  Messenger& messenger_;
  const StudyConfig& study_;
  const std::string processor_;
  std::mutex mutex_;
  std::condition_variable to_send_, came_;
  std::queue<std::string> outgoing_;
  std::map<std::int64_t, Order> orders_;  // by the thread that they are for
  bool ended_ = false;
};

// A run that fails ends the study: rank 0 says so.
MakeRun reporting(MakeRun make_run, RemoteQueue& queue) {
  return [make_run = std::move(make_run), &queue](
             const Job& job, const std::atomic<bool>& stop,
             const std::function<void()>& on_step) -> std::optional<RunResult> {
    try {
      return make_run(job, stop, on_step);
    } catch (const std::exception& error) {
      queue.failed(error.what());
      return std::nullopt;
    }
  };
}

int make_runs_of(const Begin& begin, Messenger& messenger, const MakeRuns& make_runs_on) {
  const std::string problem = why_unavailable(begin.device);
  check(problem.empty(), "--device {}: {}; there is one rank for each GPU", name_of(begin.device), problem);
  const StudyConfig study = parse_study(begin.study, "the study of rank 0");
  RemoteQueue queue(messenger, study, processor_of(begin.device));
  std::atomic<bool> stop = false;
  int code = 0;
  make_runs(queue, reporting(make_runs_on(begin.device), queue),
            begin.threads > 0 ? begin.threads : threads_of_rank(messenger, begin.device), stop,
            [&] { code = queue.carry(stop); });
  return code;
}

// Rank 0 alone gets the signal to stop, and notifies the others.
void leave_signals_to_rank_0() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) std::signal(signal, SIG_IGN);
}

}  // namespace

int take_part(Messenger& messenger, const std::string& program, const MakeRuns& make_runs) {
  leave_signals_to_rank_0();
  messenger.send(0, bytes_of(Hello{program, messenger.host(), processor_of(Device::cpu)}));
  while (true) {
    const Letter letter = messenger.wait();
    if (kind_of(letter.bytes) == Kind::quit) return static_cast<int>(message_from<Quit>(letter.bytes).code);
    try {
      return make_runs_of(message_from<Begin>(letter.bytes), messenger, make_runs);
    } catch (const std::exception& error) {
      messenger.send(0, bytes_of(Failure{error.what()}));
    }
  }
}

}  // namespace lockstep::train::mpi
