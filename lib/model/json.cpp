#include "lib/model/json.h"

#include <cmath>
#include <format>

#include "lib/model/mapped_file.h"

namespace clipembed {
namespace {

constexpr std::size_t kMaxEcho = 60;  // bytes of a value in an error message

std::string type_name(JsonNode* node) {
  switch (JSON_NODE_TYPE(node)) {
    case JSON_NODE_OBJECT:
      return "an object";
    case JSON_NODE_ARRAY:
      return "an array";
    case JSON_NODE_NULL:
      return "null";
    case JSON_NODE_VALUE:
      break;
  }
  switch (json_node_get_value_type(node)) {
    case G_TYPE_INT64:
      return "an integer";
    case G_TYPE_DOUBLE:
      return "a number";
    case G_TYPE_BOOLEAN:
      return "a boolean";
    default:
      return "a string";
  }
}

bool holds(JsonNode* node, GType type) { return JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == type; }

// json-glib keeps the last of two members with one name and says nothing. Its signals tell: inside an object, more
// "object-member" signals than members means that the last of them replaced another.
struct DuplicateKeys {
  std::vector<guint> members;  // signals seen, for each object that is open
  std::string found;

  static void on_start(JsonParser*, gpointer self) { static_cast<DuplicateKeys*>(self)->members.push_back(0); }
  static void on_member(JsonParser*, JsonObject* object, const char* name, gpointer data) {
    auto* self = static_cast<DuplicateKeys*>(data);
    if (++self->members.back() > json_object_get_size(object) && self->found.empty()) self->found = name;
  }
  static void on_end(JsonParser*, JsonObject*, gpointer self) { static_cast<DuplicateKeys*>(self)->members.pop_back(); }

