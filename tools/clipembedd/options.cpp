#include "tools/clipembedd/options.h"

#include <glib.h>

#include <memory>

#include "tools/clipembedd/settings.h"

namespace clipembed {
namespace {

constexpr char kSummary[] =
    "Serves CLIP embeddings of images and videos over HTTP: POST /embed takes files and answers with vectors.\n"
    "Files are decoded by processes that are locked in; one model serves them all.";

constexpr char kDescription[] =
    "Each flag is also a key of the configuration file and an environment variable: --max-body=512M is max-body=512M\n"
    "below [limits], and EMBEDDING_MAX_BODY=512M. A flag wins over a variable, which wins over the file. Sizes are\n"
    "bytes, with K, M or G behind; times are seconds, or have ms, s, m or h behind.\n"
    "\n"
    "Examples:\n"
    "  clipembedd                                          at http://127.0.0.1:3456, with a page to try it\n"
    "  curl -F file=@photo.jpg http://127.0.0.1:3456/embed one vector\n"
    "  clipembedd --listen=0.0.0.0:8000 --api-key-file=/etc/clipembedd.keys\n"
    "  clipembedd --media-root=/srv/photos                 and {\"imagePaths\": [\"2026/beach.jpg\"]}\n"
    "  clipembedd --print-config > clipembedd.conf         every key, explained; then --config=clipembedd.conf\n"
    "\n"
    "SIGTERM and SIGINT end it: what is under way is answered first, a second signal ends it at once.\n"
    "Exit status: 0 ended by a signal, 1 cannot start, 2 wrong usage; --check-health: 1 when the service is not well.\n"
    "The HTTP reference: docs/http.md, and /openapi.json of a running service.";

struct OptionContextFree {
  void operator()(GOptionContext* context) const { g_option_context_free(context); }
};

// "Largest request body (1G)"
std::string help_of(const Setting& setting) {
  const std::string value = value_text(setting, Configuration());
  return setting.help + (value.empty() ? "" : " (" + value + ")");
}

// What was on the command line; GOption fills it in.
struct Flags {
  std::vector<char*> values = std::vector<char*>(settings().size());  // as the table; nullptr: not given
  char* config = nullptr;
  char* print_config = nullptr;
  char* check_health = nullptr;
  gboolean version = FALSE;

  ~Flags() {
    for (char* value : values) g_free(value);
    g_free(config);
    g_free(print_config);
    g_free(check_health);
  }
};

gboolean take_print_config(const char*, const char* value, gpointer data, GError**) {
  static_cast<Flags*>(data)->print_config = g_strdup(value ? value : "file");
  return TRUE;
}

Status parse(int argc, char** argv, Flags& flags) {
  const auto& table = settings();
  std::vector<std::string> help;
  std::vector<GOptionEntry> entries;
  help.reserve(table.size());
  for (std::size_t i = 0; i < table.size(); ++i) {
    help.push_back(help_of(table[i]));
    entries.push_back(
        {table[i].key, 0, 0, G_OPTION_ARG_STRING, &flags.values[i], help.back().c_str(), table[i].placeholder});
  }
  entries.push_back({"config", 0, 0, G_OPTION_ARG_FILENAME, &flags.config, "Reads this configuration file", "FILE"});
  entries.push_back(
      {"print-config", 0, G_OPTION_FLAG_OPTIONAL_ARG, G_OPTION_ARG_CALLBACK, reinterpret_cast<void*>(take_print_config),
       "Prints the configuration file with every key and its default, or a table of them", "file|markdown"});
  entries.push_back(
      {"check-health", 0, 0, G_OPTION_ARG_STRING, &flags.check_health,
       "Asks a running service how it is, as at http://127.0.0.1:3456/health, and ends with 0 if it is well", "URL"});
  entries.push_back({"version", 0, 0, G_OPTION_ARG_NONE, &flags.version, "Prints the version", nullptr});
  entries.push_back({});

  const std::unique_ptr<GOptionContext, OptionContextFree> context(g_option_context_new(nullptr));
  g_option_context_set_summary(context.get(), kSummary);
  g_option_context_set_description(context.get(), kDescription);
  GOptionGroup* group = g_option_group_new("main", "", "", &flags, nullptr);
  g_option_group_add_entries(group, entries.data());
  g_option_context_set_main_group(context.get(), group);
  g_autoptr(GError) error = nullptr;
  if (!g_option_context_parse(context.get(), &argc, &argv, &error))
    return Error{Error::Kind::kSettings, error->message};
  if (argc > 1) return Error{Error::Kind::kSettings, std::string(argv[1]) + " is no flag: there are flags only"};
  return ok();
}

}  // namespace

Result<ProgramOptions> read_options(int argc, char** argv, char** environment) {
  Flags flags;
  if (Status status = parse(argc, argv, flags); !status) return status.error();
  ProgramOptions options;
  if (flags.version) {
    options.print = std::string("clipembedd ") + CLIPEMBED_VERSION + "\n";
    return options;
  }
  if (flags.check_health) {
    options.check_health = flags.check_health;
    return options;
  }
  if (const std::string what = flags.print_config ? flags.print_config : ""; !what.empty()) {
    if (what != "file" && what != "markdown")
      return Error{Error::Kind::kSettings, "--print-config is \"" + what + "\": expected file or markdown"};
    options.print = what == "file" ? example_configuration_file() : settings_table_markdown();
    return options;
  }
  const char* config = flags.config ? flags.config : g_environ_getenv(environment, "EMBEDDING_CONFIG");
  if (config && *config != '\0')
    if (Status status = read_configuration_file(config, options.configuration); !status) return status.error();
  Result<std::vector<std::string>> unknown = read_environment(environment, options.configuration);
  if (!unknown) return unknown.error();
  options.unknown_variables = *std::move(unknown);
  for (std::size_t i = 0; i < flags.values.size(); ++i) {
    if (!flags.values[i]) continue;
    if (Status status = set_value(settings()[i], flags.values[i], options.configuration); !status)
      return Error{Error::Kind::kSettings, "--" + status.error().message};
  }
  return options;
}

}  // namespace clipembed
