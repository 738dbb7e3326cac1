#include "tools/hub/http.h"

#include <utility>

namespace clipembed {
namespace {

constexpr int kMostRedirects = 10;

struct UriUnref {
  void operator()(GUri* uri) const { g_uri_unref(uri); }
};
using UriPtr = std::unique_ptr<GUri, UriUnref>;

// libsoup gives its messages' URIs the port that the scheme implies; GLib's parser leaves it out.
int port_of(GUri* uri) {
  const int port = g_uri_get_port(uri);
  if (port > 0) return port;
  return g_str_equal(g_uri_get_scheme(uri), "https") ? 443 : 80;
}

bool same_origin(GUri* a, GUri* b) {
  return g_str_equal(g_uri_get_scheme(a), g_uri_get_scheme(b)) && port_of(a) == port_of(b) &&
         g_ascii_strcasecmp(g_uri_get_host(a), g_uri_get_host(b)) == 0;
}

Error transport_error(const GError* error, const std::string& host) {
  if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) return {Error::Kind::kCancelled, "cancelled"};
  if (error->domain == G_TLS_ERROR && error->code == G_TLS_ERROR_BAD_CERTIFICATE) {
    return {Error::Kind::kSettings, "the certificate of " + host + " is not trusted: " + error->message +
                                        "; check the clock and the package ca-certificates"};
  }
  return {Error::Kind::kNetwork, host + ": " + error->message};
}

Result<UriPtr> redirect_target(const HttpReply& reply, GUri* from) {
  const auto location = reply.header("Location");
  UriPtr target(location ? g_uri_parse_relative(from, location->c_str(), kHttpUri, nullptr) : nullptr);
  const std::string scheme = target ? g_uri_get_scheme(target.get()) : "";
  const bool usable = scheme == "https" || (scheme == "http" && g_str_equal(g_uri_get_scheme(from), "http"));
  if (!usable || !g_uri_get_host(target.get()) || !*g_uri_get_host(target.get())) {
    return Error{Error::Kind::kFormat,
                 reply.host() + " redirects to '" + location.value_or("") + "', which cannot be followed"};
  }
  return target;
}

}  // namespace

bool HttpReply::is_redirect() const {
  return SOUP_STATUS_IS_REDIRECTION(status()) && status() != SOUP_STATUS_NOT_MODIFIED;
}

std::optional<std::string> HttpReply::header(const char* name) const {
  const char* value = soup_message_headers_get_one(soup_message_get_response_headers(message_.get()), name);
  if (!value) return {};
  return value;
}

std::optional<std::uint64_t> HttpReply::number(const char* name) const {
  const auto text = header(name);
  guint64 value = 0;
  if (!text || !g_ascii_string_to_unsigned(text->c_str(), 10, 0, G_MAXINT64, &value, nullptr)) return {};
  return value;
}

std::string HttpReply::host() const { return g_uri_get_host(soup_message_get_uri(message_.get())); }

std::optional<HttpReply::Range> HttpReply::content_range() const {
  goffset first = 0, last = 0, total = 0;
  if (!soup_message_headers_get_content_range(soup_message_get_response_headers(message_.get()), &first, &last,
                                              &total) ||
      first < 0 || total < 0) {
    return {};
  }
  return Range{static_cast<std::uint64_t>(first), static_cast<std::uint64_t>(total)};
}

Result<std::size_t> HttpReply::read(std::span<std::byte> buffer) {
  g_autoptr(GError) error = nullptr;
  const gssize count = g_input_stream_read(body_.get(), buffer.data(), buffer.size(), cancellable_, &error);
  if (count < 0) return transport_error(error, host());
  return static_cast<std::size_t>(count);
}

HttpClient::HttpClient(Options options) : options_(std::move(options)) {
  // A timeout of the socket: it counts from the last byte that came or went.
  session_.reset(soup_session_new_with_options("user-agent", "gst-clipembed", "timeout",
                                               static_cast<guint>(options_.stall_timeout.count()), nullptr));
  // Sizes, ranges and checksums are of the file itself, so no compression on the way.
  soup_session_remove_feature_by_type(session_.get(), SOUP_TYPE_CONTENT_DECODER);
}

Result<HttpReply> HttpClient::exchange(const char* method, GUri* uri, std::uint64_t offset) {
  GObjectPtr<SoupMessage> message(soup_message_new_from_uri(method, uri));
  soup_message_add_flags(message.get(), SOUP_MESSAGE_NO_REDIRECT);
  SoupMessageHeaders* headers = soup_message_get_request_headers(message.get());
  soup_message_headers_replace(headers, "Accept-Encoding", "identity");
  const UriPtr origin(g_uri_parse(options_.origin_url.c_str(), kHttpUri, nullptr));
  if (!options_.token.empty() && origin && same_origin(uri, origin.get())) {
    soup_message_headers_replace(headers, "Authorization", ("Bearer " + options_.token).c_str());
  }
  if (offset > 0) soup_message_headers_set_range(headers, static_cast<goffset>(offset), -1);

  g_autoptr(GError) error = nullptr;
  GObjectPtr<GInputStream> body(soup_session_send(session_.get(), message.get(), options_.cancellable, &error));
  if (!body) return transport_error(error, g_uri_get_host(uri));
  return HttpReply(std::move(message), std::move(body), options_.cancellable);
}

Result<HttpReply> HttpClient::send(const char* method, const std::string& url, std::uint64_t offset,
                                   const Enough& enough) {
  UriPtr uri(g_uri_parse(url.c_str(), kHttpUri, nullptr));
  if (!uri) return Error{Error::Kind::kSettings, "'" + url + "' is no web address"};
  for (int redirects = 0; redirects <= kMostRedirects; ++redirects) {
    auto reply = exchange(method, uri.get(), offset);
    if (!reply || !reply->is_redirect() || (enough && enough(*reply))) return reply;
    auto target = redirect_target(*reply, uri.get());
    if (!target) return target.error();
    uri = *std::move(target);
  }
  return Error{Error::Kind::kFormat, url + " redirects more than " + std::to_string(kMostRedirects) + " times"};
}

}  // namespace clipembed
