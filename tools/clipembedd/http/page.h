// The page's files and openapi.json, which are compiled into the program. Main-loop thread.
#pragma once

#include <string>

#include "tools/clipembedd/http/reply.h"

namespace clipembed {

// "/" is index.html; else "/page/FILE" or "/openapi.json". 404 for what there is not; 304 where `if_none_match` has the
// file's ETag.
Reply page_reply(const std::string& path, const std::string& if_none_match);
bool is_page_path(const std::string& path);

}  // namespace clipembed
