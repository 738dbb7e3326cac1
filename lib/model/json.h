// A JSON file read through types. json-glib parses it; every accessor here checks the node's type first, because
// json-glib's own accessors log criticals on a wrong one. Errors are kFormat and name file and key path:
// "config.json: vision_config.hidden_size: expected an integer, found a string".
//
// Refused besides malformed JSON: a key given twice (which of the two would count?) and text over kMaxJsonBytes.
#pragma once

#include <json-glib/json-glib.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/result.h"

namespace clipembed {

// The header of the largest CLIP has 200 KB. json-glib needs some 100 bytes for two bytes of hostile text
// ("[1,1,1,...").
inline constexpr std::size_t kMaxJsonBytes = std::size_t{4} << 20;

// One value of a document, which it keeps alive.
class JsonValue {
 public:
  static Result<JsonValue> read(const std::filesystem::path& file);
  // `file` is the name in error messages.
  static Result<JsonValue> parse(std::string file, std::string_view text);

  bool is_null() const;
  bool is_object() const;

  Result<std::int64_t> integer() const;
  Result<double> number() const;  // finite; an integer will do
  Result<bool> boolean() const;
  Result<std::string> string() const;
  Result<std::vector<JsonValue>> array() const;
  Result<std::vector<std::pair<std::string, JsonValue>>> object() const;  // in the file's order

  // The member `key` of an object; nullopt where it is absent or null, as transformers takes null for "not given".
  Result<std::optional<JsonValue>> find(std::string_view key) const;

  // "file: key path: what"
  Error error(std::string_view what) const;
  // "file: key path: TEXT is not supported: <supported>", where TEXT is this value.
  Error unsupported(std::string_view supported) const;

 private:
  JsonValue(std::shared_ptr<JsonParser> parser, std::shared_ptr<const std::string> file, JsonNode* node,
            std::string path);
  JsonValue child(JsonNode* node, std::string path) const;
  Error expected(std::string_view type) const;

  std::shared_ptr<JsonParser> parser_;  // owns node_
  std::shared_ptr<const std::string> file_;
  JsonNode* node_;
  std::string path_;
};

// Reads optional keys of an object into variables that hold the defaults: an absent key leaves its variable alone. The
// first error is kept and later calls do nothing, so that a list of keys reads as a list.
class JsonFields {
 public:
  explicit JsonFields(JsonValue object) : object_(std::move(object)) {}

  JsonFields& integer(std::string_view key, int& value, int min, int max);
  JsonFields& number(std::string_view key, double& value, double min, double max);
  JsonFields& boolean(std::string_view key, bool& value);
  JsonFields& require(std::string_view key, bool only);  // only this value, or absent
  // Any other type: `parse(JsonValue) -> Result<T>` gives the value.
  template <class T, class Parse>
  JsonFields& parsed(std::string_view key, T& value, Parse parse) {
    if (const auto member = find(key)) {
      if (auto result = parse(*member)) {
        value = *std::move(result);
      } else {
        fail(result.error());
      }
    }
    return *this;
  }

  Status status() const { return error_ ? Status(*error_) : ok(); }

 private:
  std::optional<JsonValue> find(std::string_view key);
  void fail(Error error) { error_ = std::move(error); }

  JsonValue object_;
  std::optional<Error> error_;
};

}  // namespace clipembed
