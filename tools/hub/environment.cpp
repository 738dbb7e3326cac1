#include "tools/hub/environment.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "lib/model/hub_cache.h"
#include "tools/hub/http.h"

namespace clipembed {
namespace {

constexpr char kDefaultEndpoint[] = "https://huggingface.co";

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::string trimmed(std::string text) {
  g_strstrip(text.data());
  return text.c_str();
}

bool is_true(const char* name) {
  const std::string value = environment(name);
  constexpr std::array kTrue = {"1", "on", "yes", "true"};
  return std::ranges::any_of(kTrue, [&](const char* word) { return g_ascii_strcasecmp(word, value.c_str()) == 0; });
}

std::string read_token() {
  if (auto token = trimmed(environment("HF_TOKEN")); !token.empty()) return token;
  auto path = path_from_environment("HF_TOKEN_PATH");
  if (path.empty()) path = hub_home_directory() / "token";
  std::ifstream file(path);
  return trimmed({std::istreambuf_iterator<char>(file), {}});
}

Status check_endpoint(const std::string& endpoint) {
  g_autoptr(GUri) uri = g_uri_parse(endpoint.c_str(), kHttpUri, nullptr);
  const std::string scheme = uri ? g_uri_get_scheme(uri) : "";
  if ((scheme == "http" || scheme == "https") && g_uri_get_host(uri) && *g_uri_get_host(uri) && !g_uri_get_query(uri))
    return ok();
  return Error{Error::Kind::kSettings,
               "HF_ENDPOINT: '" + endpoint + "' is no http or https address; unset it for " + kDefaultEndpoint};
}

}  // namespace

Result<HubEnvironment> read_hub_environment() {
  HubEnvironment hub;
  hub.endpoint = trimmed(environment("HF_ENDPOINT"));
  if (hub.endpoint.empty()) hub.endpoint = kDefaultEndpoint;
  while (hub.endpoint.ends_with('/')) hub.endpoint.pop_back();
  if (const auto status = check_endpoint(hub.endpoint); !status) return status.error();
  hub.token = read_token();
  if (!std::ranges::all_of(hub.token, [](char c) { return g_ascii_isgraph(c); })) {
    return Error{Error::Kind::kSettings,
                 "the hub token (HF_TOKEN, HF_TOKEN_PATH or HF_HOME/token) holds characters that no token has"};
  }
  hub.offline = is_true("HF_HUB_OFFLINE") || is_true("TRANSFORMERS_OFFLINE");
  return hub;
}

}  // namespace clipembed
