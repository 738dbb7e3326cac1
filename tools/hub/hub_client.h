// The hub's protocol: which files a revision has, what a file's content is called and how large it is, and its bytes.
// Tries again what is worth it, and turns statuses into errors that say what to do.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/model/model.h"
#include "lib/result.h"
#include "tools/hub/backoff.h"
#include "tools/hub/environment.h"
#include "tools/hub/fetch.h"
#include "tools/hub/http.h"

namespace clipembed {

struct HubRevision {
  std::string commit;              // 40 hexadecimal digits
  std::vector<std::string> files;  // names inside the repository, unchecked
};

// Content, by the name that it has in the cache: 40 hexadecimal digits are git's SHA-1 of the blob, 64 the SHA-256.
struct HubContent {
  std::string etag;  // usable as a file name
  std::uint64_t size = 0;
};

class HubClient {
 public:
  // `environment` and `options` must outlive the client. One thread, the one that made it.
  HubClient(const HubEnvironment& environment, const FetchOptions& options);

  // Asks once where `have_fallback` says that a cached revision can stand in for an answer.
  Result<HubRevision> revision(const HubId& id, bool have_fallback);
  Result<HubContent> content(const HubId& id, const std::string& commit, const std::string& file);

  // One try of the bytes from `offset` on. The second member is where they really begin: 0 when the server ignores
  // ranges or has no byte there.
  struct Bytes {
    HttpReply reply;
    std::uint64_t first;
  };
  Result<Bytes> bytes(const HubId& id, const std::string& commit, const std::string& file, const HubContent& content,
                      std::uint64_t offset, Backoff& backoff);

 private:
  std::string file_url(const HubId& id, const std::string& commit, const std::string& file) const;
  Result<std::string> read_text(const std::string& url, const std::string& subject, Backoff& backoff);
  // ok for a 2xx; `subject` is what was asked for, as an error names it.
  Status check(const HttpReply& reply, const std::string& subject, Backoff& backoff) const;
  Error refusal(const HttpReply& reply, const std::string& subject) const;

  const HubEnvironment& environment_;
  const FetchOptions& options_;
  HttpClient http_;
};

}  // namespace clipembed
