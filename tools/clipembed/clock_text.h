// Times as people read them: 0:03.20, 1:02:03.20. Rounded to the nearest digit shown. Stateless; any thread.
#pragma once

#include <chrono>
#include <string>

namespace clipembed {

// `decimals` of a second, 0 to 3. Times before 0 have a minus sign.
std::string clock_text(std::chrono::nanoseconds time, int decimals);

}  // namespace clipembed
