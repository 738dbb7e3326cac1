#include "tools/clipembed/presentable.h"

#include <glib.h>

namespace clipembed {

std::string presentable(std::string_view text) {
  g_autofree char* valid = g_utf8_make_valid(text.data(), static_cast<gssize>(text.size()));
  std::string result;
  for (const char* c = valid; *c; c = g_utf8_next_char(c)) {
    const gunichar code = g_utf8_get_char(c);
    const bool shown = !g_unichar_iscntrl(code) && (code & 0xfffe) != 0xfffe && (code < 0xfdd0 || code > 0xfdef);
    result += shown ? std::string(c, g_utf8_next_char(c)) : "\uFFFD";
  }
  return result;
}

}  // namespace clipembed
