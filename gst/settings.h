// clipembed's properties: their values, ranges, defaults and documentation. Values only; the element guards them.
#pragma once

#include <gst/gst.h>

#include <string>

#include "lib/model/tower.h"

namespace clipembed {

struct Settings {
  std::string model;  // empty: kDefaultModel
  std::string device = "auto";
  Precision precision = Precision::kAuto;
  guint batch_size = 8;
  GstClockTime batch_timeout = 40 * GST_MSECOND;
  bool normalize = true;
  bool post_messages = true;
  guint threads = 0;
};

void install_settings(GObjectClass* object_class);

// False for an id that is none of the installed ones.
bool set_setting(Settings& settings, guint id, const GValue* value);
bool get_setting(const Settings& settings, guint id, GValue* value);

}  // namespace clipembed
