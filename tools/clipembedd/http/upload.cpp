#include "tools/clipembedd/http/upload.h"

#include <optional>
#include <span>

#include "lib/model/json.h"
#include "tools/clipembedd/http/header_parameters.h"
#include "tools/clipembedd/http/multipart.h"

namespace clipembed {
namespace {

// A hundred times as much while it is parsed, on the main loop.
constexpr std::size_t kMaxPathsBytes = 1 << 20;

std::span<const std::uint8_t> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// What a form or its JSON does wrong is the client's fault, too many and too much have a status of their own.
Failure upload_failure(const Error& error) {
  if (error.kind == Error::Kind::kFormat) return failure(400, error.message);
  if (error.kind == Error::Kind::kSettings) return failure(413, error.message);
  return failure_of(error);
}

MaybeFailure failure_in(const Status& status) {
  if (status) return std::nullopt;
  return upload_failure(status.error());
}

class FormUpload : public Upload, PartSink {
 public:
  FormUpload(const std::string& boundary, const UploadLimits& limits)
      : limits_(limits), parser_(boundary, *this, {.parts = limits.files}) {}

  MaybeFailure feed(std::string_view bytes) override { return failure_in(parser_.feed(bytes)); }

  MaybeFailure finish() override {
    if (Status status = parser_.finish(); !status) return upload_failure(status.error());
    if (names_.empty()) return failure(400, "the form has no part named file");
    return std::nullopt;
  }

  Result<FileDescriptor> take(std::size_t index) override { return std::move(files_[index]); }

 private:
  Status begin(const PartHeader& header) override {
    if (header.name != "file")
      return Error{Error::Kind::kFormat, "the form has a part named \"" + header.name + "\": every part is named file"};
    if (has(header.filename)) return Error{Error::Kind::kFormat, "the form has two files named " + header.filename};
    names_.push_back(header.filename);
    spool_.emplace(limits_.spool);
    return ok();
  }
  Status data(std::string_view bytes) override { return spool_->write(as_bytes(bytes)); }
  Status end() override {
    Result<FileDescriptor> file = spool_->finish();
    if (!file) return file.error();
    files_.push_back(*std::move(file));
    spool_.reset();
    return ok();
  }

  const UploadLimits limits_;
  MultipartParser parser_;
  std::optional<Spool> spool_;  // of the part that arrives
  std::vector<FileDescriptor> files_;
};

class RawUpload : public Upload {
 public:
  explicit RawUpload(const UploadLimits& limits) : spool_(limits.spool) {}

  MaybeFailure feed(std::string_view bytes) override { return failure_in(spool_.write(as_bytes(bytes))); }

  MaybeFailure finish() override {
    if (spool_.size() == 0) return failure(400, "the request has no body");
    names_ = {"upload"};
    return std::nullopt;
  }

  Result<FileDescriptor> take(std::size_t) override { return spool_.finish(); }

 private:
  Spool spool_;
};

class PathsUpload : public Upload {
 public:
  PathsUpload(const UploadLimits& limits, const MediaRoot& root) : limits_(limits), root_(root) {}

  MaybeFailure feed(std::string_view bytes) override {
    if (text_.size() + bytes.size() > kMaxPathsBytes)
      return failure(413, "a list of paths has at most " + std::to_string(kMaxPathsBytes) + " bytes");
    text_ += bytes;
    return std::nullopt;
  }

  MaybeFailure finish() override {
    const Result<std::vector<std::string>> paths = parse();
    if (!paths) return failure(400, paths.error().message);
    if (paths->size() > limits_.files)
      return failure(413, "a request names at most " + std::to_string(limits_.files) + " files");
    for (const std::string& path : *paths) {
      if (has(path)) return failure(400, "imagePaths names " + path + " twice");
      names_.push_back(path);
    }
    return std::nullopt;
  }

  // Only now, as descriptors are few.
  Result<FileDescriptor> take(std::size_t index) override { return root_.open_file(names_[index]); }

  bool named() const override { return true; }

 private:
  Result<std::vector<std::string>> parse() const {
    const Result<JsonValue> document = JsonValue::parse("the request", text_);
    if (!document) return document.error();
    const auto members = document->object();
    if (!members) return members.error();
    std::vector<std::string> paths;
    for (const auto& [key, value] : *members) {
      if (key != "imagePaths") return value.error("there is only imagePaths");
      const auto elements = value.array();
      if (!elements) return elements.error();
      for (const JsonValue& element : *elements) {
        Result<std::string> path = element.string();
        if (!path) return path.error();
        paths.push_back(*std::move(path));
      }
    }
    if (paths.empty()) return document->error("imagePaths names no file");
    return paths;
  }

  const UploadLimits limits_;
  const MediaRoot& root_;
  std::string text_;
};

bool is_media_type(const std::string& type) {
  return equals_ignoring_case(type.substr(0, 6), "image/") || equals_ignoring_case(type.substr(0, 6), "video/") ||
         equals_ignoring_case(type, "application/octet-stream");
}

}  // namespace

std::variant<std::unique_ptr<Upload>, Failure> new_upload(const std::string& content_type, const UploadLimits& limits,
                                                          const MediaRoot* root) {
  const std::string type(trim_blanks(std::string_view(content_type).substr(0, content_type.find(';'))));
  if (equals_ignoring_case(type, "multipart/form-data")) {
    const Result<std::string> boundary = multipart_boundary(content_type);
    if (!boundary) return failure(400, boundary.error().message);
    return std::make_unique<FormUpload>(*boundary, limits);
  }
  if (equals_ignoring_case(type, "application/json")) {
    if (!root) return failure(403, "this service reads no paths: it has no media root");
    return std::make_unique<PathsUpload>(limits, *root);
  }
  if (is_media_type(type)) return std::make_unique<RawUpload>(limits);
  return Failure{
      415, "Unsupported media type",
      (content_type.empty() ? std::string("the request has no Content-Type") : "Content-Type " + content_type) +
          ": expected multipart/form-data, application/json, image/*, video/* or application/octet-stream"};
}

}  // namespace clipembed
