// One connection to the service at a time, kept alive; each call waits for its answer. Not thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace bench {

struct Answer {
  int status = 0;  // 0: no connection, or it broke
  std::string body;
  std::chrono::steady_clock::duration time{};  // from the first byte of the request to the last of the answer
};

class HttpClient {
 public:
  explicit HttpClient(int port) : port_(port) {}
  ~HttpClient() { disconnect(); }
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  Answer get(std::string_view path) { return exchange("GET", path, {}, {}); }
  Answer post(std::string_view path, std::string_view content_type, std::span<const std::uint8_t> body) {
    return exchange("POST", path, content_type, body);
  }

  // A socket of the caller's own, connected; -1 when there is nobody.
  static int connect_to(int port);

 private:
  Answer exchange(std::string_view method, std::string_view path, std::string_view type,
                  std::span<const std::uint8_t> body);
  bool send_all(const void* data, std::size_t size) const;
  bool read_answer(Answer& answer);
  void disconnect();

  const int port_;
  int socket_ = -1;
};

// The JPEG as a body of multipart/form-data, as a browser or our Node client sends it.
inline constexpr std::string_view kMultipart = "multipart/form-data; boundary=clipembed-bench";
std::string in_a_form(std::span<const std::uint8_t> file, std::string_view name);

}  // namespace bench
