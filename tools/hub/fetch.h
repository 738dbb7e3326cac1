// Brings a CLIP model from the Hugging Face hub into the cache that Hugging Face's own clients share, so that
// find_model() finds it.
//
//   GET api/models/ID/revision/REV -> commit, files -> for each: HEAD, GET -> blobs/<etag> -> snapshots/<commit>/<file>
//                                                                                   -> refs/REV, written last
//
// Endpoint, cache, token and offline mode come from the environment, as huggingface_hub reads it: HF_ENDPOINT,
// HF_HUB_CACHE, HF_HOME, HF_TOKEN, HF_TOKEN_PATH, HF_HUB_OFFLINE.
#pragma once

#include <gio/gio.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string_view>

#include "lib/model/model.h"
#include "lib/result.h"

namespace clipembed {

struct FetchOptions {
  // Bytes of `file` on disk, out of `total`; at least once a file, also for one that was in the cache already.
  std::function<void(std::string_view file, std::uint64_t done, std::uint64_t total)> progress;

  // A sentence for the user: a retry, a wait for another process, a cached revision used because the network is down.
  std::function<void(std::string_view message)> notice;

  GCancellable* cancellable = nullptr;  // borrowed for the call; may be cancelled from any thread

  int tries = 5;                                // of one request, without progress between them
  std::chrono::milliseconds first_delay{1000};  // before the second try; doubles, with jitter
  std::chrono::seconds stall_timeout{30};       // without a byte, after which a request is tried again
};

// Returns once config.json, the preprocessor's and the tokenizer's files and the weights of one revision are in the
// cache. Asks the hub which commit a branch is at; to take what is cached without asking, call find_model() first.
// Whatever arrives stays for the next call to resume, and nothing half done is visible to find_model(). Safe to call
// from several threads and processes at once: a file is downloaded once. Blocks, in a main context of its own; the
// callbacks run on the calling thread.
//
// Errors: kNotFound for a model, revision or file that is not there, kSettings for an id, token, or endpoint that
// cannot be used, kNetwork when tries are used up and nothing is cached, kFormat for an answer or a checksum that is
// wrong, kCancelled, kFailed when the cache cannot be written.
Result<ModelLocation> fetch_model(const HubId& id, const FetchOptions& options = {});

}  // namespace clipembed
