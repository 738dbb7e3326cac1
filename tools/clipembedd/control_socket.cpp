#include "tools/clipembedd/control_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include <system_error>

namespace clipembed {
namespace {

using Kind = Error::Kind;

std::string reason(int error) { return std::generic_category().message(error); }

}  // namespace

Result<ControlPair> open_control_pair() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return Error{Kind::kBusy, "no socket to be had for a decode worker: " + reason(errno)};
  ControlPair pair{FileDescriptor(ends[0]), FileDescriptor(ends[1])};
  fcntl(pair.daemon.get(), F_SETFL, O_NONBLOCK);
  return pair;
}

Status send_record(int socket, std::span<const std::uint8_t> record, int descriptor) {
  iovec part{.iov_base = const_cast<std::uint8_t*>(record.data()), .iov_len = record.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof descriptor)] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (descriptor >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof descriptor);
    memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
  }
  while (sendmsg(socket, &message, MSG_NOSIGNAL) < 0) {
    if (errno == EINTR) continue;
    const bool full = errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM || errno == ETOOMANYREFS;
    return Error{full ? Kind::kBusy : Kind::kUnavailable, "the control socket: " + reason(errno)};
  }
  return ok();
}

Result<std::optional<Received>> receive_record(int socket, bool expect_file) {
  Received received{.bytes = Record(kMaxRecordBytes)};
  iovec part{.iov_base = received.bytes.data(), .iov_len = received.bytes.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  // Without room for them the kernel closes what descriptors come.
  message.msg_control = expect_file ? control : nullptr;
  message.msg_controllen = expect_file ? sizeof control : 0;
  ssize_t size = 0;
  do {
    size = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return std::optional<Received>();
  if (size < 0) return Error{Kind::kUnavailable, "the control socket: " + reason(errno)};
  if (size == 0) return Error{Kind::kUnavailable, "the control socket was closed"};
  if (cmsghdr* header = expect_file ? CMSG_FIRSTHDR(&message) : nullptr;
      header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
    int descriptor = -1;
    memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
    received.file = FileDescriptor(descriptor);
  }
  if (message.msg_flags & MSG_TRUNC) return Error{Kind::kFormat, "a record that is too large"};
  if (expect_file && (message.msg_flags & MSG_CTRUNC))
    return Error{Kind::kFormat, "the descriptor of a record did not arrive"};
  received.bytes.resize(static_cast<std::size_t>(size));
  return std::optional<Received>(std::move(received));
}

}  // namespace clipembed
