#include "data/files/atomic_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <random>
#include <thread>

#include "data/files/hdf5.h"
#include "tests/data/temp_folder.h"

namespace lockstep {
namespace {

size_t files_in(const std::filesystem::path& folder) {
  return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

TEST(AtomicFile, ReplacesOnCommitAndOnlyThen) {
  TempFolder folder;
  data::write_file(folder / "a.csv", "old");
  {
    data::AtomicFile file(folder / "a.csv");
    file.write("ne");
    file.write("w");
    EXPECT_EQ(data::read_file(folder / "a.csv"), "old");
  }
  EXPECT_EQ(data::read_file(folder / "a.csv"), "old");
  data::AtomicFile file(folder / "a.csv");
  file.write("new");
  file.commit();
  EXPECT_EQ(data::read_file(folder / "a.csv"), "new");
  EXPECT_EQ(files_in(folder.path()), 1u);
  EXPECT_TRUE(contains(error_of([&] { file.write("more"); }), "was committed already"));
}

TEST(AtomicFile, KeepsPermissionsAndFollowsLinks) {
  TempFolder folder;
  data::write_file(folder / "secret", "old");
  chmod((folder / "secret").c_str(), 0600);
  std::filesystem::create_symlink("secret", folder / "link");
  data::write_file(folder / "link", "new");
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
  EXPECT_EQ(data::read_file(folder / "secret"), "new");
  struct stat status {};
  stat((folder / "secret").c_str(), &status);
  EXPECT_EQ(status.st_mode & 0777, 0600u);

  const mode_t mask = umask(027);
  data::write_file(folder / "fresh", "x");
  umask(mask);
  stat((folder / "fresh").c_str(), &status);
  EXPECT_EQ(status.st_mode & 0777, 0640u);
}

TEST(AtomicFile, FollowsALinkToNothing) {
  TempFolder folder;
  std::filesystem::create_directory(folder / "b");
  std::filesystem::create_symlink("b/link", folder / "first");
  std::filesystem::create_symlink("new", folder / "b/link");
  data::write_file(folder / "first", "x");
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "first"));
  EXPECT_EQ(data::read_file(folder / "b/new"), "x");
  std::filesystem::create_symlink("circle", folder / "circle");
  EXPECT_NE(error_of([&] { data::write_file(folder / "circle", "x"); }), "");
  EXPECT_TRUE(
      contains(error_of([&] { data::read_file(folder / "circle"); }), "Too many levels of symbolic links"));
}

// In a container every process is the first: what a killed one left has the name that the next would take.
TEST(AtomicFile, ALeftoverOfAProcessOfTheSameNumberIsInNobodysWay) {
  TempFolder folder;
  for (int i = 0; i < 50; ++i) {
    std::ofstream(folder / fmt::format(".a.bin.{}-{}.tmp", getpid(), i)) << "left over";
    std::ofstream(folder / fmt::format(".a.bin.{}-{}.tmp", getpid(), 1000 + i)) << "left over";
  }
  for (int i = 0; i < 1100; i += 25) data::write_file(folder / "a.bin", std::string(1, static_cast<char>(i)));
  data::remove_leftovers(folder.path());
  EXPECT_EQ(files_in(folder.path()), 1u);
}

TEST(AtomicFile, LeftoversOfTheDeadGoAndFilesOfTheLivingStay) {
  TempFolder folder;
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) _exit(0);
  waitpid(child, nullptr, 0);
  std::ofstream(folder / fmt::format(".a.bin.{}-0.tmp", child)) << "left over";
  std::ofstream(folder / fmt::format(".a.bin.{}-0.tmp", getppid())) << "of somebody who lives";
  std::ofstream(folder / ".a.bin.tmp") << "of somebody else";
  // One that a process holds open which we can't see, as in another container.
  const std::string held = folder / fmt::format(".b.bin.{}-0.tmp", child);
  std::ofstream(held) << "being written";
  const int descriptor = open(held.c_str(), O_RDONLY);
  ASSERT_EQ(flock(descriptor, LOCK_EX), 0);
  data::remove_leftovers(folder.path());
  EXPECT_EQ(files_in(folder.path()), 3u);
  EXPECT_TRUE(std::filesystem::exists(held));
  close(descriptor);
  data::remove_leftovers(folder.path());
  EXPECT_FALSE(std::filesystem::exists(held));
}

