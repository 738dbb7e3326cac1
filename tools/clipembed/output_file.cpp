#include "tools/clipembed/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>

namespace clipembed {

OutputFile OutputFile::standard_output() { return OutputFile("standard output", "", STDOUT_FILENO); }

Result<OutputFile> OutputFile::create(const std::string& path) {
  struct stat status{};
  const bool exists = stat(path.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode))
    return Error{Error::Kind::kSettings, "cannot write " + path + ": it is a directory"};
  if (exists && !S_ISREG(status.st_mode)) {
    OutputFile file(path, "", open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (file.fd_ < 0) return file.failure("open");
    return file;
  }
  // rename() would replace a symbolic link instead of what it points to.
  const std::unique_ptr<char, decltype(&free)> real(exists ? realpath(path.c_str(), nullptr) : nullptr, free);
  const std::string target = real ? real.get() : path;
  // Not mkstemp(), whose files ignore the umask and stay unreadable to others.
  const std::string temporary = target + ".part-" + std::to_string(getpid());
  OutputFile file(target, temporary, open(temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (file.fd_ >= 0) return file;
  file.temporary_.clear();  // not ours
  return file.failure("create");
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : name_(std::move(other.name_)),
      temporary_(std::exchange(other.temporary_, {})),
      fd_(std::exchange(other.fd_, -1)) {}

OutputFile::~OutputFile() {
  if (fd_ > STDERR_FILENO) close(fd_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

Error OutputFile::failure(const char* what) const {
  return Error{Error::Kind::kFailed, std::string("cannot ") + what + " " + name_ + ": " + strerror(errno)};
}

Status OutputFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
    if (n < 0 && errno != EINTR) return failure("write");
    if (n > 0) bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return ok();
}

Status OutputFile::rewrite_start(std::string_view bytes) {
  if (lseek(fd_, 0, SEEK_SET) != 0) return failure("go back in");
  return write(bytes);
}

Status OutputFile::commit() {
  if (temporary_.empty()) return ok();
  // Closing first: some file systems report a full disk only then.
  if (close(std::exchange(fd_, -1)) != 0) return failure("write");
  if (rename(temporary_.c_str(), name_.c_str()) != 0) return failure("rename to");
  temporary_.clear();
  return ok();
}

}  // namespace clipembed
