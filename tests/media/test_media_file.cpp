// MediaFile over descriptors: an upload has no path.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fstream>  // before check.h, whose fail() is a macro

#include "tests/unit/expect.h"
#include "tests/unit/scratch.h"
#include "tests/unit/suite.h"
#include "tools/media/media_file.h"

namespace {

using namespace clipembed;

int memory_file(std::string_view content) {
  const int fd = memfd_create("test", MFD_CLOEXEC);
  ck_assert_int_ge(fd, 0);
  ck_assert_int_eq(write(fd, content.data(), content.size()), static_cast<ssize_t>(content.size()));
  return fd;
}

START_TEST(a_memory_file_is_told_by_its_content) {
  const MediaFile file = expect_value(MediaFile::adopt(memory_file("GIF89a and so on"), "upload.jpg"));
  ck_assert(file.type() == MediaType::kGif);
  ck_assert_str_eq(file.name().c_str(), "upload.jpg");
  ck_assert(expect_value(file.read(100)) == "GIF89a and so on");
}
END_TEST

START_TEST(an_unlinked_file_is_read_wherever_its_offset_is) {
  const Scratch scratch;
  const auto path = scratch.path() / "file";
  write_file(path, "0123456789");
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  unlink(path.c_str());
  lseek(fd, 7, SEEK_SET);
  const MediaFile file = expect_value(MediaFile::adopt(fd, "upload"));
  char bytes[4];
  ck_assert_int_eq(file.read_at(bytes, 3), 4);
  ck_assert_int_eq(memcmp(bytes, "3456", 4), 0);
  ck_assert_int_eq(file.read_at(bytes, 8), 2);
  ck_assert_int_eq(file.read_at(bytes, 10), 0);
}
END_TEST

START_TEST(a_refused_descriptor_is_closed) {
  int ends[2];
  ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
  expect_error(MediaFile::adopt(ends[0], "upload"), Error::Kind::kSettings, {"upload", "FIFO"});
  ck_assert_int_eq(fcntl(ends[0], F_GETFD), -1);
  close(ends[1]);
  expect_error(MediaFile::adopt(memory_file(""), "upload"), Error::Kind::kFormat, {"upload is an empty file"});
}
END_TEST

}  // namespace

int main() {
  return run_suite("media_file", {a_memory_file_is_told_by_its_content, an_unlinked_file_is_read_wherever_its_offset_is,
                                  a_refused_descriptor_is_closed});
}
