// Fibers, barriers and warps. Boost.Context switches between fibers in some ten nanoseconds.
#include <algorithm>
#include <boost/context/fiber.hpp>
#include <boost/context/fixedsize_stack.hpp>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <numeric>
#include <random>
#include <set>
#include <vector>

#include "tests/cuda_on_host/checker.h"

namespace cuda_on_host {
namespace {

namespace ctx = boost::context;
constexpr std::size_t stack_bytes = 64 * 1024;

struct Fiber {
  ctx::fiber context;
  Region stack;
  struct Lane* thread = nullptr;
};

struct Lane {  // a thread of the block that runs
  uint3 index;
  unsigned warp, lane, exchanges = 0;
  Access access;                                 // what the checker knows of it
  std::deque<std::pair<Copy, unsigned>> copies;  // on their way, each with the number of its group
  unsigned groups = 0;                           // ended
};

struct Meeting {  // a barrier, or a warp's exchange
  std::vector<Fiber*> waiting;
  Where first;
};

struct Warp {
  Meeting meeting;
  alignas(16)
      std::byte values[2][32 * lane_bytes];  // an exchange writes one while the one before may still be read
};

struct Stack {  // remembers where a fiber's stack is
  Fiber* fiber;
  ctx::stack_context allocate() {
    const ctx::stack_context stack = ctx::fixedsize_stack(stack_bytes).allocate();
    const auto end = reinterpret_cast<Address>(stack.sp);
    fiber->stack = {end - stack_bytes, end};
    return stack;
  }
  void deallocate(ctx::stack_context& stack) { ctx::fixedsize_stack(stack_bytes).deallocate(stack); }
};

class Engine {
 public:
  void run(const Launch& launch, void (*call)(void*), void* arguments) {
    check_launch(launch);
    launch_ = launch, call_ = call, arguments_ = arguments;
    kernels_run.insert(launch.kernel);
    const unsigned n = launch.block.x * launch.block.y * launch.block.z;
    lanes_.resize(n), warps_.resize((n + 31) / 32);
    order_ = in_order(n);
    if (dynamic_.size() * sizeof(uint4) < launch.shared) dynamic_.resize(launch.shared / sizeof(uint4) + 1);
    begin_launch(launch_, dynamic_.data(), arguments);
    const unsigned blocks = launch.grid.x * launch.grid.y * launch.grid.z;
    for (const unsigned linear : in_order(blocks)) {
      block = {linear % launch.grid.x, linear / launch.grid.x % launch.grid.y,
               linear / launch.grid.x / launch.grid.y};
      run_block(n, linear);
    }
    ++launches_run, threads_total += std::uint64_t{n} * blocks;
    end_launch();
  }

  void sync_block(const Where& where) {
    if (join(barrier_, static_cast<unsigned>(lanes_.size()), where, "__syncthreads")) {
      const std::uint32_t time = tick();
      Address seen = 0;  // by a thread that has counted, and then put up a fence
      for (const Lane& lane : lanes_) {
        if (lane.access.counted != 0 && lane.access.fence != 0) seen = lane.access.counted;
      }
      for (Lane& lane : lanes_) {
        lane.access.block_order = lane.access.warp_order = time;
        lane.access.fence = 0, lane.access.counted = 0;
        if (seen != 0) lane.access.seen = seen;
      }
      release(barrier_);
    } else {
      suspend();
    }
  }

  void fence() { lane().access.fence = tick(); }
  void count_at(const void* counter) {
    Access& mine = lane().access;
    mine.counted = reinterpret_cast<Address>(counter);
    if (mine.fence != 0) release_writes(mine.counted, mine.block_order);
    mine.fence = 0;
  }

  const std::byte* sync_warp(unsigned mask, const void* value, std::size_t bytes, bool orders,
                             const Where& where, void (*combine)(std::byte*)) {
    if (mask != ~0u || lanes_.size() % 32 != 0) report("a warp function without all 32 lanes", where);
    Lane& me = *running_->thread;
    Warp& warp = warps_[me.warp];
    std::byte* const values = warp.values[me.exchanges++ & 1];
    if (bytes > 0) std::memcpy(values + lane_bytes * me.lane, value, bytes);
    if (join(warp.meeting, 32, where, "a warp function")) {
      if (combine != nullptr) combine(values);
      if (orders) {
        const std::uint32_t time = tick();
        for (unsigned i = 0; i < 32; ++i) lanes_[32 * me.warp + i].access.warp_order = time;
      }
      release(warp.meeting);
    } else {
      suspend();
    }
    return values;
  }

  Lane& lane() { return *running_->thread; }
  const Launch& launch() const { return launch_; }
  void* dynamic() { return dynamic_.data(); }

  uint3 block{};
  Order mode = Order::forward;
  std::uint64_t threads_total = 0, launches_run = 0;
  std::set<const void*> kernels_run;
  std::mutex mutex;

 private:
  std::vector<unsigned> in_order(unsigned n) const {
    std::vector<unsigned> order(n);
    std::iota(order.begin(), order.end(), 0u);
    if (mode == Order::backward) std::reverse(order.begin(), order.end());
    if (mode == Order::shuffled) std::shuffle(order.begin(), order.end(), std::mt19937(launches_run));
    return order;
  }

