#include "lib/engine/remote/socket.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <limits>
#include <mutex>
#include <set>
#include <string_view>
#include <system_error>

namespace clipembed::remote {
namespace {

using Kind = Error::Kind;
using Clock = std::chrono::steady_clock;

constexpr std::string_view kScheme = "unix:";
constexpr std::string_view kInherited = "fd:";

std::string reason() { return std::generic_category().message(errno); }

Fd new_socket() { return Fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)); }

sockaddr_un to_sockaddr(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::copy(path.begin(), path.end(), address.sun_path);
  return address;
}

int bind_to(const Fd& socket, const std::string& path) {
  const sockaddr_un address = to_sockaddr(path);
  return bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

int connect_to_path(const Fd& socket, const std::string& path) {
  const sockaddr_un address = to_sockaddr(path);
  return connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

// Makes way for a new server at `path`, where there is something. Two servers that find the same dead one's file at the
// same instant may both think they are next; the later one is then served.
Status clear_path(const std::string& address, const std::string& path) {
  struct stat file{};
  if (lstat(path.c_str(), &file) != 0) return ok();  // gone meanwhile: bind() says what is wrong
  if (!S_ISSOCK(file.st_mode)) return Error{Kind::kSettings, path + " is there already, and is no socket"};
  const Fd probe = new_socket();
  if (connect_to_path(probe, path) != 0 && errno == ECONNREFUSED) {
    unlink(path.c_str());
    return ok();
  }
  return Error{Kind::kSettings, "an engine server is running at " + address + " already"};
}

int number_of(std::string_view address) {
  int number = -1;
  const char* end = address.data() + address.size();
  const auto [rest, error] = std::from_chars(address.data() + kInherited.size(), end, number);
  return error == std::errc() && rest == end ? number : -1;
}

// Once for each number: what has it later may be anything.
Result<Fd> take_inherited(const std::string& address) {
  static std::mutex mutex;
  static std::set<int> taken;
  const int number = number_of(address);
  const std::lock_guard lock(mutex);
  if (taken.contains(number)) return Error{Kind::kNotFound, "the connection at " + address + " is used up"};
  int type = 0;
  sockaddr_un peer{};
  socklen_t type_size = sizeof type, peer_size = sizeof peer;
  if (number < 0 || getsockopt(number, SOL_SOCKET, SO_TYPE, &type, &type_size) != 0 || type != SOCK_STREAM ||
      getpeername(number, reinterpret_cast<sockaddr*>(&peer), &peer_size) != 0 || peer.sun_family != AF_UNIX)
    return Error{Kind::kSettings, "'" + address + "' is no connected Unix stream socket of this process"};
  taken.insert(number);
  fcntl(number, F_SETFD, FD_CLOEXEC);
  fcntl(number, F_SETFL, fcntl(number, F_GETFL) | O_NONBLOCK);
  return Fd(number);
}

}  // namespace

// ---- descriptors ----

Fd::~Fd() {
  if (fd_ >= 0) close(fd_);
}

Signal::Signal() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (fd_.get() < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
}

void Signal::ring() const {
  const std::uint64_t one = 1;
  while (write(fd_.get(), &one, sizeof one) < 0 && errno == EINTR) {
  }
}

void Signal::clear() const {
  std::uint64_t count = 0;
  while (read(fd_.get(), &count, sizeof count) < 0 && errno == EINTR) {
  }
}

bool wait_readable(int fd, int other, Clock::time_point deadline) {
  pollfd fds[] = {{.fd = fd, .events = POLLIN, .revents = 0}, {.fd = other, .events = POLLIN, .revents = 0}};
  int ready = 0;
  do {
    ready = poll(fds, std::size(fds), poll_timeout(deadline));
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

int poll_timeout(Clock::time_point deadline) {
  if (deadline == Clock::time_point::max()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, std::numeric_limits<int>::max()));
}

// ---- sockets ----

Result<std::string> socket_path(const std::string& address) {
  if (!address.starts_with(kScheme) || address.size() == kScheme.size())
    return Error{Kind::kSettings, "'" + address + "' is no address of an engine server: write unix:PATH"};
  std::string path = address.substr(kScheme.size());
  constexpr std::size_t kLongest = sizeof(sockaddr_un::sun_path) - 1;
  if (path.size() > kLongest) {
    return Error{Kind::kSettings, "the path of a socket has at most " + std::to_string(kLongest) + " bytes, and " +
                                      path + " has " + std::to_string(path.size())};
  }
  return path;
}

Result<Listener> Listener::open(const std::string& address) {
  const Result<std::string> path = socket_path(address);
  if (!path) return path.error();
  Fd socket = new_socket();
  // bind() gives the file the mode of the socket, so there is no moment at which others could connect.
  if (socket.get() < 0 || fchmod(socket.get(), 0600) != 0)
    return Error{Kind::kFailed, "no socket to be had: " + reason()};
  int bound = bind_to(socket, *path);
  if (bound != 0 && errno == EADDRINUSE) {
    if (Status cleared = clear_path(address, *path); !cleared) return std::move(cleared).error();
    bound = bind_to(socket, *path);
  }
  if (bound != 0) return Error{Kind::kFailed, "cannot create the socket " + *path + ": " + reason()};
  Listener listener(std::move(socket), *path);
  if (listen(listener.fd(), SOMAXCONN) != 0) return Error{Kind::kFailed, "cannot listen at " + *path + ": " + reason()};
  return listener;
}

Listener::Listener(Fd socket, std::string path) : socket_(std::move(socket)), path_(std::move(path)) {
  struct stat file{};
  if (lstat(path_.c_str(), &file) == 0) {
    device_ = file.st_dev;
    inode_ = file.st_ino;
  }
}

Listener::~Listener() {
  struct stat file{};
  if (socket_.get() < 0 || lstat(path_.c_str(), &file) != 0) return;
  if (file.st_dev == device_ && file.st_ino == inode_) unlink(path_.c_str());
}

Result<SocketPair> connected_pair() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
    return Error{Kind::kFailed, "no socket to be had: " + reason()};
  return SocketPair{Fd(ends[0]), Fd(ends[1])};
}

bool can_reconnect(const std::string& address) { return !address.starts_with(kInherited); }

Result<Fd> connect_to(const std::string& address) {
  if (address.starts_with(kInherited)) return take_inherited(address);
  const Result<std::string> path = socket_path(address);
  if (!path) return path.error();
  Fd socket = new_socket();
  if (socket.get() < 0) return Error{Kind::kFailed, "no socket to be had: " + reason()};
  if (connect_to_path(socket, *path) == 0) return socket;
  switch (errno) {
    case ENOENT:
    case ECONNREFUSED:
      return Error{Kind::kNotFound, "no engine server at " + address + ": start one with `clipembed serve-engine " +
                                        "--listen " + address + "`"};
    case EAGAIN:
      return Error{Kind::kBusy, "the engine server at " + address + " takes no more clients now"};
    default:
      return Error{Kind::kNotFound, "cannot reach the engine server at " + address + ": " + reason()};
  }
}

bool Peer::trusted() const { return user == geteuid() || user == 0; }

Result<Peer> peer_of(int socket) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
    return Error{Kind::kFailed, "cannot tell whose the other end is: " + reason()};
  return Peer{credentials.pid, credentials.uid};
}

}  // namespace clipembed::remote
