// A list of GStreamer's features, such as gst_element_factory_list_get_elements() gives, freed with what it holds.
#pragma once

#include <gst/gst.h>

#include <memory>

namespace clipembed {

struct FeatureListFree {
  void operator()(GList* features) const { gst_plugin_feature_list_free(features); }
};
using FeatureList = std::unique_ptr<GList, FeatureListFree>;

}  // namespace clipembed
