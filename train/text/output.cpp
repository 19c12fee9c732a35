#include "train/text/output.h"

#include <cerrno>
#include <cstdio>
#include <system_error>

namespace lockstep::train {

namespace {

int first_error = 0;  // of stdout

}  // namespace

void say_text(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

void show_text(std::string_view text) {
  const bool written =
      std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  if (!written && first_error == 0) first_error = errno;
}

void check_output() {
  errno = EIO;
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return;
  throw std::system_error(first_error != 0 ? first_error : errno, std::generic_category(),
                          "cannot write to the standard output");
}

}  // namespace lockstep::train
