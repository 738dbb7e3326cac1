#include "tools/clipembedd/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>

namespace clipembed {
namespace {

using Kind = Error::Kind;

// Without a name from the beginning where the file system can do that, else for a moment.
FileDescriptor open_nameless(const std::string& directory) {
  FileDescriptor file(open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600));
  if (file || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT && errno != EINVAL)) return file;
  std::string name = directory + "/clipembedd-XXXXXX";
  file = FileDescriptor(mkostemp(name.data(), O_CLOEXEC));
  if (file) unlink(name.c_str());
  return file;
}

}  // namespace

Error Spool::failed(const char* doing, int error) {
  lost_ = true;
  file_ = FileDescriptor(-1);
  return Error{Kind::kUnavailable, std::string(doing) + ": " + std::generic_category().message(error)};
}

Status Spool::write(std::span<const std::uint8_t> bytes) {
  if (lost_) return Error{Kind::kUnavailable, "the upload was not kept"};
  if (bytes.size() > options_.largest - std::min(size_, options_.largest)) {
    lost_ = true;
    file_ = FileDescriptor(-1);
    return Error{Kind::kSettings,
                 "the file is larger than the limit of " + std::to_string(options_.largest) + " bytes"};
  }
  if (!file_) {
    if (Status opened = open_memory(); !opened) return opened;
  }
  if (!on_disk_ && size_ + bytes.size() > options_.memory) {
    if (Status moved = move_to_disk(); !moved) return moved;
  }
  return append(bytes);
}

Status Spool::open_memory() {
  file_ = FileDescriptor(memfd_create("clipembedd-upload", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL));
  // Before Linux 6.3 there was no MFD_NOEXEC_SEAL.
  if (!file_ && errno == EINVAL)
    file_ = FileDescriptor(memfd_create("clipembedd-upload", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file_) return failed("there is no memory for the upload", errno);
  return ok();
}

Status Spool::move_to_disk() {
  FileDescriptor file = open_nameless(options_.directory);
  if (!file) return failed("no file can be made for the upload", errno);
  off_t from = 0;
  while (static_cast<std::uint64_t>(from) < size_) {
    const ssize_t moved = sendfile(file.get(), file_.get(), &from, size_ - static_cast<std::uint64_t>(from));
    if (moved < 0 && errno == EINTR) continue;
    if (moved <= 0) return failed("there is no room for the upload", moved < 0 ? errno : EIO);
  }
  file_ = std::move(file);
  on_disk_ = true;
  return ok();
}

Status Spool::append(std::span<const std::uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file_.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return failed("there is no room for the upload", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    size_ += static_cast<std::uint64_t>(written);
  }
  return ok();
}

Result<FileDescriptor> Spool::finish() {
  if (lost_) return Error{Kind::kUnavailable, "the upload was not kept"};
  if (!file_) {
    if (Status opened = open_memory(); !opened) return std::move(opened).error();
  }
  if (!on_disk_ && fcntl(file_.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)
    return failed("the upload cannot be sealed", errno);
  // Another description, for reading only, so that whoever gets it cannot write and has an offset of its own.
  const std::string self = "/proc/self/fd/" + std::to_string(file_.get());
  FileDescriptor reader(open(self.c_str(), O_RDONLY | O_CLOEXEC));
  if (!reader) return failed("the upload cannot be read", errno);
  lost_ = true;
  file_ = FileDescriptor(-1);
  return reader;
}

}  // namespace clipembed
