#include "tools/clipembedd/http/embed_query.h"

#include <glib.h>

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <optional>
#include <vector>

namespace clipembed {
namespace {

Error wrong(std::string message) { return Error{Error::Kind::kSettings, std::move(message)}; }

// nullopt for broken escapes and for NUL.
std::optional<std::string> decode(std::string text) {
  std::replace(text.begin(), text.end(), '+', ' ');
  g_autofree char* decoded = g_uri_unescape_string(text.c_str(), nullptr);
  if (!decoded) return std::nullopt;
  return decoded;
}

// Index of the choice. Errors name them all.
Result<std::size_t> choose(const std::string& name, const std::string& value,
                           std::initializer_list<const char*> choices) {
  std::string list;
  std::size_t index = 0;
  for (const char* choice : choices) {
    if (value == choice) return index;
    list += (index++ > 0 ? ", " : "") + std::string(choice);
  }
  return wrong("the query's " + name + " is \"" + value + "\": expected one of " + list);
}

Status set_parameter(const std::string& name, const std::string& value, int max_frames, EmbedQuery& query) {
  if (name == "frames") {
    int frames = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), frames);
    if (error != std::errc() || end != value.data() + value.size() || frames < 1 || frames > max_frames)
      return wrong("the query's frames is \"" + value + "\": expected a number from 1 to " +
                   std::to_string(max_frames));
    query.frames = static_cast<unsigned>(frames);
    return ok();
  }
  Result<std::size_t> choice = wrong("the query's parameter " + name +
                                     " is not known: there are frames, sampling, normalize, augment, detail, encoding");
  if (name == "sampling") {
    choice = choose(name, value, {"auto", "thorough", "keyframes"});
    if (choice) query.sampling = *parse_sampling(value);
  } else if (name == "normalize") {
    choice = choose(name, value, {"false", "true"});
    if (choice) query.normalize = *choice == 1;
  } else if (name == "augment") {
    choice = choose(name, value, {"none", "flip", "five-crop"});
    if (choice) query.augment = value;
  } else if (name == "detail") {
    choice = choose(name, value, {"none", "frames"});
    if (choice) query.style.frames = *choice == 1;
  } else if (name == "encoding") {
    choice = choose(name, value, {"float", "base64"});
    if (choice) query.style.base64 = *choice == 1;
  }
  return choice ? ok() : Status(choice.error());
}

}  // namespace

Result<EmbedQuery> parse_embed_query(std::string_view text, int max_frames) {
  EmbedQuery query;
  std::vector<std::string> seen;
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(pair.size() + 1, text.size()));
    if (pair.empty()) continue;
    const auto equals = std::min(pair.find('='), pair.size());
    const auto name = decode(std::string(pair.substr(0, equals)));
    const auto value = decode(std::string(pair.substr(std::min(equals + 1, pair.size()))));
    if (!name || !value) return wrong("the query has a broken escape");
    if (std::find(seen.begin(), seen.end(), *name) != seen.end())
      return wrong("the query's " + *name + " is there more than once");
    seen.push_back(*name);
    if (Status status = set_parameter(*name, *value, max_frames, query); !status) return status.error();
  }
  return query;
}

}  // namespace clipembed
