#include "tools/clipembedd/http/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <utility>

namespace clipembed {
namespace {

constexpr int kBacklog = 1024;
constexpr int kAcceptAtOnce = 64;
constexpr guint kRetryMilliseconds = 100;

GObjectPtr<GSocketAddress> parse_address(const std::string& text) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) return nullptr;
  std::string host = text.substr(0, colon);
  unsigned port = 0;
  const char* end = text.data() + text.size();
  const auto [parsed, error] = std::from_chars(text.data() + colon + 1, end, port);
  if (error != std::errc() || parsed != end || port > 65535) return nullptr;
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host == "localhost") host = "127.0.0.1";
  return GObjectPtr<GSocketAddress>(g_inet_socket_address_new_from_string(host.c_str(), port));
}

std::string address_of(GSocket* socket) {
  g_autoptr(GSocketAddress) address = g_socket_get_local_address(socket, nullptr);
  g_autofree char* text = address ? g_socket_connectable_to_string(G_SOCKET_CONNECTABLE(address)) : nullptr;
  return text ? text : "";
}

}  // namespace

Result<std::unique_ptr<Listener>> Listener::open(const std::string& addresses, Callbacks callbacks) {
  std::unique_ptr<Listener> listener(new Listener(std::move(callbacks)));
  g_auto(GStrv) list = g_strsplit(addresses.c_str(), ",", -1);
  for (char** address = list; *address; ++address)
    if (Status status = listener->listen(g_strstrip(*address)); !status) return status.error();
  listener->watch();
  return listener;
}

Listener::~Listener() {
  stop_watching();
  if (retry_ != 0) g_source_remove(retry_);
}

Status Listener::listen(const std::string& text) {
  const GObjectPtr<GSocketAddress> address = parse_address(text);
  if (!address)
    return Error{Error::Kind::kSettings, "listen is \"" + text + "\": expected ADDRESS:PORT, such as 127.0.0.1:3456"};
  g_autoptr(GError) error = nullptr;
  GObjectPtr<GSocket> socket(
      g_socket_new(g_socket_address_get_family(address.get()), G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, &error));
  if (socket) g_socket_set_listen_backlog(socket.get(), kBacklog);
  if (!socket || !g_socket_bind(socket.get(), address.get(), TRUE, &error) || !g_socket_listen(socket.get(), &error))
    return Error{Error::Kind::kFailed, "cannot listen at " + text + ": " + error->message};
  g_socket_set_blocking(socket.get(), FALSE);
  addresses_.push_back(address_of(socket.get()));
  sockets_.push_back(std::move(socket));
  return ok();
}

void Listener::watch() {
  struct Ready {
    Listener* listener;
    GSocket* socket;
  };
  const auto callback = +[](GSocket*, GIOCondition, gpointer data) -> gboolean {
    auto* ready = static_cast<Ready*>(data);
    ready->listener->accept(ready->socket);
    return G_SOURCE_CONTINUE;  // or it has been destroyed
  };
  for (const auto& socket : sockets_) {
    GSource* watch = g_socket_create_source(socket.get(), G_IO_IN, nullptr);
    g_source_set_callback(watch, G_SOURCE_FUNC(callback), new Ready{this, socket.get()},
                          [](gpointer data) { delete static_cast<Ready*>(data); });
    g_source_attach(watch, nullptr);
    watches_.push_back(watch);
  }
}

void Listener::stop_watching() {
  for (GSource* watch : std::exchange(watches_, {})) {
    g_source_destroy(watch);
    g_source_unref(watch);
  }
}

void Listener::accept(GSocket* socket) {
  for (int i = 0; i < kAcceptAtOnce && !watches_.empty(); ++i) {
    const int fd = accept4(g_socket_get_fd(socket), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) return exhausted();
    // ECONNABORTED and the like are the peer's affair.
    if (fd < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (fd < 0) continue;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    GSocket* accepted = g_socket_new_from_fd(fd, nullptr);
    if (!accepted) {
      ::close(fd);
      continue;
    }
    callbacks_.accepted(GObjectPtr<GSocket>(accepted));
  }
}

void Listener::exhausted() {
  stop_watching();
  const auto retry = +[](gpointer self) -> gboolean {
    auto* listener = static_cast<Listener*>(self);
    listener->retry_ = 0;
    if (!listener->paused_) listener->watch();
    return G_SOURCE_REMOVE;
  };
  retry_ = g_timeout_add(kRetryMilliseconds, retry, this);
  callbacks_.exhausted();
}

void Listener::pause() {
  if (std::exchange(paused_, true)) return;
  stop_watching();
}

void Listener::resume() {
  if (!std::exchange(paused_, false) || retry_ != 0) return;
  watch();
}

}  // namespace clipembed
