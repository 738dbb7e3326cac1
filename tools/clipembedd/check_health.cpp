#include "tools/clipembedd/check_health.h"

#include <libsoup/soup.h>

#include <cstdio>

#include "tools/gobject_ptr.h"

namespace clipembed {
namespace {

constexpr guint kSecondsAtMost = 5;

struct Check {
  GObjectPtr<GCancellable> cancellable{g_cancellable_new()};
  GMainLoop* loop = g_main_loop_new(nullptr, FALSE);
  guint timeout = 0;  // its source; 0 once it has passed
  GBytes* body = nullptr;
  GError* error = nullptr;

  Check() = default;
  Check(const Check&) = delete;
  Check& operator=(const Check&) = delete;
  ~Check() {
    if (timeout != 0) g_source_remove(timeout);
    g_clear_pointer(&body, g_bytes_unref);
    g_clear_error(&error);
    g_main_loop_unref(loop);
  }
};

gboolean on_timeout(gpointer data) {
  auto* check = static_cast<Check*>(data);
  check->timeout = 0;
  g_cancellable_cancel(check->cancellable.get());
  return G_SOURCE_REMOVE;
}

void on_answer(GObject* session, GAsyncResult* result, gpointer data) {
  auto* check = static_cast<Check*>(data);
  check->body = soup_session_send_and_read_finish(SOUP_SESSION(session), result, &check->error);
  g_main_loop_quit(check->loop);
}

void print_error(const std::string& url, const Check& check) {
  const bool late = check.timeout == 0;
  std::fprintf(stderr, "clipembedd: %s: %s\n", url.c_str(), late ? "no answer in time" : check.error->message);
}

}  // namespace

int check_health(const std::string& url) {
  const GObjectPtr<SoupMessage> message(soup_message_new(SOUP_METHOD_GET, url.c_str()));
  if (!message) {
    std::fprintf(stderr, "clipembedd: --check-health: %s is no HTTP URL, such as http://127.0.0.1:3456/health\n",
                 url.c_str());
    return 2;
  }
  // The service is asked itself, whatever http_proxy says.
  const GObjectPtr<SoupSession> session(soup_session_new_with_options("proxy-resolver", nullptr, nullptr));
  Check check;
  check.timeout = g_timeout_add_seconds(kSecondsAtMost, on_timeout, &check);
  soup_session_send_and_read_async(session.get(), message.get(), G_PRIORITY_DEFAULT, check.cancellable.get(), on_answer,
                                   &check);
  g_main_loop_run(check.loop);
  if (!check.body) {
    print_error(url, check);
    return 1;
  }
  gsize size = 0;
  const auto* text = static_cast<const char*>(g_bytes_get_data(check.body, &size));
  std::printf("%.*s\n", static_cast<int>(size), text ? text : "");
  return soup_message_get_status(message.get()) == SOUP_STATUS_OK ? 0 : 1;
}

}  // namespace clipembed
