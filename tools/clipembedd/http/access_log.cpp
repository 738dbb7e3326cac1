#include "tools/clipembedd/http/access_log.h"

#include <glib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "tools/media/json_writer.h"

namespace clipembed {
namespace {

std::string timestamp() {
  g_autoptr(GDateTime) now = g_date_time_new_now_utc();
  g_autofree char* text = g_date_time_format(now, "%Y-%m-%dT%H:%M:%S");
  char milliseconds[16];
  std::snprintf(milliseconds, sizeof milliseconds, ".%03dZ", g_date_time_get_microsecond(now) / 1000);
  return text + std::string(milliseconds);
}

// Source: systemd.exec(5), $JOURNAL_STREAM.
bool is_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat status{};
  unsigned long long device = 0, inode = 0;
  return stream && std::sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(STDERR_FILENO, &status) == 0 &&
         status.st_dev == device && status.st_ino == inode;
}

// For a terminal: what a client named itself must not move the cursor.
std::string printable(std::string_view text) {
  std::string result;
  for (const char c : text) result += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return result;
}

const char* to_string(AccessLog::Level level) {
  switch (level) {
    case AccessLog::Level::kError:
      return "error";
    case AccessLog::Level::kWarning:
      return "warning";
    case AccessLog::Level::kInfo:
      return "info";
  }
  return "info";
}

double milliseconds(std::chrono::nanoseconds time) { return std::chrono::duration<double, std::milli>(time).count(); }

}  // namespace

AccessLog::AccessLog(std::string_view format)
    : json_(format == "json" || (format == "auto" && !isatty(STDERR_FILENO))), journal_(is_journal()) {}

void AccessLog::request(const AccessRecord& record) {
  const Level level = record.status >= 500 ? Level::kWarning : Level::kInfo;
  if (!json_) {
    char line[128];
    std::snprintf(line, sizeof line, "%d %.1f ms %llu bytes", record.status, milliseconds(record.duration),
                  static_cast<unsigned long long>(record.bytes_in));
    return write(level, printable(record.peer + " " + record.method + " " + record.path + " " + line +
                                  (record.error.empty() ? "" : " " + record.error + ": " + record.detail)));
  }
  JsonWriter object;
  object.add("time", timestamp());
  object.add("level", to_string(level));
  object.add("request_id", record.request_id);
  object.add("peer", record.peer);
  object.add("method", record.method);
  object.add("path", record.path);
  object.add("status", static_cast<std::uint64_t>(record.status));
  object.add("duration_ms", milliseconds(record.duration));
  object.add("bytes_in", record.bytes_in);
  if (record.files > 0) object.add("files", std::uint64_t{record.files});
  if (!record.error.empty()) object.add("error", record.error);
  if (!record.detail.empty()) object.add("detail", record.detail);
  write(level, object.text());
}

void AccessLog::event(Level level, std::string_view message) {
  if (!json_) return write(level, printable(message));
  JsonWriter object;
  object.add("time", timestamp());
  object.add("level", to_string(level));
  object.add("message", message);
  write(level, object.text());
}

// One write(2) a line, so that lines of several processes do not mix.
void AccessLog::write(Level level, const std::string& text) {
  std::string line = journal_ ? "<" + std::to_string(static_cast<int>(level)) + ">" : "";
  line += text + "\n";
  if (::write(STDERR_FILENO, line.data(), line.size()) < 0) return;  // there is nobody to tell
}

}  // namespace clipembed
