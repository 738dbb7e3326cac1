#include "tools/clipembedd/http/media_root.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cstring>

namespace clipembed {
namespace {

// glibc has no wrapper. O_NONBLOCK: a FIFO without a writer would hold the main loop up.
FileDescriptor open_beneath(int folder, const char* path) {
  struct open_how how{};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  return FileDescriptor(static_cast<int>(syscall(SYS_openat2, folder, path, &how, sizeof how)));
}

Error cannot_open(const std::string& path, int reason) {
  switch (reason) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
      return {Error::Kind::kNotFound, path + " does not exist below the service's media root"};
    case EXDEV:
    case ELOOP:
      return {Error::Kind::kSettings, path + " leads out of the service's media root"};
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return {Error::Kind::kUnavailable, "the service has too many files open to open " + path};
    default:
      return {Error::Kind::kFailed, path + " cannot be opened: " + strerror(reason)};
  }
}

}  // namespace

Result<MediaRoot> MediaRoot::open(const std::string& folder) {
  FileDescriptor opened(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!opened) return Error{Error::Kind::kSettings, "media-root " + folder + " cannot be opened: " + strerror(errno)};
  if (!open_beneath(opened.get(), "."))
    return Error{Error::Kind::kSettings, "media-root " + folder + " cannot be read: " + strerror(errno)};
  return MediaRoot(std::move(opened));
}

Result<FileDescriptor> MediaRoot::open_file(const std::string& path) const {
  if (path.find('\0') != std::string::npos) return Error{Error::Kind::kSettings, "a path has a NUL character"};
  if (path.starts_with('/'))
    return Error{Error::Kind::kSettings, path + " is absolute: paths are relative to the service's media root"};
  FileDescriptor file = open_beneath(folder_.get(), path.c_str());
  if (!file) return cannot_open(path, errno);
  struct stat status{};
  if (fstat(file.get(), &status) != 0) return cannot_open(path, errno);
  if (!S_ISREG(status.st_mode)) return Error{Error::Kind::kSettings, path + " is not a regular file"};
  return file;
}

}  // namespace clipembed