TEST(AtomicFile, SaysWhyItCannotWrite) {
  TempFolder folder;
  EXPECT_TRUE(
      contains(error_of([&] { data::write_file(folder / "no/a.csv", "x"); }), "does not exist; create it"));
  EXPECT_TRUE(contains(error_of([&] { data::write_file(folder.path(), "x"); }), "it is a folder"));
  EXPECT_TRUE(contains(error_of([&] { data::write_file("/dev/null", "x"); }), "it is a device or pipe"));
  EXPECT_TRUE(contains(error_of([&] { data::read_file(folder / "none"); }), "No such file"));
}

// A limit on the size of files stands for a full disk: it needs no privileges, and write() fails likewise
// half-way.
TEST(AtomicFile, AFileThatCannotBeCompletedLeavesTheOldOne) {
  TempFolder folder;
  data::write_file(folder / "a.bin", "old");
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = 10'000;
  setrlimit(RLIMIT_FSIZE, &small);
  const std::string error = error_of([&] { data::write_file(folder / "a.bin", std::string(20'000, 'x')); });
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, handler);
  EXPECT_TRUE(contains(error, "a.bin: File too large; what stood there before is unchanged"));
  EXPECT_EQ(data::read_file(folder / "a.bin"), "old");
  EXPECT_EQ(files_in(folder.path()), 1u);
}

TEST(AtomicFile, AFullDiskLeavesTheOldFile) {
  TempFolder folder;
  if (mount("tmpfs", folder.path().c_str(), "tmpfs", 0, "size=256k") != 0) {
    GTEST_SKIP() << "needs the right to mount a small file system";
  }
  struct Unmount {
    std::string path;
    ~Unmount() { umount(path.c_str()); }
  } unmount{folder.path().string()};
  data::write_file(folder / "a.bin", "old");
  h5::File file = h5::File::create(folder / "a.h5");
  file.set_attribute("state", "old");
  file.commit();
  file.set_attribute("state", "new");
  file.write("x", std::vector<double>(100'000, 1.0), {100'000});
  auto write_text = [&] { data::write_file(folder / "a.bin", std::string(1'000'000, 'x')); };
  EXPECT_TRUE(contains(error_of(write_text), "No space left on device (free some space"));
  EXPECT_TRUE(contains(error_of([&] { file.commit(); }), "No space left on device (free some space"));
  EXPECT_EQ(data::read_file(folder / "a.bin"), "old");
  EXPECT_EQ(h5::File::open(folder / "a.h5").attribute<std::string>("state"), "old");
  EXPECT_EQ(files_in(folder.path()), 2u);
}

// A child rewrites a text file and an HDF5 file over and over, each time with another number all through it;
// killed at a random moment, both must be whole: one number from the first byte to the last.
TEST(AtomicFile, KilledAtAnyMomentTheFilesAreWhole) {
  TempFolder folder;
  const std::string text = folder / "a.txt", numbers = folder / "a.h5";
  auto write = [&](int64_t round) {
    data::write_file(text, std::string(50'000, static_cast<char>('a' + round % 26)));
    h5::File file = h5::File::create(numbers);
    file.set_attribute("round", round);
    file.write("x", std::vector<int64_t>(5'000, round), {5'000});
    file.commit();
  };
  write(0);
  std::mt19937 random(1);
  int64_t last_round = 0;
  int advanced = 0;
  unsigned longest = 20'000;  // microseconds that a child lives; more where it is too slow to write in them
  for (int kill_number = 0; kill_number < 100 || (advanced < 5 && kill_number < 300); ++kill_number) {
    if (kill_number >= 100) longest += 5'000;
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      for (int64_t round = last_round + 1;; ++round) write(round);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(random() % longest));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);

    const std::string content = data::read_file(text);
    ASSERT_EQ(content, std::string(50'000, content.at(0)));
    const h5::File file = h5::File::open(numbers);
    const auto round = file.attribute<int64_t>("round");
    ASSERT_GE(round, last_round);
    ASSERT_EQ(file.read<int64_t>("x").values, std::vector<int64_t>(5'000, round));
    advanced += round > last_round;
    last_round = round;
  }
  EXPECT_GE(advanced, 5);  // or else the child never got to write, and the test says nothing
}

}  // namespace
}  // namespace lockstep
