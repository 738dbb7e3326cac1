// A file that a user named: opened once, looked at, and told apart by its content; names mean nothing. Stateless; any
// thread.
//
//   path -> regular file? -> first bytes -> still image of a known format, or something for GStreamer's demuxers
#pragma once

#include <cstdint>
#include <string>

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

  MediaFile(MediaFile&& other) noexcept;
  MediaFile(const MediaFile&) = delete;
  MediaFile& operator=(const MediaFile&) = delete;
  ~MediaFile();

  const std::string& path() const { return path_; }
  MediaType type() const { return type_; }
  std::uint64_t size() const { return size_; }

  // The whole content. Errors: kFormat for more than `limit` bytes, kFailed.
  Result<std::string> read(std::uint64_t limit) const;

 private:
  MediaFile(std::string path, int fd, std::uint64_t size) : path_(std::move(path)), fd_(fd), size_(size) {}

  std::string path_;
  int fd_ = -1;
  std::uint64_t size_ = 0;
  MediaType type_ = MediaType::kStream;
};

}  // namespace clipembed
