// Unix stream sockets and eventfds: all close-on-exec, the sockets non-blocking, and no SIGPIPE. Any thread; a value of
// these types belongs to one of them, but for Signal.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <utility>

#include "lib/result.h"

namespace clipembed::remote {

// A file descriptor that is closed with its owner.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd();

  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

// Wakes a poll() of another thread: readable from ring() to clear(). Thread-safe, and ring() is async-signal-safe.
class Signal {
 public:
  Signal();  // throws std::system_error where there are no descriptors left
  int fd() const { return fd_.get(); }
  void ring() const;
  void clear() const;

 private:
  const Fd fd_;
};

// The path of "unix:PATH". Errors: kSettings for another form, an empty path, and one that is too long for a socket.
Result<std::string> socket_path(const std::string& address);

// A socket that listens at a path, which is gone with it unless somebody else has taken the path over. Its mode is 0600
// from the beginning. The file that a dead server has left is replaced.
// Errors: kSettings when a live server is there, or a file of another kind; kFailed with the system's reason.
class Listener {
 public:
  static Result<Listener> open(const std::string& address);
  Listener(Listener&&) = default;
  Listener& operator=(Listener&&) = delete;
  ~Listener();

  int fd() const { return socket_.get(); }

 private:
  Listener(Fd socket, std::string path);

  Fd socket_;
  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

// Two ends of a connection without a path, for a server and a process that it starts. Errors: kFailed.
struct SocketPair {
  Fd server, client;
};
Result<SocketPair> connected_pair();

// "unix:PATH" connects; "fd:N" takes over the connected socket that this process was started with as descriptor N,
// which works once. Errors: kNotFound naming the address and how to start a server, kBusy when its backlog is full,
// kSettings for a descriptor that is no such socket.
Result<Fd> connect_to(const std::string& address);

// Whether a server at this address may be followed by another one: not where the connection was inherited.
bool can_reconnect(const std::string& address);

// The process at the other end when it connected or began to listen.
struct Peer {
  pid_t process;
  uid_t user;
  // An engine sees what its clients see, and they believe what it says; so both are the same user's, or root's.
  bool trusted() const;
};
Result<Peer> peer_of(int socket);

// poll() for input on either descriptor; false when the time is up. The second one may be -1.
bool wait_readable(int fd, int other, std::chrono::steady_clock::time_point deadline);

// What poll() takes: rounded up, so that nobody spins through the last millisecond; -1 for time_point::max().
int poll_timeout(std::chrono::steady_clock::time_point deadline);

}  // namespace clipembed::remote
