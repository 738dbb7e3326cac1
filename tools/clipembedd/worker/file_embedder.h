// Embeds one file after the other for a decode worker: still images through a pipeline that stays (no time is lost to
// start one), everything else through a pipeline of the file's own. One thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "lib/result.h"
#include "tools/clipembedd/worker_protocol.h"
#include "tools/media/deadline.h"
#include "tools/media/media_embedding.h"
#include "tools/media/media_file.h"
#include "tools/media/picture_pipeline.h"

namespace clipembed {

class FileEmbedder {
 public:
  // `engine` is the address of the engine server; it serves one model.
  FileEmbedder(std::string engine, PipelineTexts pipelines)
      : engine_(std::move(engine)), pipelines_(std::move(pipelines)) {}

  // Errors: those of embed_video() and embed_picture().
  Result<MediaEmbedding> embed(const MediaFile& file, const JobRecord& job, Deadline& deadline,
                               const ProgressCallback& progress);

 private:
  PicturePipeline& picture_pipeline(const EmbedderSettings& settings);

  const std::string engine_;
  const PipelineTexts pipelines_;
  // By normalize and augment: few combinations, each made when it is first asked for.
  std::map<std::pair<bool, std::string>, std::unique_ptr<PicturePipeline>> picture_pipelines_;
};

}  // namespace clipembed
