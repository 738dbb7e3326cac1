#include "tools/media/pipeline_text.h"

#include <algorithm>

namespace clipembed {
namespace {

// The name in the braces that open at `open`; empty where they are a list of caps, "{I420,NV12}".
std::string_view placeholder_at(std::string_view text, std::size_t open) {
  const std::size_t close = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz", open + 1);
  return close != text.npos && text[close] == '}' ? text.substr(open + 1, close - open - 1) : std::string_view();
}

}  // namespace

Result<std::string> expand_pipeline(std::string_view text, const Placeholders& placeholders) {
  const auto wrong = [text](const std::string& why) {
    return Error{Error::Kind::kSettings, "the pipeline \"" + std::string(text) + "\" " + why};
  };
  for (const char* needed : {"{source}", "{embed}", "{sink}"}) {
    const std::size_t first = text.find(needed);
    if (first == text.npos || text.find(needed, first + 1) != text.npos)
      return wrong(std::string("must have ") + needed + " once");
  }
  std::string line;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t open = std::min(text.find('{', at), text.size());
    line += text.substr(at, open - at);
    if (open == text.size()) break;
    const std::string_view name = placeholder_at(text, open);
    at = open + 1 + name.size();
    if (name.empty()) {
      line += '{';
      continue;
    }
    const auto known = std::ranges::find(placeholders, name, &Placeholders::value_type::first);
    if (known == placeholders.end()) return wrong("has no use for {" + std::string(name) + "}");
    line += known->second;
    ++at;  // past the closing brace
  }
  return line;
}

}  // namespace clipembed
