// What the environment says about the hub, under the names and with the defaults of huggingface_hub 1.x.
#pragma once

#include <string>

#include "lib/result.h"

namespace clipembed {

struct HubEnvironment {
  std::string endpoint;  // HF_ENDPOINT, without a slash at its end
  std::string token;     // HF_TOKEN, else what the file HF_TOKEN_PATH (HF_HOME/token) holds; empty: anonymous
  bool offline = false;  // HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is 1, on, yes or true
};

// Errors: kSettings for an endpoint that is no http(s) address, or a token that cannot go into a header.
Result<HubEnvironment> read_hub_environment();

}  // namespace clipembed
