// A hub on 127.0.0.1, in a thread of its own, that answers as huggingface.co does: /api/models/ID/revision/REV,
// /ID/resolve/COMMIT/FILE (a redirect for "LFS" files), and the CDN that redirects lead to, under the name "localhost",
// so that it is another host. Faults are armed per file and used up as they happen.
#pragma once

#include <libsoup/soup.h>

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tools/gobject_ptr.h"

namespace clipembed {

struct HubFile {
  std::string content;
  bool lfs = false;  // SHA-256 etag and a redirect to the CDN; else git's SHA-1, served in place
  std::optional<std::string> etag = std::nullopt;  // announced instead of the true one
  std::optional<std::uint64_t> size = std::nullopt;
};

// One request's bad luck: another answer, or an end before the body's.
struct HubFault {
  int status = 0;  // answered instead of the file, with `headers` and `body`
  std::map<std::string, std::string> headers = {};
  std::string body = {};
  std::optional<std::size_t> stop_after = std::nullopt;  // bytes of the file, and then the connection is closed,
  bool stall = false;                                    // or left open in silence
};

struct HubRequest {
  std::string method;
  std::string host;  // "127.0.0.1:PORT", or "localhost:PORT" at the CDN
  std::string path;
  std::string authorization;
  std::string range;
};

class HubServer {
 public:
  HubServer(std::string repo, std::map<std::string, HubFile> files);
  ~HubServer();
  HubServer(const HubServer&) = delete;
  HubServer& operator=(const HubServer&) = delete;

  std::string url() const;
  const std::string& commit() const { return commit_; }  // of every branch and tag

  // All of these from any thread, before or between requests. `file` empty: the API.
  void arm(const std::string& file, HubFault fault, int times = 1);
  void set_ranges(bool supported);
  void require_token(std::string token);  // 401 to API and resolve requests without it
  std::vector<HubRequest> requests() const;
  std::size_t count(const std::string& method, const std::string& file) const;  // at the endpoint, not the CDN

 private:
  void run(std::stop_token stop);
  void handle(SoupServerMessage* message, const std::string& path);
  void answer_api(SoupServerMessage* message, const std::string& revision);
  void answer_file(SoupServerMessage* message, const std::string& name, bool at_cdn);
  void send_body(SoupServerMessage* message, const std::string& content, const HubFault& fault);
  std::optional<HubFault> take_fault(const std::string& file);

  const std::string repo_;
  const std::map<std::string, HubFile> files_;
  const std::string commit_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable started_;
  std::multimap<std::string, HubFault> faults_;
  std::vector<HubRequest> requests_;
  std::string token_;
  bool ranges_ = true;
  int port_ = 0;
  GMainContext* const context_;

  std::jthread thread_;  // last: it uses all the above
};

}  // namespace clipembed
