// The query of POST /embed, checked. No I/O; any thread.
#pragma once

#include <string>
#include <string_view>

#include "lib/result.h"
#include "tools/media/answer.h"
#include "tools/media/media_embedding.h"

namespace clipembed {

struct EmbedQuery {
  unsigned frames = 30;
  Sampling sampling = Sampling::kAuto;
  bool normalize = true;
  std::string augment = "none";
  AnswerStyle style;
};

// `query` as it is in the target, without the question mark. Every parameter once at most, and none that is not known:
// a slip of the pen would go unnoticed. Errors: kSettings naming the parameter and what it may be.
Result<EmbedQuery> parse_embed_query(std::string_view query, int max_frames);

}  // namespace clipembed
