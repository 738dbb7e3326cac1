#include "tools/clipembedd/settings.h"

#include <glib.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>

namespace clipembed {
namespace {

using C = Configuration;
constexpr std::uint64_t kKilo = 1024, kMega = kKilo << 10, kGiga = kMega << 10;

std::vector<Setting> make_settings() {
  return {
      {"server", "listen", "ADDRESS:PORT", "Where to listen; several with commas between. Port 0 takes any free one",
       TextSetting{&C::listen}},
      {"server", "api-key-file", "FILE", "Asks every POST /embed for one of the keys in this file, one a line",
       TextSetting{&C::api_key_file}},
      {"server", "media-root", "DIR", "Allows imagePaths, for files below this folder", TextSetting{&C::media_root}},
      {"server", "log-format", "FORMAT", "auto: plain lines at a terminal, else JSON",
       TextSetting{&C::log_format, {"auto", "json", "plain"}}},
      {"server", "page", "YES|NO", "Serves the page at /", YesNoSetting{&C::page}},
      {"server", "drain-timeout", "TIME", "How long SIGTERM waits for requests that are under way",
       TimeSetting{&C::drain_timeout, 0, 3600}},

      {"model", "model", "MODEL", "A directory or a Hugging Face id", TextSetting{&C::model}},
      {"model", "device", "DEVICE", "auto, cpu, cuda[:N] or mps", TextSetting{&C::device}},
      {"model", "precision", "PRECISION", "What the model computes in",
       TextSetting{&C::precision, {"auto", "fp32", "fp16", "bf16", "int8"}}},
      {"model", "threads", "N", "Threads of the model on a CPU; 0: as many as the CPU quota has",
       CountSetting{&C::threads, 0, 1024}},

      {"limits", "max-body", "SIZE", "Largest request body", SizeSetting{&C::max_body, kKilo, kGiga << 10}},
      {"limits", "max-files", "N", "Files of one request", CountSetting{&C::max_files, 1, 10000}},
      {"limits", "max-pixels", "N", "Pixels of a picture, or of a video's frame",
       SizeSetting{&C::max_pixels, 1, std::uint64_t{1} << 32}},
      {"limits", "max-frames", "N", "Largest `frames` that a request may ask for",
       CountSetting{&C::max_frames, 1, 10000}},
      {"limits", "max-duration", "TIME", "Longest video; 0: any", TimeSetting{&C::max_duration, 0, 1e6}},
      {"limits", "deadline", "TIME", "How long a file may take once its turn has come",
       TimeSetting{&C::deadline, 1, 86400}},
      {"limits", "queue", "N", "Files that may wait for their turn; then 429", CountSetting{&C::queue, 1, 100000}},
      {"limits", "max-requests", "N", "POST /embed under way at once; then 429",
       CountSetting{&C::max_requests, 1, 100000}},
      {"limits", "max-connections", "N",
       "Connections open at once; then the one that has been silent longest is closed for a new one",
       CountSetting{&C::max_connections, 4, 100000}},
      {"limits", "max-header", "SIZE", "Largest header of a request", SizeSetting{&C::max_header, kKilo, 64 * kKilo}},
      {"limits", "header-timeout", "TIME", "How long a request's header may take to arrive",
       TimeSetting{&C::header_timeout, 0.1, 3600}},
      {"limits", "body-timeout", "TIME", "How long a request's body may take to arrive",
       TimeSetting{&C::body_timeout, 0.1, 86400}},
      {"limits", "idle-timeout", "TIME", "How long a connection is kept open for another request",
       TimeSetting{&C::idle_timeout, 0.1, 3600}},
      {"limits", "write-timeout", "TIME", "How long a client may leave its answer unread",
       TimeSetting{&C::write_timeout, 0.1, 3600}},
      {"limits", "min-rate", "SIZE", "Bytes a second that a body must bring; 0: any",
       SizeSetting{&C::min_rate, 0, kGiga}},

      {"workers", "workers", "N", "Decode workers for pictures; 0: as many as keep the model busy",
       CountSetting{&C::workers, 0, 256}},
      {"workers", "video-workers", "N",
       "Decode workers for videos and large files; 0: one for each processor of the CPU quota, and one more, at most 8",
       CountSetting{&C::video_workers, 0, 256}},
      {"workers", "worker-memory", "SIZE", "Memory that a worker may allocate; 0: any",
       SizeSetting{&C::worker_memory, 0, kGiga << 10}},
      {"workers", "sandbox", "YES|NO", "Shuts workers off from files, network and other programs",
       YesNoSetting{&C::sandbox}},
      {"workers", "worker-devices", "PATHS",
       "Devices that a worker may open, such as /dev/dri/renderD128 for a hardware decoder; commas between",
       TextSetting{&C::worker_devices}},
      {"workers", "spool-dir", "DIR", "Where large uploads are kept, without a name, until they are embedded",
       TextSetting{&C::spool_dir}},
      {"workers", "spool-memory", "SIZE", "Uploads up to this size are kept in memory",
       SizeSetting{&C::spool_memory, 0, kGiga << 4}},
      {"workers", "engine-socket", "unix:PATH", "Offers the loaded model to other processes at this socket",
       TextSetting{&C::engine_socket}},
      {"workers", "pipeline-still", "LINE", "gst-launch line for still pictures",
       PipelineSetting{&PipelineTexts::still}},
      {"workers", "pipeline-animation", "LINE", "gst-launch line for animations",
       PipelineSetting{&PipelineTexts::animation}},
      {"workers", "pipeline-video", "LINE", "gst-launch line for videos", PipelineSetting{&PipelineTexts::video}},
  };
}

Error wrong(const Setting& setting, const std::string& text, const std::string& expected) {
  return Error{Error::Kind::kSettings, std::string(setting.key) + " is \"" + text + "\": expected " + expected};
}

template <class T>
bool parse_number(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

// Digits with a unit behind; `units` from the longest name to the shortest. NaN when it is none.
template <class T, std::size_t N>
std::optional<T> parse_with_unit(std::string_view text, const std::pair<std::string_view, double> (&units)[N]) {
  double factor = 1;
  for (const auto& [unit, size] : units) {
    if (text.size() <= unit.size() || !text.ends_with(unit)) continue;
    text.remove_suffix(unit.size());
    factor = size;
    break;
  }
  T value{};
  if (!parse_number(text, value) || value < 0) return std::nullopt;
  const double scaled = static_cast<double>(value) * factor;
  return scaled < 1e15 ? std::optional<T>(static_cast<T>(scaled)) : std::nullopt;
}

std::string size_text(std::uint64_t bytes) {
  if (bytes > 0 && bytes % kGiga == 0) return std::to_string(bytes / kGiga) + "G";
  if (bytes > 0 && bytes % kMega == 0) return std::to_string(bytes / kMega) + "M";
  if (bytes > 0 && bytes % kKilo == 0) return std::to_string(bytes / kKilo) + "K";
  return std::to_string(bytes);
}

std::string time_text(double seconds) {
  char text[32];
  if (seconds > 0 && seconds < 1) {
    std::snprintf(text, sizeof text, "%gms", seconds * 1000);
  } else {
    std::snprintf(text, sizeof text, "%gs", seconds);
  }
  return text;
}

struct Setter {
  const Setting& setting;
  const std::string& text;
  Configuration& to;

  Status operator()(const TextSetting& kind) const {
    const auto& choices = kind.choices;
    if (!choices.empty() && std::find(choices.begin(), choices.end(), text) == choices.end()) {
      std::string list;
      for (const std::string& choice : choices) list += (list.empty() ? "" : ", ") + choice;
      return wrong(setting, text, "one of " + list);
    }
    to.*kind.value = text;
    return ok();
  }
  Status operator()(const PipelineSetting& kind) const {
    to.pipelines.*kind.value = text;
    return ok();
  }
  Status operator()(const CountSetting& kind) const {
    int value = 0;
    if (!parse_number(text, value) || value < kind.min || value > kind.max)
      return wrong(setting, text, "a number from " + std::to_string(kind.min) + " to " + std::to_string(kind.max));
    to.*kind.value = value;
    return ok();
  }
  Status operator()(const SizeSetting& kind) const {
    const auto value = parse_with_unit<std::uint64_t>(text, {{"K", kKilo}, {"M", kMega}, {"G", kGiga}});
    if (!value || *value < kind.min || *value > kind.max)
      return wrong(setting, text,
                   "a size from " + size_text(kind.min) + " to " + size_text(kind.max) + ", such as 512M");
    to.*kind.value = *value;
    return ok();
  }
  Status operator()(const TimeSetting& kind) const {
    const auto value = parse_with_unit<double>(text, {{"ms", 0.001}, {"s", 1}, {"m", 60}, {"h", 3600}});
    if (!value || !(*value >= kind.min && *value <= kind.max))
      return wrong(setting, text,
                   "a time from " + time_text(kind.min) + " to " + time_text(kind.max) + ", such as 30, 500ms or 2m");
    to.*kind.value = C::Seconds(*value);
    return ok();
  }
  Status operator()(const YesNoSetting& kind) const {
    for (const char* yes : {"yes", "true", "on", "1"}) {
      if (text == yes) {
        to.*kind.value = true;
        return ok();
      }
    }
    for (const char* no : {"no", "false", "off", "0"}) {
      if (text == no) {
        to.*kind.value = false;
        return ok();
      }
    }
    return wrong(setting, text, "yes or no");
  }
};

struct Getter {
  const Configuration& from;

  std::string operator()(const TextSetting& kind) const { return from.*kind.value; }
  std::string operator()(const PipelineSetting& kind) const { return from.pipelines.*kind.value; }
  std::string operator()(const CountSetting& kind) const { return std::to_string(from.*kind.value); }
  std::string operator()(const SizeSetting& kind) const { return size_text(from.*kind.value); }
  std::string operator()(const TimeSetting& kind) const { return time_text((from.*kind.value).count()); }
  std::string operator()(const YesNoSetting& kind) const { return from.*kind.value ? "yes" : "no"; }
};

Error in_source(Error error, const std::string& source) {
  error.message = source + ": " + error.message;
  return error;
}

const Setting* find_setting(std::string_view section, std::string_view key) {
  for (const Setting& setting : settings())
    if (section == setting.section && key == setting.key) return &setting;
  return nullptr;
}

// "max-body is in [limits]", for a key in the wrong section.
std::string unknown_key(std::string_view section, const std::string& key) {
  for (const Setting& setting : settings())
    if (key == setting.key)
      return key + " is a key of [" + setting.section + "], not of [" + std::string(section) + "]";
  return "there is no key " + key + " in [" + std::string(section) + "]; see clipembedd --print-config";
}

}  // namespace

const std::vector<Setting>& settings() {
  static const std::vector<Setting> table = make_settings();
  return table;
}

std::string environment_variable(const Setting& setting) {
  std::string name = "EMBEDDING_";
  for (const char* c = setting.key; *c != '\0'; ++c) name += *c == '-' ? '_' : g_ascii_toupper(*c);
  return name;
}

std::string value_text(const Setting& setting, const Configuration& configuration) {
  return std::visit(Getter{configuration}, setting.kind);
}

Status set_value(const Setting& setting, const std::string& text, Configuration& configuration) {
  return std::visit(Setter{setting, text, configuration}, setting.kind);
}

Status read_configuration_file(const std::string& path, Configuration& configuration) {
  g_autoptr(GKeyFile) file = g_key_file_new();
  g_autoptr(GError) error = nullptr;
  if (!g_key_file_load_from_file(file, path.c_str(), G_KEY_FILE_NONE, &error))
    return Error{Error::Kind::kSettings, "cannot read the configuration file " + path + ": " + error->message};
  g_auto(GStrv) groups = g_key_file_get_groups(file, nullptr);
  for (char** group = groups; *group; ++group) {
    g_auto(GStrv) keys = g_key_file_get_keys(file, *group, nullptr, nullptr);
    for (char** key = keys; key && *key; ++key) {
      const Setting* setting = find_setting(*group, *key);
      if (!setting) return Error{Error::Kind::kSettings, path + ": " + unknown_key(*group, *key)};
      g_autoptr(GError) bad = nullptr;
      g_autofree char* text = g_key_file_get_string(file, *group, *key, &bad);
      if (!text) return Error{Error::Kind::kSettings, path + ": " + *key + ": " + bad->message};
      if (Status status = set_value(*setting, text, configuration); !status) return in_source(status.error(), path);
    }
  }
  return ok();
}

Result<std::vector<std::string>> read_environment(char** environment, Configuration& configuration) {
  std::vector<std::string> unknown;
  for (char** variable = environment; variable && *variable; ++variable) {
    const char* equals = std::strchr(*variable, '=');
    if (!equals || !g_str_has_prefix(*variable, "EMBEDDING_")) continue;
    const std::string name(*variable, static_cast<std::size_t>(equals - *variable));
    bool known = name == "EMBEDDING_CONFIG";  // the command line's
    for (const Setting& setting : settings()) {
      if (environment_variable(setting) != name) continue;
      known = true;
      if (Status status = set_value(setting, equals + 1, configuration); !status)
        return in_source(status.error(), "environment variable " + name);
    }
    if (!known) unknown.push_back(name);
  }
  return unknown;
}

}  // namespace clipembed
