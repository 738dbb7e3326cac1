// Uploads on their way to a worker: in memory, on disk, and where there is no room.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <string>

#include "tests/unit/expect.h"
#include "tests/unit/scratch.h"
#include "tests/unit/suite.h"
#include "tools/clipembedd/spool.h"

using namespace clipembed;

namespace {

void expect_text(const std::string& text, const std::string& expected) {
  ck_assert_str_eq(text.c_str(), expected.c_str());
}

std::span<const std::uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

struct Bench {
  const Scratch scratch;
  Spool spool;

  explicit Bench(std::uint64_t memory = 100, std::uint64_t largest = 1 << 20)
      : spool({.directory = scratch.path(), .memory = memory, .largest = largest}) {}
  bool folder_is_empty() const { return std::filesystem::is_empty(scratch.path()); }
};

std::string content(const FileDescriptor& file) {
  std::string text(1 << 20, '\0');
  const ssize_t size = read(file.get(), text.data(), text.size());
  ck_assert_int_ge(size, 0);
  text.resize(static_cast<std::size_t>(size));
  return text;
}

bool in_memory(const FileDescriptor& file) { return fcntl(file.get(), F_GET_SEALS) >= 0; }

}  // namespace

START_TEST(a_small_upload_stays_in_memory) {
  Bench bench;
  expect_value(bench.spool.write(bytes_of("hello ")));
  expect_value(bench.spool.write(bytes_of("world")));
  ck_assert_uint_eq(bench.spool.size(), 11);
  const FileDescriptor file = expect_value(bench.spool.finish());
  ck_assert(in_memory(file));
  expect_text(content(file), "hello world");
  ck_assert(bench.folder_is_empty());
}
END_TEST

START_TEST(a_large_upload_moves_to_a_file_that_has_no_name) {
  Bench bench(100);
  const std::string first(60, 'a'), second(60, 'b'), third(60, 'c');
  for (const std::string& part : {first, second, third}) expect_value(bench.spool.write(bytes_of(part)));
  ck_assert(bench.folder_is_empty());
  const FileDescriptor file = expect_value(bench.spool.finish());
  ck_assert(!in_memory(file));
  expect_text(content(file), (first + second + third));
  struct stat status{};
  ck_assert_int_eq(fstat(file.get(), &status), 0);
  ck_assert_uint_eq(status.st_nlink, 0);
}
END_TEST

START_TEST(what_is_finished_cannot_be_changed) {
  for (const std::uint64_t memory : {100, 1}) {
    Bench bench(memory);
    expect_value(bench.spool.write(bytes_of("upload")));
    const FileDescriptor file = expect_value(bench.spool.finish());
    ck_assert_int_lt(write(file.get(), "x", 1), 0);
    ck_assert_int_ne(ftruncate(file.get(), 0), 0);
    expect_text(content(file), "upload");
  }
}
END_TEST

START_TEST(an_empty_upload_is_an_empty_file) {
  Bench bench;
  expect_text(content(expect_value(bench.spool.finish())), "");
}
END_TEST

START_TEST(an_upload_over_the_limit_is_refused_and_not_kept) {
  Bench bench(100, 10);
  expect_value(bench.spool.write(bytes_of("12345")));
  expect_error(bench.spool.write(bytes_of("678901")), Error::Kind::kSettings, {"limit of 10 bytes"});
  expect_error(bench.spool.write(bytes_of("6")), Error::Kind::kUnavailable, {"not kept"});
  expect_error(bench.spool.finish(), Error::Kind::kUnavailable, {"not kept"});
}
END_TEST

// A limit of the process on files stands for a disk: the error is another one, the way the same.
START_TEST(a_full_disk_is_an_error) {
  Bench bench(10);
  signal(SIGXFSZ, SIG_IGN);
  const rlimit small{.rlim_cur = 1000, .rlim_max = RLIM_INFINITY};
  ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string much(2000, 'x');
  expect_error(bench.spool.write(bytes_of(much)), Error::Kind::kUnavailable, {"no room"});
  ck_assert(bench.folder_is_empty());
}
END_TEST

START_TEST(a_folder_that_cannot_be_written_to_is_an_error) {
  Spool spool({.directory = "/proc/self", .memory = 2, .largest = 100});
  expect_error(spool.write(bytes_of("upload")), Error::Kind::kUnavailable, {"no file can be made"});
}
END_TEST

START_TEST(without_descriptors_the_error_says_so) {
  Bench bench;
  rlimit usual{};
  ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &usual), 0);
  const rlimit none{.rlim_cur = 0, .rlim_max = usual.rlim_max};
  ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
  const Status written = bench.spool.write(bytes_of("upload"));
  ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &usual), 0);
  expect_error(written, Error::Kind::kUnavailable, {"Too many open files"});
}
END_TEST

int main() {
  return run_suite("spool", {a_small_upload_stays_in_memory, a_large_upload_moves_to_a_file_that_has_no_name,
                             what_is_finished_cannot_be_changed, an_empty_upload_is_an_empty_file,
                             an_upload_over_the_limit_is_refused_and_not_kept, a_full_disk_is_an_error,
                             a_folder_that_cannot_be_written_to_is_an_error, without_descriptors_the_error_says_so});
}
