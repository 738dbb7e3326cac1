#include "bench/service/http_client.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace bench {
namespace {

// The value of a header; empty without it.
std::string_view header(std::string_view head, std::string_view name) {
  for (std::size_t line = head.find("\r\n"); line != head.npos; line = head.find("\r\n", line + 2)) {
    const std::string_view rest = head.substr(line + 2);
    if (rest.size() <= name.size() || rest[name.size()] != ':') continue;
    if (strncasecmp(rest.data(), name.data(), name.size()) != 0) continue;
    const std::size_t begin = rest.find_first_not_of(' ', name.size() + 1);
    return rest.substr(begin, rest.find("\r\n") - begin);
  }
  return {};
}

}  // namespace

int HttpClient::connect_to(int port) {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int at_once = 1;
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
  if (connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return descriptor;
  close(descriptor);
  return -1;
}

Answer HttpClient::exchange(std::string_view method, std::string_view path, std::string_view type,
                            std::span<const std::uint8_t> body) {
  std::string head = std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n";
  if (method == "POST")
    head += "Content-Type: " + std::string(type) + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  head += "\r\n";
  Answer answer;
  const auto start = std::chrono::steady_clock::now();
  if (socket_ < 0) socket_ = connect_to(port_);
  const bool sent = socket_ >= 0 && send_all(head.data(), head.size()) && send_all(body.data(), body.size());
  if (socket_ < 0 || !read_answer(answer)) {
    disconnect();
    if (!sent) answer.status = 0;
  }
  answer.time = std::chrono::steady_clock::now() - start;
  return answer;
}

bool HttpClient::send_all(const void* data, std::size_t size) const {
  const char* at = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t sent = send(socket_, at, size, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    at += sent;
    size -= static_cast<std::size_t>(sent);
  }
  return true;
}

// With a Content-Length, or to the end of the connection.
bool HttpClient::read_answer(Answer& answer) {
  std::string received;
  std::size_t head_size = received.npos, needed = received.npos;
  char part[64 << 10];
  while (needed == received.npos || received.size() < needed) {
    const ssize_t got = recv(socket_, part, sizeof part, 0);
    if (got <= 0) break;
    received.append(part, static_cast<std::size_t>(got));
    if (head_size != received.npos) continue;
    head_size = received.find("\r\n\r\n");
    if (head_size == received.npos) continue;
    const std::string_view length = header(std::string_view(received).substr(0, head_size + 2), "Content-Length");
    if (!length.empty()) needed = head_size + 4 + std::strtoul(std::string(length).c_str(), nullptr, 10);
  }
  if (head_size == received.npos || received.size() < 12) return false;
  answer.status = std::atoi(received.c_str() + 9);
  answer.body = received.substr(head_size + 4);
  const bool closing =
      strcasecmp(std::string(header(received.substr(0, head_size + 2), "Connection")).c_str(), "close") == 0;
  return needed != received.npos && !closing;
}

void HttpClient::disconnect() {
  if (socket_ >= 0) close(socket_);
  socket_ = -1;
}

std::string in_a_form(std::span<const std::uint8_t> file, std::string_view name) {
  std::string body = "--clipembed-bench\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" +
                     std::string(name) + "\"\r\nContent-Type: application/octet-stream\r\n\r\n";
  body.append(file.begin(), file.end());
  return body + "\r\n--clipembed-bench--\r\n";
}

}  // namespace bench
