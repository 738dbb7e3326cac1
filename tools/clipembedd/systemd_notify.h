// Tells systemd how the service is doing, where it asks (NOTIFY_SOCKET). Source: sd_notify(3). Any thread.
#pragma once

#include <string_view>

namespace clipembed {

// "READY=1", "STOPPING=1", "STATUS=..."; several with line breaks between.
void notify_systemd(std::string_view state);

}  // namespace clipembed
