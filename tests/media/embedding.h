// Embeds files in this process with the small reference model, as the tests of videos do.
#pragma once

#include <filesystem>

#include "lib/result.h"
#include "tools/media/media_embedding.h"

namespace clipembed {

Result<MediaEmbedding> embed(const std::filesystem::path& path, const MediaOptions& options = {});

// The name of the file is in the failure.
MediaEmbedding expect_embedding(const std::filesystem::path& path, const MediaOptions& options = {});

}  // namespace clipembed
