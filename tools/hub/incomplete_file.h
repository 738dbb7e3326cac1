// A download on its way, <etag>.incomplete: what is there is kept from one call to the next. One thread; the blob's
// lock is held.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

#include "lib/result.h"
#include "tools/hub/file_descriptor.h"

namespace clipembed {

class IncompleteFile {
 public:
  // Takes up what an earlier call left. Errors, here and below: kFailed naming the path, and what to do where the disk
  // is full.
  static Result<IncompleteFile> open(const std::filesystem::path& path);

  std::uint64_t size() const { return size_; }
  Status append(std::span<const std::byte> bytes);
  Status truncate(std::uint64_t size);  // at most size()

  // Compares the content with an etag of 40 (git's SHA-1 of a blob) or 64 digits (SHA-256); any other says nothing.
  // Error: kFormat.
  Status verify(const std::string& etag) const;

 private:
  IncompleteFile(FileDescriptor file, std::filesystem::path path, std::uint64_t size)
      : file_(std::move(file)), path_(std::move(path)), size_(size) {}

  FileDescriptor file_;
  std::filesystem::path path_;
  std::uint64_t size_;
};

}  // namespace clipembed
