#include "gst/select_message.h"

namespace clipembed {
namespace {

// What both messages of a frame say.
GstStructure* frame_structure(const char* name, const SelectTimes& times, const FrameVerdict& verdict) {
  const Salience& salience = verdict.salience;
  return gst_structure_new(name,                                                        //
                           "timestamp", G_TYPE_UINT64, guint64{times.timestamp},        //
                           "stream-time", G_TYPE_UINT64, guint64{times.stream_time},    //
                           "running-time", G_TYPE_UINT64, guint64{times.running_time},  //
                           "scene-index", G_TYPE_INT, gint{verdict.shot},               //
                           "score", G_TYPE_DOUBLE, salience.score(),                    //
                           "entropy", G_TYPE_DOUBLE, salience.entropy,                  //
                           "sharpness", G_TYPE_DOUBLE, salience.sharpness,              //
                           "luma", G_TYPE_DOUBLE, salience.luma, nullptr);
}

void set_reason(GstStructure* structure, const FrameVerdict& verdict) {
  if (verdict.chosen) gst_structure_set(structure, "reason", G_TYPE_STRING, to_string(*verdict.chosen), nullptr);
}

}  // namespace

GstMessage* new_select_message(GstElement* element, const SelectTimes& times, const FrameVerdict& verdict) {
  GstStructure* structure = frame_structure("clip-select", times, verdict);
  set_reason(structure, verdict);
  return gst_message_new_element(GST_OBJECT_CAST(element), structure);
}

GstMessage* new_score_message(GstElement* element, const SelectTimes& times, const FrameVerdict& verdict) {
  GstStructure* structure = frame_structure("clip-score", times, verdict);
  gst_structure_set(structure, "change", G_TYPE_DOUBLE, verdict.change, nullptr);
  if (verdict.boundary) {
    const bool cut = verdict.boundary->kind == ShotBoundary::Kind::kCut;
    gst_structure_set(structure, "transition", G_TYPE_STRING, cut ? "cut" : "gradual", nullptr);
  }
  set_reason(structure, verdict);
  return gst_message_new_element(GST_OBJECT_CAST(element), structure);
}

GstMessage* new_select_summary_message(GstElement* element, const SelectSummary& summary) {
  return gst_message_new_element(GST_OBJECT_CAST(element),
                                 gst_structure_new("clip-select-summary",                     //
                                                   "shots", G_TYPE_INT, gint{summary.shots},  //
                                                   "frames", G_TYPE_UINT64, summary.frames,   //
                                                   "chosen", G_TYPE_UINT64, summary.chosen, nullptr));
}

}  // namespace clipembed
