#include <utility>

#include "tools/clipembed/output.h"
#include "tools/media/answer.h"
#include "tools/media/json_writer.h"

namespace clipembed {
namespace {

class JsonlOutput : public Output {
 public:
  JsonlOutput(OutputFile file, OutputStyle style) : file_(std::move(file)), style_(std::move(style)) {}

  Status write(const FileResult& result) override {
    const AnswerMetadata metadata{.model = style_.model,
                                  .augmented = style_.augmented,
                                  .request_id = new_request_id(result.number),
                                  .processing = result.processing};
    JsonWriter line;
    line.add("path", result.path);
    if (result.outcome) {
      add_answer(line, *result.outcome, metadata, {.frames = style_.frames});
    } else {
      const Error& error = result.outcome.error();
      add_error_answer(line, error_label(error.kind), error.message, metadata);
    }
    return file_.write(line.text() + "\n");
  }

  Status finish() override { return file_.commit(); }

 private:
  OutputFile file_;
  const OutputStyle style_;
};

}  // namespace

std::unique_ptr<Output> new_jsonl_output(OutputFile file, OutputStyle style) {
  return std::make_unique<JsonlOutput>(std::move(file), std::move(style));
}

}  // namespace clipembed
