#include "tests/cli/program.h"

#include <check.h>
#include <json-glib/json-glib.h>

#include <cstdlib>

namespace clipembed {
namespace {

std::string string_or_empty(JsonObject* object, const char* member) {
  ck_assert_msg(json_object_has_member(object, member), "no member %s", member);
  if (json_object_get_null_member(object, member)) return {};
  return json_object_get_string_member(object, member);
}

Line parse_line(const std::string& text) {
  g_autoptr(JsonParser) parser = json_parser_new();
  g_autoptr(GError) error = nullptr;
  ck_assert_msg(json_parser_load_from_data(parser, text.c_str(), -1, &error), "%s in: %s", error ? error->message : "",
                text.c_str());
  JsonObject* object = json_node_get_object(json_parser_get_root(parser));
  JsonObject* metadata = json_object_get_object_member(object, "debugMetadata");
  Line line{.path = string_or_empty(object, "path"),
            .embedding = {},
            .error = string_or_empty(object, "error"),
            .detail = string_or_empty(object, "detail"),
            .model = string_or_empty(metadata, "model"),
            .num_frames = {}};
  if (json_object_has_member(metadata, "num_frames"))
    line.num_frames = json_object_get_int_member(metadata, "num_frames");
  if (json_object_get_null_member(object, "embedding")) return line;
  JsonArray* values = json_object_get_array_member(object, "embedding");
  for (guint i = 0; i < json_array_get_length(values); ++i)
    line.embedding.push_back(static_cast<float>(json_array_get_double_element(values, i)));
  return line;
}

}  // namespace

GObjectPtr<GSubprocess> start_program(const Arguments& arguments, const Variables& environment) {
  std::vector<const char*> argv = {getenv("CLIPEMBED_PROGRAM")};
  ck_assert_msg(argv[0], "CLIPEMBED_PROGRAM does not name the program");
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  argv.push_back(nullptr);
  const GObjectPtr<GSubprocessLauncher> launcher(g_subprocess_launcher_new(
      static_cast<GSubprocessFlags>(G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE)));
  for (const auto& [name, value] : environment)
    g_subprocess_launcher_setenv(launcher.get(), name.c_str(), value.c_str(), TRUE);
  g_autoptr(GError) error = nullptr;
  GObjectPtr<GSubprocess> process(g_subprocess_launcher_spawnv(launcher.get(), argv.data(), &error));
  ck_assert_msg(process != nullptr, "%s", error ? error->message : "");
  return process;
}

Finished run_program(const Arguments& arguments, const Variables& environment) {
  const GObjectPtr<GSubprocess> process = start_program(arguments, environment);
  g_autoptr(GBytes) out = nullptr;
  g_autoptr(GBytes) err = nullptr;
  ck_assert(g_subprocess_communicate(process.get(), nullptr, nullptr, &out, &err, nullptr));
  ck_assert_msg(g_subprocess_get_if_exited(process.get()), "killed by signal %d",
                g_subprocess_get_if_exited(process.get()) ? 0 : g_subprocess_get_term_sig(process.get()));
  const auto text = [](GBytes* bytes) {
    gsize size = 0;
    const auto* data = static_cast<const char*>(g_bytes_get_data(bytes, &size));
    return std::string(data, size);
  };
  return {g_subprocess_get_exit_status(process.get()), text(out), text(err)};
}

std::vector<Line> parse_lines(std::string_view jsonl) {
  std::vector<Line> lines;
  while (!jsonl.empty()) {
    const std::size_t end = jsonl.find('\n');
    ck_assert_msg(end != jsonl.npos, "the last line does not end");
    lines.push_back(parse_line(std::string(jsonl.substr(0, end))));
    jsonl.remove_prefix(end + 1);
  }
  return lines;
}

std::vector<Line> embed(Arguments arguments, int status) {
  arguments.insert(arguments.begin(), {"embed", "--model", reference_model("model-a"), "--precision", "fp32"});
  const Finished run = run_program(arguments);
  ck_assert_msg(run.status == status, "status %d: %s", run.status, run.err.c_str());
  return parse_lines(run.out);
}

std::string reference_model(const std::string& name) { return std::string(getenv("CLIPEMBED_REFERENCE")) + "/" + name; }
std::string reference_image(const std::string& name) { return reference_model("images/" + name); }

}  // namespace clipembed
