// One HTTP exchange at a time over libsoup: redirects followed by hand so that the token goes to the endpoint and to
// nobody else, bodies as streams, transport failures as errors. Knows nothing of the hub. One thread, the one that made
// it.
#pragma once

#include <libsoup/soup.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "lib/result.h"
#include "tools/gobject_ptr.h"

namespace clipembed {

// How libsoup wants URLs parsed: http and https, query and path left encoded.
inline constexpr auto kHttpUri = static_cast<GUriFlags>(SOUP_HTTP_URI_FLAGS);

// A status, headers, and a body that is still to be read.
class HttpReply {
 public:
  HttpReply(GObjectPtr<SoupMessage> message, GObjectPtr<GInputStream> body, GCancellable* cancellable)
      : message_(std::move(message)), body_(std::move(body)), cancellable_(cancellable) {}

  int status() const { return soup_message_get_status(message_.get()); }
  bool is_redirect() const;
  std::optional<std::string> header(const char* name) const;
  std::optional<std::uint64_t> number(const char* name) const;  // empty where it is no decimal number
  std::string host() const;                                     // that answered

  struct Range {
    std::uint64_t first;
    std::uint64_t total;
  };
  std::optional<Range> content_range() const;

  // The next bytes of the body; 0 at its end. Errors: kNetwork, kCancelled.
  Result<std::size_t> read(std::span<std::byte> buffer);

 private:
  friend class HttpClient;
  GObjectPtr<SoupMessage> message_;
  GObjectPtr<GInputStream> body_;
  GCancellable* cancellable_;
};

class HttpClient {
 public:
  struct Options {
    std::string origin_url;  // where the token may go: this URL's scheme, host and port
    std::string token;       // sent as Bearer; empty: none
    std::chrono::seconds stall_timeout{30};
    GCancellable* cancellable = nullptr;
  };
  explicit HttpClient(Options options);

  // Follows redirects until the reply is none, or `enough` says that it will do; asks for bytes from `offset` on where
  // it is not 0. Errors: kNetwork, kCancelled, kSettings for a certificate that is not trusted, kFormat for a bad
  // redirect.
  using Enough = std::function<bool(const HttpReply&)>;
  Result<HttpReply> send(const char* method, const std::string& url, std::uint64_t offset = 0,
                         const Enough& enough = {});

 private:
  Result<HttpReply> exchange(const char* method, GUri* uri, std::uint64_t offset);

  const Options options_;
  GObjectPtr<SoupSession> session_;
};

}  // namespace clipembed
