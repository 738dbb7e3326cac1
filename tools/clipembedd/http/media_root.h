// The folder that imagePaths may name files of. The kernel resolves a path and refuses to leave the folder, whatever
// there is of "..", of links, or of files that are swapped meanwhile. Main-loop thread.
#pragma once

#include <string>

#include "lib/result.h"
#include "tools/hub/file_descriptor.h"

namespace clipembed {

class MediaRoot {
 public:
  // Errors: kSettings for what is no folder that can be read, and where the kernel has no openat2() (before 5.6).
  static Result<MediaRoot> open(const std::string& folder);

  // A regular file, for reading. Errors: kNotFound; kSettings for a path that leads out, or to what is no regular file;
  // kUnavailable when no descriptors are left; kFailed. Messages name the path as it was given, and nothing else.
  Result<FileDescriptor> open_file(const std::string& path) const;

 private:
  explicit MediaRoot(FileDescriptor folder) : folder_(std::move(folder)) {}

  FileDescriptor folder_;
};

}  // namespace clipembed
