// What the tests of fetch_model() share: a hub with one model, an empty cache, and how a fetch is to end.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/hub_server.h"
#include "tests/unit/scratch.h"
#include "tests/unit/suite.h"
#include "tools/hub/fetch.h"

namespace clipembed {

inline const std::string kRepo = "test/clip";
inline const std::string kWeights = "model.safetensors";
inline const HubId kId{kRepo, "main"};

// Three MB in which no two megabytes are alike.
inline std::string some_weights() {
  std::string bytes(3 << 20, '\0');
  std::uint32_t state = 1;
  for (char& byte : bytes) byte = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return bytes;
}

inline std::map<std::string, HubFile> model_files() {
  return {{"config.json", {"{\"model_type\": \"clip\"}"}},
          {"merges.txt", {"#version: 0.2\n"}},
          {"README.md", {"not for us"}},
          {"preprocessor_config.json", {"{}"}},
          {kWeights, {some_weights(), true}}};
}

// A hub with one model, an empty cache, and options that lose no time.
struct Fixture {
  explicit Fixture(std::map<std::string, HubFile> files = model_files()) : server(kRepo, std::move(files)) {
    setenv("HF_ENDPOINT", server.url().c_str(), 1);
    options.first_delay = std::chrono::milliseconds(1);
    options.notice = [this](std::string_view message) { notices.append(message).append("\n"); };
  }

  std::filesystem::path repo() const { return scratch.repo("test--clip"); }
  std::filesystem::path incomplete() const { return repo() / "blobs" / (weights_etag() + ".incomplete"); }
  static std::string weights_etag() {
    const std::string content = some_weights();
    g_autofree char* digits = g_compute_checksum_for_string(G_CHECKSUM_SHA256, content.data(), content.size());
    return digits;
  }
  std::vector<std::string> cdn_ranges() const {
    std::vector<std::string> ranges;
    for (const auto& request : server.requests()) {
      if (request.path == "/cdn/" + kWeights) ranges.push_back(request.range);
    }
    return ranges;
  }

  Scratch scratch;
  HubServer server;
  FetchOptions options;
  std::string notices;
};

inline ModelLocation assert_fetched(Fixture& fixture, const HubId& id = kId) {
  auto model = fetch_model(id, fixture.options);
  ck_assert_msg(static_cast<bool>(model), "%s", model ? "" : model.error().message.c_str());
  ck_assert(read_file(model->directory / kWeights) == some_weights());
  return *model;
}

inline void assert_fails(Fixture& fixture, Error::Kind kind, const std::string& words, const HubId& id = kId) {
  const auto model = fetch_model(id, fixture.options);
  ck_assert(!model);
  const auto& error = model.error();
  ck_assert_msg(error.message.find(words) != std::string::npos, "'%s' is not in: %s", words.c_str(),
                error.message.c_str());
  ck_assert_msg(error.kind == kind, "kind %d: %s", static_cast<int>(error.kind), error.message.c_str());
}

}  // namespace clipembed