  void run_block(unsigned n, unsigned linear) {
    begin_block();
    started_ = finished_ = 0;
    for (unsigned i = 0; i < n; ++i) {
      const unsigned x = i % launch_.block.x, rest = i / launch_.block.x;
      lanes_[i] = {{x, rest % launch_.block.y, rest / launch_.block.y},
                   i / 32,
                   i % 32,
                   0,
                   {linear * n + i + 1, linear, linear * 32 + i / 32, now(), now()},
                   {},
                   0};
    }
    while (!ready_.empty() || started_ < n) {
      running_ = ready_.empty() ? idle_fiber() : ready_.front();
      if (!ready_.empty()) ready_.pop_front();
      enter(running_->thread != nullptr ? &running_->thread->access : nullptr, running_->stack);
      running_->context = std::move(running_->context).resume();
    }
    enter(nullptr, {});
    if (finished_ < n) give_up(n);
  }

  // A fiber runs one thread after the other, until one of them waits.
  Fiber* idle_fiber() {
    if (!idle_.empty()) {
      Fiber* const fiber = idle_.back();
      idle_.pop_back();
      return fiber;
    }
    fibers_.push_back(std::make_unique<Fiber>());
    Fiber* const fiber = fibers_.back().get();
    fiber->context = ctx::fiber(std::allocator_arg, Stack{fiber}, [this, fiber](ctx::fiber&& scheduler) {
      scheduler_ = std::move(scheduler);
      for (;;) {
        while (started_ < lanes_.size()) {
          fiber->thread = &lanes_[order_[started_++]];
          enter(&fiber->thread->access, fiber->stack);
          call_(arguments_);
          ++finished_;
        }
        fiber->thread = nullptr;
        idle_.push_back(fiber);
        suspend();
      }
      return std::move(scheduler_);
    });
    return fiber;
  }

  void suspend() { scheduler_ = std::move(scheduler_).resume(); }

  bool join(Meeting& meeting, unsigned expected, const Where& where, const char* what) {
    if (meeting.waiting.empty()) meeting.first = where;
    if (meeting.first.line() != where.line() || meeting.first.file_name() != where.file_name())
      report(std::string(what) + " meets another one, in line " + std::to_string(meeting.first.line()),
             where);
    if (meeting.waiting.size() + 1 == expected) return true;
    meeting.waiting.push_back(running_);
    return false;
  }
  void release(Meeting& meeting) {
    ready_.insert(ready_.end(), meeting.waiting.begin(), meeting.waiting.end());
    meeting.waiting.clear();
  }

  // Some wait for threads that will never come. Their stacks are left as they are, for new fibers.
  void give_up(unsigned n) {
    const auto stuck = [](Meeting& meeting, const char* what, unsigned expected) {
      if (meeting.waiting.empty()) return;
      report(std::to_string(meeting.waiting.size()) + " of " + std::to_string(expected) + " threads reach " +
                 what,
             meeting.first);
      meeting.waiting.clear();
    };
    stuck(barrier_, "__syncthreads", n);
    for (Warp& warp : warps_) stuck(warp.meeting, "a warp function", 32);
    for (auto& fiber : fibers_) new (&fiber->context) ctx::fiber();  // forgets, unwinds nothing
    fibers_.clear(), idle_.clear();
  }

  Launch launch_;
  void (*call_)(void*) = nullptr;
  void* arguments_ = nullptr;
  std::vector<unsigned> order_;
  std::vector<Lane> lanes_;
  std::vector<Warp> warps_;
  std::vector<uint4> dynamic_;
  Meeting barrier_;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Fiber*> idle_;
  std::deque<Fiber*> ready_;
  ctx::fiber scheduler_;
  Fiber* running_ = nullptr;
  unsigned started_ = 0, finished_ = 0;
};

Engine& engine() {
  static Engine one;
  return one;
}

}  // namespace

uint3 thread_index() { return engine().lane().index; }
uint3 block_index() { return engine().block; }
dim3 block_size() { return engine().launch().block; }
dim3 grid_size() { return engine().launch().grid; }
void* dynamic_shared_memory() { return engine().dynamic(); }
int lane() { return static_cast<int>(engine().lane().lane); }
void sync_block(const Where& where) { engine().sync_block(where); }
const std::byte* sync_warp(unsigned mask, const void* value, std::size_t bytes, bool orders,
                           const Where& where, void (*combine)(std::byte*)) {
  return engine().sync_warp(mask, value, bytes, orders, where, combine);
}
void start(const Copy& copy) {
  Lane& lane = engine().lane();
  lane.copies.emplace_back(copy, lane.groups);
  if (is_checked()) forget_shared(copy.to, static_cast<std::size_t>(copy.size) * sizeof(float));
}
void end_group_of_copies() { ++engine().lane().groups; }
bool finish_copy(int left, Copy& copy) {
  Lane& lane = engine().lane();
  if (lane.copies.empty() || lane.copies.front().second + static_cast<unsigned>(left) >= lane.groups)
    return false;
  copy = lane.copies.front().first;
  lane.copies.pop_front();
  return true;
}
void fence() { engine().fence(); }
void count_at(const void* counter) { engine().count_at(counter); }
void set_order(Order order) { engine().mode = order; }
std::uint64_t threads_run() { return engine().threads_total; }
std::uint64_t launches() { return engine().launches_run; }
bool has_run(const void* kernel) {
  const std::lock_guard lock(engine().mutex);
  return engine().kernels_run.contains(kernel);
}
// One launch at a time, whichever host thread asks.
void run(const Launch& launch, void (*call)(void*), void* arguments) {
  const std::lock_guard lock(engine().mutex);
  engine().run(launch, call, arguments);
}

}  // namespace cuda_on_host
