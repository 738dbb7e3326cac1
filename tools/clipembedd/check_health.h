// `clipembedd --check-health URL`: for containers, whose images have no curl.
#pragma once

#include <string>

namespace clipembed {

// GETs `url` and prints its body, or to standard error why there is none. The exit status: 0 when the answer was 200
// within 5 s, 1 when not, 2 when `url` is no HTTP URL. The thread's default main context is run meanwhile.
int check_health(const std::string& url);

}  // namespace clipembed
