#include "gst/embedding_message.h"

#include <bit>
#include <cmath>

#include "gst/glib_ptr.h"

namespace clipembed {
namespace {

BytesPtr little_endian_bytes(std::span<const float> values) {
  std::vector<guint32> words;
  words.reserve(values.size());
  for (float value : values) words.push_back(GUINT32_TO_LE(std::bit_cast<guint32>(value)));
  return BytesPtr(g_bytes_new(words.data(), words.size() * sizeof(guint32)));
}

void set_vector(GstStructure* structure, std::span<const float> values) {
  gst_structure_set(structure, "embedding", G_TYPE_BYTES, little_endian_bytes(values).get(), nullptr);
}

guint64 nanoseconds(std::chrono::nanoseconds time) { return static_cast<guint64>(time.count()); }

}  // namespace

GstMessage* new_embedding_message(GstElement* element, const EngineInfo& engine, const PendingFrame& frame, bool late,
                                  bool normalized) {
  const FrameEmbedding& embedding = frame.embedding;
  GstStructure* structure = gst_structure_new("clip-embedding",                                                   //
                                              "frame", G_TYPE_UINT64, guint64{frame.number},                      //
                                              "timestamp", G_TYPE_UINT64, frame.times.timestamp,                  //
                                              "stream-time", G_TYPE_UINT64, frame.times.stream_time,              //
                                              "running-time", G_TYPE_UINT64, frame.times.running_time,            //
                                              "duration", G_TYPE_UINT64, frame.times.duration,                    //
                                              "reason", G_TYPE_STRING, frame.choice->reason.c_str(),              //
                                              "scene-index", G_TYPE_INT, gint{frame.choice->scene_index},         //
                                              "late", G_TYPE_BOOLEAN, gboolean{late},                             //
                                              "preprocess-time", G_TYPE_UINT64, nanoseconds(frame.preprocess),    //
                                              "queued-time", G_TYPE_UINT64, nanoseconds(embedding.queued),        //
                                              "inference-time", G_TYPE_UINT64, nanoseconds(embedding.inference),  //
                                              "model", G_TYPE_STRING, engine.model.c_str(),                       //
                                              "dim", G_TYPE_INT, static_cast<gint>(embedding.values.size()),      //
                                              "normalized", G_TYPE_BOOLEAN, gboolean{normalized}, nullptr);
  if (frame.choice->score != GST_CLIP_NO_SCORE) {
    gst_structure_set(structure, "score", G_TYPE_DOUBLE, frame.choice->score, nullptr);
  }
  if (frame.choice->entropy != GST_CLIP_NO_ENTROPY) {
    gst_structure_set(structure, "entropy", G_TYPE_DOUBLE, frame.choice->entropy, nullptr);
  }
  set_vector(structure, embedding.values);
  return gst_message_new_element(GST_OBJECT_CAST(element), structure);
}

void StreamSummary::add(const PendingFrame& frame) {
  const std::vector<float>& values = frame.embedding.values;
  sum_.resize(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) sum_[i] += values[i];
  ++frames_;
  batches_ += frame.embedding.batches;
  preprocess_ += frame.preprocess;
  queued_ += frame.embedding.queued;
  inference_ += frame.embedding.inference;
}

std::vector<float> StreamSummary::pooled(bool normalized) const {
  std::vector<float> mean;
  mean.reserve(sum_.size());
  for (double sum : sum_) mean.push_back(static_cast<float>(sum / static_cast<double>(frames_)));
  if (normalized) l2_normalise(mean);
  return mean;
}

GstMessage* StreamSummary::new_message(GstElement* element, const EngineInfo& engine, bool normalized) const {
  GstStructure* structure =
      gst_structure_new("clip-summary",                                              //
                        "count", G_TYPE_UINT64, guint64{frames_},                    //
                        "skipped", G_TYPE_UINT64, guint64{skipped_},                 //
                        "model", G_TYPE_STRING, engine.model.c_str(),                //
                        "dim", G_TYPE_INT, engine.dim,                               //
                        "normalized", G_TYPE_BOOLEAN, gboolean{normalized},          //
                        "preprocess-time", G_TYPE_UINT64, nanoseconds(preprocess_),  //
                        "queued-time", G_TYPE_UINT64, nanoseconds(queued_),          //
                        "inference-time", G_TYPE_UINT64, nanoseconds(inference_),    //
                        "batches", G_TYPE_UINT64, static_cast<guint64>(std::llround(batches_)), "mean-batch-size",
                        G_TYPE_DOUBLE, frames_ > 0 ? static_cast<double>(frames_) / batches_ : 0.0, nullptr);
  if (frames_ > 0) set_vector(structure, pooled(normalized));
  return gst_message_new_element(GST_OBJECT_CAST(element), structure);
}

}  // namespace clipembed
