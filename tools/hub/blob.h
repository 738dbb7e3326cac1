// One file of a snapshot: downloaded to blobs/<etag>.incomplete under a lock that huggingface_hub takes too, verified,
// renamed, linked. What is interrupted stays for the next call to resume.
#pragma once

#include <filesystem>
#include <string>

#include "lib/model/model.h"
#include "lib/result.h"
#include "tools/hub/hub_client.h"

namespace clipembed {

// After it, <repo>/snapshots/<commit>/<file> is there. `file` is_safe_file_name().
// Errors: those of HubClient; kFormat for a wrong checksum, kFailed for a cache that cannot be written.
Status fetch_file(HubClient& hub, const HubId& id, const std::string& commit, const std::string& file,
                  const FetchOptions& options);

}  // namespace clipembed