  void watch(JsonParser* parser) {
    g_signal_connect(parser, "object-start", G_CALLBACK(on_start), this);
    g_signal_connect(parser, "object-member", G_CALLBACK(on_member), this);
    g_signal_connect(parser, "object-end", G_CALLBACK(on_end), this);
  }
};

}  // namespace

Result<JsonValue> JsonValue::read(const std::filesystem::path& path) {
  auto file = MappedFile::open(path);
  if (!file) return file.error();
  const auto bytes = (*file)->bytes();
  return parse(path.string(), {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

Result<JsonValue> JsonValue::parse(std::string file, std::string_view text) {
  const auto malformed = [&](std::string_view why) {
    return Error{Error::Kind::kFormat, std::format("{}: not valid JSON: {}", file, why)};
  };
  if (text.size() > kMaxJsonBytes) {
    return Error{Error::Kind::kFormat, std::format("{}: {} bytes of JSON, more than the {} that any CLIP model needs",
                                                   file, text.size(), kMaxJsonBytes)};
  }
  if (text.empty()) return malformed("empty");

  const std::shared_ptr<JsonParser> parser(json_parser_new(), g_object_unref);
  json_parser_set_strict(parser.get(), TRUE);
  DuplicateKeys duplicates;
  duplicates.watch(parser.get());
  GError* raw_error = nullptr;
  const bool parsed =
      json_parser_load_from_data(parser.get(), text.data(), static_cast<gssize>(text.size()), &raw_error);
  g_signal_handlers_disconnect_by_data(parser.get(), &duplicates);
  if (!parsed) {
    const std::unique_ptr<GError, decltype(&g_error_free)> error(raw_error, g_error_free);
    return malformed(error->message);
  }
  if (!duplicates.found.empty()) return malformed(std::format("the key \"{}\" is given twice", duplicates.found));
  JsonNode* root = json_parser_get_root(parser.get());
  if (root == nullptr) return malformed("empty");
  return JsonValue(parser, std::make_shared<const std::string>(std::move(file)), root, "");
}

JsonValue::JsonValue(std::shared_ptr<JsonParser> parser, std::shared_ptr<const std::string> file, JsonNode* node,
                     std::string path)
    : parser_(std::move(parser)), file_(std::move(file)), node_(node), path_(std::move(path)) {}

JsonValue JsonValue::child(JsonNode* node, std::string path) const {
  return JsonValue(parser_, file_, node, path_.empty() ? std::move(path) : path_ + "." + path);
}

bool JsonValue::is_null() const { return JSON_NODE_HOLDS_NULL(node_); }
bool JsonValue::is_object() const { return JSON_NODE_HOLDS_OBJECT(node_); }

Result<std::int64_t> JsonValue::integer() const {
  if (!holds(node_, G_TYPE_INT64)) return expected("an integer");
  return json_node_get_int(node_);
}

Result<double> JsonValue::number() const {
  if (!holds(node_, G_TYPE_DOUBLE) && !holds(node_, G_TYPE_INT64)) return expected("a number");
  const double value = json_node_get_double(node_);  // converts an integer
  if (!std::isfinite(value)) return unsupported("a finite number is needed");
  return value;
}

Result<bool> JsonValue::boolean() const {
  if (!holds(node_, G_TYPE_BOOLEAN)) return expected("a boolean");
  return json_node_get_boolean(node_) != FALSE;
}

Result<std::string> JsonValue::string() const {
  if (!holds(node_, G_TYPE_STRING)) return expected("a string");
  return std::string(json_node_get_string(node_));
}

Result<std::vector<JsonValue>> JsonValue::array() const {
  if (!JSON_NODE_HOLDS_ARRAY(node_)) return expected("an array");
  JsonArray* array = json_node_get_array(node_);
  const guint length = json_array_get_length(array);
  std::vector<JsonValue> values;
  values.reserve(length);
  for (guint i = 0; i < length; ++i) values.push_back(child(json_array_get_element(array, i), std::to_string(i)));
  return values;
}

Result<std::vector<std::pair<std::string, JsonValue>>> JsonValue::object() const {
  if (!is_object()) return expected("an object");
  std::vector<std::pair<std::string, JsonValue>> members;
  JsonObjectIter iter;
  json_object_iter_init_ordered(&iter, json_node_get_object(node_));
  const char* name = nullptr;
  JsonNode* node = nullptr;
  while (json_object_iter_next_ordered(&iter, &name, &node)) members.emplace_back(name, child(node, name));
  return members;
}

Result<std::optional<JsonValue>> JsonValue::find(std::string_view key) const {
  if (!is_object()) return expected("an object");
  const std::string name(key);
  JsonNode* node = json_object_get_member(json_node_get_object(node_), name.c_str());
  if (node == nullptr || JSON_NODE_HOLDS_NULL(node)) return std::optional<JsonValue>();
  return std::optional(child(node, name));
}

Error JsonValue::error(std::string_view what) const {
  return {Error::Kind::kFormat,
          path_.empty() ? std::format("{}: {}", *file_, what) : std::format("{}: {}: {}", *file_, path_, what)};
}

Error JsonValue::unsupported(std::string_view supported) const {
  const std::unique_ptr<char, decltype(&g_free)> raw(json_to_string(node_, FALSE), g_free);
  std::string text(raw.get());
  if (text.size() > kMaxEcho) text = text.substr(0, kMaxEcho) + "...";
  return error(std::format("{} is not supported: {}", text, supported));
}

Error JsonValue::expected(std::string_view type) const {
  return error(std::format("expected {}, found {}", type, type_name(node_)));
}

JsonFields& JsonFields::integer(std::string_view key, int& value, int min, int max) {
  return parsed(key, value, [&](const JsonValue& json) -> Result<int> {
    auto number = json.integer();
    if (!number) return number.error();
    if (*number < min || *number > max) return json.unsupported(std::format("{} to {} is", min, max));
    return static_cast<int>(*number);
  });
}

JsonFields& JsonFields::number(std::string_view key, double& value, double min, double max) {
  return parsed(key, value, [&](const JsonValue& json) -> Result<double> {
    auto number = json.number();
    if (number && (*number < min || *number > max)) return json.unsupported(std::format("{} to {} is", min, max));
    return number;
  });
}

JsonFields& JsonFields::boolean(std::string_view key, bool& value) {
  return parsed(key, value, [](const JsonValue& json) { return json.boolean(); });
}

JsonFields& JsonFields::require(std::string_view key, bool only) {
  bool value = only;
  return parsed(key, value, [&](const JsonValue& json) -> Result<bool> {
    auto given = json.boolean();
    if (given && *given != only) return json.unsupported(std::format("only {} is", only));
    return given;
  });
}

std::optional<JsonValue> JsonFields::find(std::string_view key) {
  if (error_) return std::nullopt;
  auto member = object_.find(key);
  if (!member) {
    fail(member.error());
    return std::nullopt;
  }
  return *std::move(member);
}

}  // namespace clipembed
