#include "tools/clipembed/embed_options.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "lib/model/model.h"
#include "lib/model/tower.h"
#include "tools/clipembed/command_line.h"

namespace clipembed {
namespace {

constexpr char kSummary[] =
    "Computes the CLIP embedding of each image and video. One vector a file: of a video, the mean over the "
    "frames that stand for it.\n"
    "Files are told apart by their content; a file that cannot be embedded gets an error object and the rest go on.";

constexpr char kDescription[] =
    "Images: JPEG, PNG, WebP, GIF (the first frame), BMP, TIFF, HEIC, AVIF, JPEG XL. Videos: whatever GStreamer "
    "plays.\n"
    "\n"
    "Examples:\n"
    "  clipembed embed cat.jpg                                 one JSON object on standard output\n"
    "  clipembed embed *.jpg clip.mp4 | jq -c '[.path, .error]'\n"
    "  clipembed embed -r photos/ --format npy -o photos.npy   an array, and photos.npy.names.txt beside it\n"
    "  clipembed embed --model ./my-clip --precision fp32 --raw-vectors cat.jpg\n"
    "                                                          exactly CLIPModel.get_image_features()\n"
    "\n"
    "Exit status: 0 all files embedded, 1 some failed, 2 wrong usage, 130 interrupted.";

struct RawOptions {
  char* model = nullptr;
  char* device = nullptr;
  char* precision = nullptr;
  char* format = nullptr;
  char* output = nullptr;
  gboolean recursive = FALSE, no_auto_orient = FALSE, raw_vectors = FALSE;
  gint64 max_pixels = static_cast<gint64>(kDefaultMaxPixels);
  gint timeout = 60;
  char** files = nullptr;
};

Error wrong(std::string message) { return Error{Error::Kind::kSettings, std::move(message)}; }

Result<OutputFormat> parse_format(const std::string& name) {
  if (name == "jsonl") return OutputFormat::kJsonl;
  if (name == "npy") return OutputFormat::kNpy;
  if (name == "table") return OutputFormat::kTable;
  return wrong("--format " + name + ": not one of jsonl, npy, table");
}

// The regular files below a directory, sorted; hidden ones are left out. What cannot be listed stays as it is, and
// becomes an error object.
std::vector<std::string> files_below(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (!fs::is_directory(path, error)) return {path};
  std::vector<std::string> files;
  for (fs::recursive_directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code unknown;
    if (entry->path().filename().native().starts_with('.')) {
      entry.disable_recursion_pending();
    } else if (entry->is_regular_file(unknown)) {
      files.push_back(entry->path());
    }
  }
  if (error) return {path};
  std::sort(files.begin(), files.end());
  return files;
}

Result<EmbedOptions> check(RawOptions raw) {
  EmbedOptions options;
  options.run.embedder = {.model = take_string(raw.model, kDefaultModel),
                          .device = take_string(raw.device, "auto"),
                          .precision = take_string(raw.precision, "auto"),
                          .normalize = !raw.raw_vectors};
  options.run.media.auto_orient = !raw.no_auto_orient;
  options.output = take_string(raw.output, "");
  const Result<OutputFormat> format = parse_format(take_string(raw.format, "jsonl"));
  for (std::string& name : take_strings(raw.files)) {
    if (!raw.recursive) {
      options.files.push_back(std::move(name));
    } else {
      for (std::string& file : files_below(name)) options.files.push_back(std::move(file));
    }
  }

  if (!format) return format.error();
  options.format = *format;
  if (Result<Precision> precision = parse_precision(options.run.embedder.precision); !precision)
    return std::move(precision).error();
  if (raw.max_pixels < 1) return wrong("--max-pixels must be at least 1");
  if (raw.timeout < 1) return wrong("--timeout must be at least 1 second");
  options.run.media.max_pixels = static_cast<std::uint64_t>(raw.max_pixels);
  options.run.timeout = std::chrono::seconds(raw.timeout);
  if (options.files.empty()) return wrong("no files to embed");
  if (options.format == OutputFormat::kNpy && options.output.empty())
    return wrong("--format npy needs -o OUT: an array is no text for standard output");
  return options;
}

}  // namespace

Result<EmbedOptions> parse_embed_options(int argc, char** argv) {
  RawOptions raw;
  const GOptionEntry entries[] = {
      {"model", 'm', 0, G_OPTION_ARG_STRING, &raw.model,
       "A directory or a Hugging Face id, fetched when it is not cached (openai/clip-vit-base-patch32)", "MODEL"},
      {"device", 'd', 0, G_OPTION_ARG_STRING, &raw.device, "auto, cpu, cuda[:N] or mps (auto)", "DEVICE"},
      {"precision", 'p', 0, G_OPTION_ARG_STRING, &raw.precision, "auto, fp32, fp16, bf16 or int8 (auto)", "PRECISION"},
      {"format", 'f', 0, G_OPTION_ARG_STRING, &raw.format, "jsonl, npy or table (jsonl)", "FORMAT"},
      {"output", 'o', 0, G_OPTION_ARG_FILENAME, &raw.output, "Write here, all or nothing (standard output)", "OUT"},
      {"recursive", 'r', 0, G_OPTION_ARG_NONE, &raw.recursive, "Embed the files below directories", nullptr},
      {"no-auto-orient", 0, 0, G_OPTION_ARG_NONE, &raw.no_auto_orient, "Ignore Exif orientation and video rotation",
       nullptr},
      {"raw-vectors", 0, 0, G_OPTION_ARG_NONE, &raw.raw_vectors, "Do not divide vectors by their length", nullptr},
      {"max-pixels", 0, 0, G_OPTION_ARG_INT64, &raw.max_pixels,
       "Refuse larger pictures before decoding them (268435456 = 16384 x 16384)", "N"},
      {"timeout", 0, 0, G_OPTION_ARG_INT, &raw.timeout, "Give a file up whose decoder is silent this long (60)",
       "SECONDS"},
      {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &raw.files, nullptr, "FILE..."},
      {}};
  const std::unique_ptr<GOptionContext, OptionContextFree> context(g_option_context_new(nullptr));
  g_option_context_set_summary(context.get(), kSummary);
  g_option_context_set_description(context.get(), kDescription);
  g_option_context_add_main_entries(context.get(), entries, nullptr);
  const Status parsed = parse_options(context.get(), argc, argv);
  Result<EmbedOptions> options = check(raw);
  if (!parsed) return parsed.error();
  return options;
}

}  // namespace clipembed
