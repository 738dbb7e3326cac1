#include <glib.h>

#include <optional>
#include <utility>

#include "tools/clipembed/json_writer.h"
#include "tools/clipembed/output.h"

namespace clipembed {
namespace {

double milliseconds(std::chrono::nanoseconds time) { return std::chrono::duration<double, std::milli>(time).count(); }

void add_time(JsonWriter& object, std::string_view key, const std::optional<std::chrono::nanoseconds>& time) {
  if (time) object.add(key, milliseconds(*time));
}

class JsonlOutput : public Output {
 public:
  JsonlOutput(OutputFile file, std::string model) : file_(std::move(file)), model_(std::move(model)) {}

  Status write(const FileResult& result) override {
    JsonWriter line;
    line.add("path", result.path);
    if (result.error) {
      line.add_null("embedding");
    } else {
      line.add("embedding", result.embedding);
    }
    line.add("debugMetadata", metadata(result));
    if (result.error) {
      line.add("error", error_label(result.error->kind));
      line.add("detail", result.error->message);
    } else {
      line.add_null("error");
      line.add_null("detail");
    }
    return file_.write(line.text() + "\n");
  }

  Status finish() override { return file_.commit(); }

 private:
  JsonWriter metadata(const FileResult& result) const {
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autofree char* timestamp = g_date_time_format_iso8601(now);
    JsonWriter metadata;
    metadata.add("model", model_);
    metadata.add("enable_augmentation", false);
    metadata.add("timestamp", timestamp);
    metadata.add("request_id", "req-" + std::to_string(result.number) + "-" + std::to_string(g_date_time_to_unix(now)));
    metadata.add("processing_time_ms", milliseconds(result.processing));
    add_time(metadata, "queue_time_ms", result.timings.queued);
    add_time(metadata, "decode_time_ms", result.timings.decode);
    add_time(metadata, "preprocess_time_ms", result.timings.preprocess);
    add_time(metadata, "inference_time_ms", result.timings.inference);
    if (result.num_frames) {
      metadata.add("num_frames", *result.num_frames);
      metadata.add("method_used", "all-frames");
    }
    return metadata;
  }

  OutputFile file_;
  const std::string model_;
};

}  // namespace

std::unique_ptr<Output> new_jsonl_output(OutputFile file, std::string model) {
  return std::make_unique<JsonlOutput>(std::move(file), std::move(model));
}

}  // namespace clipembed
