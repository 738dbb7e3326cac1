#include "tools/hub/incomplete_file.h"

#include <fcntl.h>
#include <glib.h>
#include <sys/stat.h>

#include <cerrno>
#include <memory>
#include <string>
#include <vector>

namespace clipembed {
namespace {

constexpr std::size_t kChunk = 1 << 20;  // bytes hashed at a time

struct ChecksumFree {
  void operator()(GChecksum* checksum) const { g_checksum_free(checksum); }
};

Error file_error(const std::filesystem::path& path, int number) {
  std::string message = path.string() + ": " + g_strerror(number);
  if (number == ENOSPC || number == EDQUOT)
    message += "; free space or set HF_HUB_CACHE, and run again: what has arrived is kept";
  return {Error::Kind::kFailed, message};
}

}  // namespace

Result<IncompleteFile> IncompleteFile::open(const std::filesystem::path& path) {
  FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  struct stat status{};
  if (!file || fstat(file.get(), &status) != 0) return file_error(path, errno);
  return IncompleteFile(std::move(file), path, static_cast<std::uint64_t>(status.st_size));
}

Status IncompleteFile::append(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(size_));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return file_error(path_, errno);
    size_ += static_cast<std::uint64_t>(written);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return ok();
}

Status IncompleteFile::truncate(std::uint64_t size) {
  if (ftruncate(file_.get(), static_cast<off_t>(size)) != 0) return file_error(path_, errno);
  size_ = size;
  return ok();
}

Status IncompleteFile::verify(const std::string& etag) const {
  if (etag.size() != 40 && etag.size() != 64) return ok();
  const std::unique_ptr<GChecksum, ChecksumFree> checksum(
      g_checksum_new(etag.size() == 64 ? G_CHECKSUM_SHA256 : G_CHECKSUM_SHA1));
  if (etag.size() == 40) {  // git hash-object: "blob <size>", a zero byte, the content
    const std::string header = "blob " + std::to_string(size_);
    g_checksum_update(checksum.get(), reinterpret_cast<const guchar*>(header.c_str()),
                      static_cast<gssize>(header.size() + 1));
  }
  std::vector<guchar> chunk(kChunk);
  for (std::uint64_t offset = 0; offset < size_;) {
    const ssize_t count = pread(file_.get(), chunk.data(), chunk.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return file_error(path_, count < 0 ? errno : EIO);
    g_checksum_update(checksum.get(), chunk.data(), count);
    offset += static_cast<std::uint64_t>(count);
  }
  if (etag == g_checksum_get_string(checksum.get())) return ok();
  return Error{Error::Kind::kFormat,
               std::string("checksum ") + g_checksum_get_string(checksum.get()) + " instead of " + etag};
}

}  // namespace clipembed
