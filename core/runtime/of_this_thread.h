#pragma once

#include <memory>
#include <new>

namespace lockstep {

// One object for each thread, made when it is first asked for. The pointers have no destructor, so that what
// dies in a thread's last moments, after the object, can still ask.
template <typename T>
class OfThisThread {
 public:
  // Null at the end of the thread, and where the system has no memory for it.
  static T* get() noexcept {
    try {
      if (object_ == nullptr && !gone_) thread_local const Owner owner;
    } catch (const std::bad_alloc&) {
    }
    return object_;
  }

 private:
  struct Owner {
    Owner() : owned(std::make_unique<T>()) { object_ = owned.get(); }
    ~Owner() {
      object_ = nullptr;
      gone_ = true;
    }
    std::unique_ptr<T> owned;
  };

  inline static constinit thread_local T* object_ = nullptr;
  inline static constinit thread_local bool gone_ = false;
};

}  // namespace lockstep
