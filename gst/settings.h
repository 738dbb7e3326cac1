// clipembed's properties: their values, ranges, defaults and documentation. Values only; the element guards them.
#pragma once

#include <gst/gst.h>

#include <string>

#include "lib/image/augment.h"
#include "lib/model/tower.h"

namespace clipembed {

// Which frames are embedded.
enum class Trigger { kEvery, kInterval, kScene, kMarked };

// What happens to a frame for which the engine has no room.
enum class Overload { kBlock, kSkip };

struct Settings {
  std::string model;  // empty: kDefaultModel
  std::string device = "auto";
  Precision precision = Precision::kAuto;
  guint batch_size = 8;
  GstClockTime batch_timeout = 40 * GST_MSECOND;
  Trigger trigger = Trigger::kEvery;
  GstClockTime interval = GST_SECOND;
  Overload overload = Overload::kBlock;
  Augment augment = Augment::kNone;
  bool normalize = true;
  bool post_messages = true;
  bool attach_meta = true;
  std::string engine;  // empty: in this process
  guint threads = 0;
};

void install_settings(GObjectClass* object_class);

// The read-only property `stats`, which is none of the settings.
inline constexpr guint kStatsProperty = 1;

// False for an id that is none of the installed ones.
bool set_setting(Settings& settings, guint id, const GValue* value);
bool get_setting(const Settings& settings, guint id, GValue* value);

}  // namespace clipembed
