#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <functional>
#include <new>
#include <set>
#include <string_view>

#include "data/files/hdf5_internal.h"
#include "data/files/seal.h"

namespace lockstep::h5 {
namespace {

constexpr rlim_t longest = 3;  // seconds of a processor; what is looked at takes less than one
constexpr rlim_t most_memory = rlim_t{768} << 20;  // more than there was before: four times what is looked at
constexpr size_t deepest = 100;

// A few bytes may claim that a text of gigabytes follows; HDF5 asks for memory before it looks.
bool is_out_of_memory(const Error& error) {
  return std::string_view(error.what()).find("memory allocation failed") != std::string_view::npos;
}

struct Damaged {};

// Looks at all that a reader could look at. Throws Damaged where it cannot.
class Probe {
 public:
  void look_at(const Group& group, size_t depth = 0) {
    if (depth > deepest || !seen_.insert(group.identity()).second) return;
    look_at_attributes(group);
    for (const std::string& child : group.children()) {
      try {
        if (group.has_dataset(child)) {
          look_at(group.dataset(child));
        } else if (group.has_group(child)) {
          look_at(group.group(child), depth + 1);
        }
      } catch (const Error& error) {  // said by whoever reads it
        if (is_out_of_memory(error)) throw;
      }
    }
  }

 private:
  void look_at(const Dataset& set) {
    look_at_attributes(set);
    if (set.problem().empty() && set.size() <= values_left_) {
      values_left_ -= set.size();
      set.read_stored();
    }
  }

  static void look_at_attributes(const Object& object) {
    for (const std::string& name : names_of(object)) {
      look_at_attribute<std::string>(object, name);
      look_at_attribute<int64_t>(object, name);
      look_at_attribute<double>(object, name);
    }
  }
  // Whoever knows a name would read it all the same.
  static std::vector<std::string> names_of(const Object& object) {
    try {
      return object.attribute_names();
    } catch (const Error&) {
      throw Damaged();
    }
  }
  template <typename T>
  static void look_at_attribute(const Object& object, const std::string& name) {
    try {
      object.attribute<std::vector<T>>(name);
    } catch (const Error& error) {  // of another type
      if (is_out_of_memory(error)) throw;
    }
  }

  std::set<std::string> seen_;
  int64_t values_left_ = int64_t{16} << 20;
};

// Bytes of addresses that this process has.
rlim_t addresses() {
  rlim_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * static_cast<rlim_t>(sysconf(_SC_PAGESIZE));
}

// Whether the action comes to an end, without too much memory, in a process of its own, a copy of this one;
// true where none can be had.
bool survives(const std::function<void()>& action) {
  const pid_t child = fork();
  if (child < 0) return true;
  if (child == 0) {
    for (const int signal : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGXCPU, SIGALRM})
      std::signal(signal, SIG_DFL);
    const rlim_t most = addresses() + most_memory;
    const rlimit no_core{0, 0}, limit{longest, longest}, memory{most, most};
    setrlimit(RLIMIT_CORE, &no_core);
    setrlimit(RLIMIT_CPU, &limit);
    setrlimit(RLIMIT_AS, &memory);
    alarm(20 * longest);
    dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);  // where the C library says what it ends a process for
    try {
      action();
    } catch (const Damaged&) {
      _exit(1);
    } catch (const std::bad_alloc&) {
      _exit(1);
    } catch (const Error& error) {  // said by whoever reads the file
      if (is_out_of_memory(error)) _exit(1);
    } catch (...) {  // likewise
    }
    _exit(0);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status == 0;
}

bool is_sealed(const std::string& path) {
  try {
    return data::is_sealed(data::FileReader(path));
  } catch (const Error&) {  // said by open()
    return true;
  }
}

}  // namespace

File File::open_foreign(const std::string& path) {
  const Guard guard;  // no other thread is within HDF5 while the process is copied
  const bool sound = is_sealed(path) || survives([&] { Probe().look_at(open(path)); });
  check(sound,
        "[hdf5] {} is damaged: HDF5 {} cannot list it, crashes on it, comes to no end or asks for too much "
        "memory; restore it from a copy",
        path, library_version());
  return open(path);
}

}  // namespace lockstep::h5
