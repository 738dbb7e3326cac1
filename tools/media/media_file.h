// A file that a user named or sent: opened once, looked at, and told apart by its content; names mean nothing. All
// reading goes through the descriptor, at offsets of its own, so that it may be an unlinked file, a memfd, or one
// shared with another process. Stateless; any thread.
//
//   path or descriptor -> regular file? -> first bytes -> still image of a known format, or something for demuxers
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "lib/result.h"

namespace clipembed {

enum class MediaType {
  kJpeg,
  kPng,
  kWebp,
  kGif,
  kBmp,
  kTiff,
  kHeif,  // HEIC and AVIF
  kJxl,
  kStream,  // anything else: a video, or nothing we can read
};

class MediaFile {
 public:
  // Errors: kNotFound, kSettings for what is no regular file (a FIFO is not waited for), kFormat for an empty file,
  // kFailed for one that cannot be read.
  static Result<MediaFile> open(const std::string& path);
  // The same of a descriptor that is open for reading; takes it over, also with an error. `name` is what messages call
  // the file.
  static Result<MediaFile> adopt(int descriptor, std::string name);

  MediaFile(MediaFile&& other) noexcept;
  MediaFile(const MediaFile&) = delete;
  MediaFile& operator=(const MediaFile&) = delete;
  ~MediaFile();

  const std::string& name() const { return name_; }
  MediaType type() const { return type_; }
  std::uint64_t size() const { return size_; }

  // The whole content. Errors: kFormat for more than `limit` bytes, kFailed.
  Result<std::string> read(std::uint64_t limit) const;
  // Fills `to` from `offset` on. Returns how many bytes there were, fewer only where the file ends; -1 with errno.
  ssize_t read_at(std::span<char> to, std::uint64_t offset) const;

 private:
  MediaFile(std::string name, int fd) : name_(std::move(name)), fd_(fd) {}

  std::string name_;
  int fd_ = -1;
  std::uint64_t size_ = 0;
  MediaType type_ = MediaType::kStream;
};

}  // namespace clipembed
