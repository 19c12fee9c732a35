#include "train/study/provenance.h"

#include <fmt/chrono.h>

#include <ctime>

#include "core/processor.h"
#include "core/runtime/system.h"
#include "data/files/hdf5.h"

namespace lockstep::train {

std::string date_now() { return fmt::format("{:%FT%TZ}", fmt::gmtime(std::time(nullptr))); }

std::string processor_of(Device device) {
  const std::string processor = system_info().processor;
  return device == Device::cpu ? processor : backend(device).name() + ", " + processor;
}

std::map<std::string, std::string> provenance(const StudyConfig& study, const std::string& config,
                                              const std::string& command, Device device,
                                              std::int64_t threads) {
  const SystemInfo system = system_info();
  return {{"config", config},
          {"question", study.question},
          {"command", command},
          {"date", date_now()},
          {"version", LOCKSTEP_VERSION},
          {"commit", LOCKSTEP_COMMIT},
          {"processor", processor_of(device)},
          {"cores", std::to_string(usable_cores())},
          {"threads", std::to_string(threads)},
          {"system", system.system},
          {"compiler", system.compiler},
          {"blas", blas_info().config},
          {"blas_kernel", blas_info().core},
          {"hdf5", h5::library_version()}};
}

}  // namespace lockstep::train
