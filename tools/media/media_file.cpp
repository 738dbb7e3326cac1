#include "tools/media/media_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <string_view>
#include <utility>

namespace clipembed {
namespace {

using namespace std::string_view_literals;

// ISO base media brands of still pictures; every other brand is a video's. Source: ISO/IEC 23008-12 annexes B and E,
// AVIF 1.1 section 6.
bool is_heif_brand(std::string_view brand) {
  for (std::string_view still :
       {"heic"sv, "heix"sv, "heim"sv, "heis"sv, "mif1"sv, "mif2"sv, "msf1"sv, "avif"sv, "avis"sv})
    if (brand == still) return true;
  return false;
}

// "BM" alone begins many a text: the size of the second header, at byte 14, tells. Source: the BITMAP*HEADER
// structures.
bool is_bmp(std::string_view head) {
  if (!head.starts_with("BM") || head.size() < 18) return false;
  const auto header_size = static_cast<unsigned char>(head[14]);
  return header_size >= 12 && header_size <= 124 && head.substr(15, 3) == "\0\0\0"sv;
}

MediaType sniff(std::string_view head) {
  const auto at = [head](std::size_t offset, std::string_view magic) {
    return head.size() >= offset + magic.size() && head.substr(offset, magic.size()) == magic;
  };
  if (at(0, "\xff\xd8\xff")) return MediaType::kJpeg;
  if (at(0, "\x89PNG\r\n\x1a\n")) return MediaType::kPng;
  if (at(0, "RIFF") && at(8, "WEBP")) return MediaType::kWebp;
  if (at(0, "GIF87a") || at(0, "GIF89a")) return MediaType::kGif;
  if (at(0, "II*\0"sv) || at(0, "MM\0*"sv)) return MediaType::kTiff;
  if (at(0, "\xff\x0a") || at(0, "\0\0\0\x0cJXL \r\n\x87\n"sv)) return MediaType::kJxl;
  if (at(4, "ftyp") && head.size() >= 12 && is_heif_brand(head.substr(8, 4))) return MediaType::kHeif;
  if (is_bmp(head)) return MediaType::kBmp;
  return MediaType::kStream;
}

Error cannot(const char* what, const std::string& path) {
  return Error{Error::Kind::kFailed, "cannot " + std::string(what) + " " + path + ": " + strerror(errno)};
}

}  // namespace

Result<MediaFile> MediaFile::open(const std::string& path) {
  // O_NONBLOCK: a FIFO without a writer would hold open() up. It has no effect on regular files.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd >= 0) return adopt(fd, path);
  if (errno == ENOENT || errno == ENOTDIR) return Error{Error::Kind::kNotFound, path + " does not exist"};
  return cannot("open", path);
}

Result<MediaFile> MediaFile::adopt(int descriptor, std::string name) {
  MediaFile file(std::move(name), descriptor);
  struct stat status{};
  if (fstat(descriptor, &status) != 0) return cannot("look at", file.name_);
  if (S_ISDIR(status.st_mode))
    return Error{Error::Kind::kSettings, file.name_ + " is a directory: name the files in it, or add --recursive"};
  if (!S_ISREG(status.st_mode))
    return Error{Error::Kind::kSettings, file.name_ + " is a device, FIFO or socket: only regular files are embedded"};
  file.size_ = static_cast<std::uint64_t>(status.st_size);
  if (file.size_ == 0) return Error{Error::Kind::kFormat, file.name_ + " is an empty file"};

  char head[32];
  const ssize_t size = file.read_at(head, 0);
  if (size < 0) return cannot("read", file.name_);
  file.type_ = sniff({head, static_cast<std::size_t>(size)});
  return file;
}

MediaFile::MediaFile(MediaFile&& other) noexcept
    : name_(std::move(other.name_)), fd_(std::exchange(other.fd_, -1)), size_(other.size_), type_(other.type_) {}

MediaFile::~MediaFile() {
  if (fd_ >= 0) close(fd_);
}

Result<std::string> MediaFile::read(std::uint64_t limit) const {
  if (size_ > limit)
    return Error{Error::Kind::kFormat, name_ + " has " + std::to_string(size_) + " bytes, more than the " +
                                           std::to_string(limit) + " that a still image may have"};
  std::string bytes(size_, '\0');
  const ssize_t size = read_at(bytes, 0);
  if (size < 0) return cannot("read", name_);
  bytes.resize(static_cast<std::size_t>(size));
  return bytes;
}

ssize_t MediaFile::read_at(std::span<char> to, std::uint64_t offset) const {
  std::size_t done = 0;
  while (done < to.size()) {
    const ssize_t n = pread(fd_, to.data() + done, to.size() - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -1;
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  return static_cast<ssize_t>(done);
}

}  // namespace clipembed
