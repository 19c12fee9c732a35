// The calls that -fsanitize=thread puts before every load and store, answered by the checker in libtsan's
// place. Host code in checked files calls them, too, outside of kernels.
#include "tests/cuda_on_host/checker.h"

bool cuda_on_host::is_gpu() { return false; }
bool cuda_on_host::is_checked() { return true; }

namespace {

template <bool write>
void access(void* p, std::size_t bytes, void* pc) {
  cuda_on_host::check_access(write, reinterpret_cast<cuda_on_host::Address>(p), bytes,
                             reinterpret_cast<cuda_on_host::Address>(pc));
}

}  // namespace

extern "C" {

#define ACCESS(bytes)                                                                                  \
  void __tsan_read##bytes(void* p) { access<false>(p, bytes, __builtin_return_address(0)); }           \
  void __tsan_write##bytes(void* p) { access<true>(p, bytes, __builtin_return_address(0)); }           \
  void __tsan_unaligned_read##bytes(void* p) { access<false>(p, bytes, __builtin_return_address(0)); } \
  void __tsan_unaligned_write##bytes(void* p) { access<true>(p, bytes, __builtin_return_address(0)); }
ACCESS(1)
ACCESS(2)
ACCESS(4)
ACCESS(8)
ACCESS(16)
#undef ACCESS
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void*, void*) {}
void __tsan_vptr_read(void*) {}
void __tsan_read_range(void* p, std::size_t n) { access<false>(p, n, __builtin_return_address(0)); }
void __tsan_write_range(void* p, std::size_t n) { access<true>(p, n, __builtin_return_address(0)); }

// What counts references: host code alone.
int __tsan_atomic32_fetch_add(volatile int* p, int value, int) {
  return __atomic_fetch_add(p, value, __ATOMIC_SEQ_CST);
}
int __tsan_atomic32_fetch_sub(volatile int* p, int value, int) {
  return __atomic_fetch_sub(p, value, __ATOMIC_SEQ_CST);
}
int __tsan_atomic32_load(const volatile int* p, int) { return __atomic_load_n(p, __ATOMIC_SEQ_CST); }
char __tsan_atomic8_load(const volatile char* p, int) { return __atomic_load_n(p, __ATOMIC_SEQ_CST); }
long __tsan_atomic64_load(const volatile long* p, int) { return __atomic_load_n(p, __ATOMIC_SEQ_CST); }
void __tsan_atomic_thread_fence(int) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

}  // extern "C"
