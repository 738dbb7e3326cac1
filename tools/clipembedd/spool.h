// Where the bytes of an upload wait for a decode worker: in memory while they are few, in a file without a name once
// they are many. Nothing is left of it when the daemon dies, however it dies. One thread at a time; write() and
// finish() may wait for the disk.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "lib/result.h"
#include "tools/hub/file_descriptor.h"

namespace clipembed {

struct SpoolOptions {
  std::string directory = "/var/tmp";              // of uploads beyond `memory`; where the service may write
  std::uint64_t memory = 4 << 20;                  // bytes of an upload that are kept in memory
  std::uint64_t largest = std::uint64_t{1} << 30;  // bytes of an upload
};

class Spool {
 public:
  explicit Spool(SpoolOptions options) : options_(std::move(options)) {}

  // Appends. After an error the upload is lost, and every further call gives an error. Errors: kSettings beyond
  // `largest` (413); kUnavailable naming the cause where the disk is full, no descriptor or no memory is left, or the
  // directory cannot be written to (503).
  Status write(std::span<const std::uint8_t> bytes);

  std::uint64_t size() const { return size_; }

  // The upload for reading, at its beginning; nobody can change it any more. Once. Errors: kUnavailable.
  Result<FileDescriptor> finish();

 private:
  Status open_memory();
  Status move_to_disk();
  Status append(std::span<const std::uint8_t> bytes);
  Error failed(const char* doing, int error);

  const SpoolOptions options_;
  FileDescriptor file_{-1};
  bool on_disk_ = false;
  bool lost_ = false;
  std::uint64_t size_ = 0;
};

}  // namespace clipembed
