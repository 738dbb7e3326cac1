#include <utility>

#include "tools/clipembed/output.h"
#include "tools/media/answer.h"
#include "tools/media/json_writer.h"

namespace clipembed {
namespace {

class JsonlOutput : public Output {
 public:
  JsonlOutput(OutputFile file, std::string model) : file_(std::move(file)), model_(std::move(model)) {}

  Status write(const FileResult& result) override {
    const AnswerMetadata metadata{
        .model = model_, .request_id = new_request_id(result.number), .processing = result.processing};
    JsonWriter line;
    line.add("path", result.path);
    if (result.outcome) {
      add_answer(line, *result.outcome, metadata, {});
    } else {
      const Error& error = result.outcome.error();
      add_error_answer(line, error_label(error.kind), error.message, metadata);
    }
    return file_.write(line.text() + "\n");
  }

  Status finish() override { return file_.commit(); }

 private:
  OutputFile file_;
  const std::string model_;
};

}  // namespace

std::unique_ptr<Output> new_jsonl_output(OutputFile file, std::string model) {
  return std::make_unique<JsonlOutput>(std::move(file), std::move(model));
}

}  // namespace clipembed
