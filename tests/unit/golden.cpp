#include "tests/unit/golden.h"

#include <check.h>
#include <json-glib/json-glib.h>

#include <algorithm>
#include <cmath>

#include "tests/unit/picture.h"

namespace {

// Parsed once; it lives as long as the test program.
JsonObject* golden_image_objects() {
  static JsonObject* const images = [] {
    JsonParser* parser = json_parser_new();
    ck_assert(json_parser_load_from_file(parser, reference_path("golden.json").c_str(), nullptr));
    JsonObject* root = json_node_get_object(json_parser_get_root(parser));
    JsonObject* object = json_object_ref(json_object_get_object_member(root, "images"));
    g_object_unref(parser);
    return object;
  }();
  return images;
}

}  // namespace

std::vector<std::string> golden_images() {
  std::vector<std::string> names;
  GList* members = json_object_get_members(golden_image_objects());
  for (GList* name = members; name; name = name->next) names.emplace_back(static_cast<const char*>(name->data));
  g_list_free(members);
  std::sort(names.begin(), names.end());
  return names;
}

std::string golden_pixels_sha256(const std::string& image, const std::string& model) {
  JsonObject* entry = json_object_get_object_member(golden_image_objects(), image.c_str());
  return json_object_get_string_member(json_object_get_object_member(entry, model.c_str()), "rgb224_sha256");
}

std::vector<float> golden_embedding(const std::string& image, const std::string& model) {
  JsonObject* entry = json_object_get_object_member(golden_image_objects(), image.c_str());
  const char* key = model == "model-c" ? "model-a" : model.c_str();
  JsonArray* values = json_object_get_array_member(json_object_get_object_member(entry, key), "image_embeds");
  std::vector<float> embedding;
  for (guint i = 0; i < json_array_get_length(values); ++i) {
    embedding.push_back(static_cast<float>(json_array_get_double_element(values, i)));
  }
  return embedding;
}

double cosine(const std::vector<float>& a, const std::vector<float>& b) {
  ck_assert_uint_eq(a.size(), b.size());
  double dot = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    dot += double{a[i]} * b[i];
    aa += double{a[i]} * a[i];
    bb += double{b[i]} * b[i];
  }
  return dot / std::sqrt(aa * bb);
}
