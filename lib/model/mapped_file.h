// A whole regular file mapped read-only, so that weights cost no copy and share the page cache between processes.
//
// The size is taken once, by fstat, and every offset is checked against it. A file that someone truncates afterwards
// gives SIGBUS on the pages that are gone; as everywhere that weights are mapped, replace a model by renaming, not in
// place.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "lib/result.h"

namespace clipembed {

class MappedFile {
 public:
  // Never blocks on a FIFO or a device. An empty file has no bytes and no mapping.
  // Errors: kNotFound where there is no such file, kFormat for anything but a regular file, kFailed when it cannot be
  // read.
  static Result<std::shared_ptr<const MappedFile>> open(const std::filesystem::path& path);

  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return bytes_; }
  const std::string& path() const { return path_; }

 private:
  MappedFile(std::string path, std::span<const std::byte> bytes);

  std::string path_;
  std::span<const std::byte> bytes_;
};

}  // namespace clipembed
