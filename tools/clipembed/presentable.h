// Text from outside (file names) that people are to look at. Stateless; any thread.
#pragma once

#include <string>
#include <string_view>

namespace clipembed {

// Valid UTF-8 without control characters and noncharacters, which XML 1.0 does not have: what is neither becomes
// U+FFFD.
std::string presentable(std::string_view text);

}  // namespace clipembed
