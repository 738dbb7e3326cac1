// The control socket between the daemon and a decode worker: a Unix socket that keeps records apart (SOCK_SEQPACKET),
// with a descriptor attached to some. Any thread; one at a time each way.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "lib/result.h"
#include "tools/clipembedd/worker_protocol.h"
#include "tools/hub/file_descriptor.h"

namespace clipembed {

struct ControlPair {
  FileDescriptor daemon{-1};  // non-blocking
  FileDescriptor worker{-1};  // blocking
};
// Errors: kBusy where no descriptor is left.
Result<ControlPair> open_control_pair();

// Errors: kBusy when a non-blocking socket has no room, or too many descriptors are under way; kUnavailable when the
// other end has gone.
Status send_record(int socket, std::span<const std::uint8_t> record, int descriptor = -1);

struct Received {
  Record bytes;
  FileDescriptor file{-1};  // only where one was expected
};
// nullopt when a non-blocking socket has nothing. Without `expect_file` descriptors that come are closed.
// Errors: kUnavailable when the other end has gone, kFormat for a record that is too large or whose descriptor was
// lost.
Result<std::optional<Received>> receive_record(int socket, bool expect_file);

}  // namespace clipembed
