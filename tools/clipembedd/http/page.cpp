#include "tools/clipembedd/http/page.h"

#include <gio/gio.h>

#include <utility>

namespace clipembed {
namespace {

constexpr char kPrefix[] = "/clipembedd";

// Everything is the page's own; pictures and videos are also what a person dropped (blob:). The page's tests run with
// the same words.
constexpr char kContentPolicy[] =
    "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob: data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'";

const char* content_type(const std::string& path) {
  constexpr std::pair<const char*, const char*> kTypes[] = {
      {".html", "text/html; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".svg", "image/svg+xml"},
      {".json", "application/json"},
      {".png", "image/png"},
  };
  for (const auto& [ending, type] : kTypes)
    if (path.ends_with(ending)) return type;
  return "application/octet-stream";
}

std::string entity_tag(GBytes* content) {
  g_autofree char* checksum = g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, content);
  return "\"" + std::string(checksum, 32) + "\"";
}

}  // namespace

bool is_page_path(const std::string& path) {
  return path == "/" || path == "/openapi.json" || path.starts_with("/page/");
}

Reply page_reply(const std::string& path, const std::string& if_none_match) {
  const std::string file = path == "/" ? "/page/index.html" : path;
  g_autoptr(GBytes) content = g_resources_lookup_data((kPrefix + file).c_str(), G_RESOURCE_LOOKUP_FLAGS_NONE, nullptr);
  if (!content) return failure_reply(failure(404, "there is no " + path), {});

  Reply reply{.content_type = content_type(file)};
  const std::string tag = entity_tag(content);
  reply.headers = {{"ETag", tag},
                   {"Cache-Control", "no-cache"},  // kept, and asked about each time
                   {"Content-Security-Policy", kContentPolicy},
                   {"Referrer-Policy", "no-referrer"},
                   {"Cross-Origin-Opener-Policy", "same-origin"}};
  if (if_none_match.find(tag) != std::string::npos || if_none_match == "*") {
    reply.status = 304;
    return reply;
  }
  gsize size = 0;
  const void* data = g_bytes_get_data(content, &size);
  reply.body.assign(static_cast<const char*>(data), size);
  return reply;
}

}  // namespace clipembed
