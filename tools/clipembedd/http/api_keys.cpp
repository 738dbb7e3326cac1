#include "tools/clipembedd/http/api_keys.h"

#include <errno.h>
#include <glib.h>
#include <sys/stat.h>

#include <cstring>

#include "tools/clipembedd/http/header_parameters.h"

namespace clipembed {
namespace {

constexpr std::size_t kMinKeyLength = 16;

// Of equal length, whatever the keys' lengths.
std::string digest(std::string_view key) {
  g_autofree char* hex =
      g_compute_checksum_for_data(G_CHECKSUM_SHA256, reinterpret_cast<const guchar*>(key.data()), key.size());
  return hex;
}

bool equal_in_constant_time(const std::string& a, const std::string& b) {
  unsigned difference = a.size() != b.size();
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) difference |= static_cast<unsigned>(a[i] ^ b[i]);
  return difference == 0;
}

Error wrong(const std::string& path, const std::string& what) {
  return Error{Error::Kind::kSettings, "api-key-file " + path + " " + what};
}

}  // namespace

Result<ApiKeys> ApiKeys::read(const std::string& path) {
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) return wrong(path, std::string("cannot be read: ") + strerror(errno));
  if (status.st_mode & S_IROTH) return wrong(path, "can be read by everybody: chmod o-r " + path);
  g_autofree char* text = nullptr;
  g_autoptr(GError) error = nullptr;
  if (!g_file_get_contents(path.c_str(), &text, nullptr, &error))
    return wrong(path, std::string("cannot be read: ") + error->message);

  ApiKeys keys;
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (char** line = lines; *line; ++line) {
    const std::string_view key = g_strstrip(*line);
    if (key.empty() || key.starts_with('#')) continue;
    if (key.size() < kMinKeyLength)
      return wrong(path, "has a key of fewer than " + std::to_string(kMinKeyLength) + " characters");
    keys.digests_.push_back(digest(key));
  }
  if (keys.digests_.empty()) return wrong(path, "has no key");
  return keys;
}

std::size_t ApiKeys::check(std::string_view authorization) const {
  constexpr std::string_view kScheme = "Bearer ";
  if (!equals_ignoring_case(authorization.substr(0, kScheme.size()), kScheme)) return 0;
  const std::string given = digest(trim_blanks(authorization.substr(kScheme.size())));
  std::size_t match = 0;
  for (std::size_t i = 0; i < digests_.size(); ++i)
    if (equal_in_constant_time(digests_[i], given)) match = i + 1;
  return match;
}

}  // namespace clipembed
