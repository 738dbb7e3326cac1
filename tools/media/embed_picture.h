// One still image in, its vector out, for a caller that has one at a time. The calling thread waits.
#pragma once

#include "lib/result.h"
#include "tools/media/deadline.h"
#include "tools/media/media_embedding.h"
#include "tools/media/media_file.h"
#include "tools/media/picture_pipeline.h"

namespace clipembed {

// The deadline is fed while the picture is decoded, and suspended while it waits for the engine. Errors: those of
// load_still_image() and the element.
Result<MediaEmbedding> embed_picture(PicturePipeline& pipeline, const MediaFile& file, const MediaOptions& options,
                                     Deadline& deadline);

}  // namespace clipembed
