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
    "Computes the CLIP embedding of each image and video. One vector a file: of a video, the mean over the frames\n"
    "that stand for it. Files are told apart by their content; a file that cannot be embedded gets an error object\n"
    "and the rest go on.";

constexpr char kDescription[] =
    "Images: JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC, AVIF, JPEG XL. Videos: whatever GStreamer plays.\n"
    "\n"
    "Frames of a video: --sampling thorough decodes every frame, finds the shots and takes the best of each, and adds\n"
    "frames until each of --frames equal parts of the video has one. keyframes decodes key frames only, which is many\n"
    "times faster; auto does so from two minutes on. Why a frame was chosen is its reason: cut (the first of a shot),\n"
    "salient (the best of a shot's first ones), coverage (its part had none), interval (none for long).\n"
    "\n"
    "Examples:\n"
    "  clipembed embed cat.jpg                                 one JSON object on standard output\n"
    "  clipembed embed *.jpg clip.mp4 | jq -c '[.path, .error]'\n"
    "  clipembed embed -r photos/ --format npy -o photos.npy   an array, and photos.npy.names.txt beside it\n"
    "  clipembed embed clip.mp4 --contact-sheet clip.png --timeline clip.svg -o clip.jsonl\n"
    "                                                          what stands for a video, and why, to look at\n"
    "  clipembed embed clip.mp4 --detail frames | jq -c '.frames[] | [.time, .reason]'\n"
    "  clipembed embed film.mkv --sampling keyframes --frames 100 --format table\n"
    "  clipembed embed --model ./my-clip --precision fp32 --raw-vectors cat.jpg\n"
    "                                                          exactly CLIPModel.get_image_features()\n"
    "\n"
    "Exit status: 0 all files embedded, 1 some failed, 2 wrong usage, 130 interrupted. More: man clipembed";

constexpr int kMaxFrames = 1000;

struct RawOptions {
  char* model = nullptr;
  char* device = nullptr;
  char* precision = nullptr;
  char* format = nullptr;
  char* output = nullptr;
  char* sampling = nullptr;
  char* augment = nullptr;
  char* detail = nullptr;
  char* contact_sheet = nullptr;
  char* timeline = nullptr;
  gint frames = 30;
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

// Everything that was allocated, as values.
EmbedOptions take(RawOptions& raw) {
  EmbedOptions options;
  options.run.embedder = {.model = take_string(raw.model, kDefaultModel),
                          .device = take_string(raw.device, "auto"),
                          .precision = take_string(raw.precision, "auto"),
                          .normalize = !raw.raw_vectors,
                          .augment = take_string(raw.augment, "none")};
  options.run.media.auto_orient = !raw.no_auto_orient;
  options.output = take_string(raw.output, "");
  options.drawings = {.contact_sheet = take_string(raw.contact_sheet, ""), .timeline = take_string(raw.timeline, "")};
  for (std::string& name : take_strings(raw.files)) {
    if (!raw.recursive) {
      options.files.push_back(std::move(name));
    } else {
      for (std::string& file : files_below(name)) options.files.push_back(std::move(file));
    }
  }
  return options;
}

Status check_numbers(const RawOptions& raw, RunOptions& run) {
  if (raw.max_pixels < 1) return wrong("--max-pixels must be at least 1");
  if (raw.timeout < 1) return wrong("--timeout must be at least 1 second");
  if (raw.frames < 1 || raw.frames > kMaxFrames)
    return wrong("--frames " + std::to_string(raw.frames) + ": not in 1 to " + std::to_string(kMaxFrames));
  run.media.max_pixels = static_cast<std::uint64_t>(raw.max_pixels);
  run.media.frames = static_cast<unsigned>(raw.frames);
  run.timeout = std::chrono::seconds(raw.timeout);
  return ok();
}

// A name that ends in another format's suffix would hold what it does not say.
Status check_suffix(const char* option, const std::string& path, const std::string& suffix) {
  const std::string given = std::filesystem::path(path).extension();
  g_autofree char* lower = g_ascii_strdown(given.c_str(), -1);
  if (path.empty() || given.empty() || lower == suffix) return ok();
  return wrong(std::string(option) + " " + path + ": it writes " + suffix.substr(1) + ", so name it *" + suffix);
}

Status check_drawings(const EmbedOptions& options) {
  const DrawingPaths& drawings = options.drawings;
  if (Status suffix = check_suffix("--contact-sheet", drawings.contact_sheet, ".png"); !suffix) return suffix;
  if (Status suffix = check_suffix("--timeline", drawings.timeline, ".svg"); !suffix) return suffix;
  if (drawings.any() && options.files.size() != 1)
    return wrong("--contact-sheet and --timeline draw one video: name one file, not " +
                 std::to_string(options.files.size()));
  std::vector<std::string> outputs;
  for (const std::string& path : {options.output, drawings.contact_sheet, drawings.timeline}) {
    if (path.empty()) continue;
    if (std::ranges::find(outputs, path) != outputs.end()) return wrong(path + " is named for two outputs");
    outputs.push_back(path);
  }
  return ok();
}

Result<EmbedOptions> check(RawOptions& raw) {
  const std::string format_name = take_string(raw.format, "jsonl"), sampling_name = take_string(raw.sampling, "auto"),
                    detail = take_string(raw.detail, "");
  EmbedOptions options = take(raw);

  const Result<OutputFormat> format = parse_format(format_name);
  if (!format) return format.error();
  options.format = *format;
  if (Result<Precision> precision = parse_precision(options.run.embedder.precision); !precision)
    return std::move(precision).error();
  const Result<Sampling> sampling = parse_sampling(sampling_name);
  if (!sampling) return wrong("--" + sampling.error().message);
  options.run.media.sampling = *sampling;
  const std::string& augment = options.run.embedder.augment;
  if (augment != "none" && augment != "flip" && augment != "five-crop")
    return wrong("--augment " + augment + ": not one of none, flip, five-crop");
  if (!detail.empty() && detail != "frames") return wrong("--detail " + detail + ": the choice is frames");
  options.frames = !detail.empty();
  if (Status numbers = check_numbers(raw, options.run); !numbers) return numbers.error();
  if (options.files.empty()) return wrong("no files to embed");
  if (options.format == OutputFormat::kNpy && options.output.empty())
    return wrong("--format npy needs -o OUT: an array is no text for standard output");
  if (Status drawings = check_drawings(options); !drawings) return drawings.error();
  options.drawings.ask(options.run.media);
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
      {"frames", 0, 0, G_OPTION_ARG_INT, &raw.frames, "Equal parts of a video that have a frame each, 1 to 1000 (30)",
       "N"},
      {"sampling", 0, 0, G_OPTION_ARG_STRING, &raw.sampling, "thorough, keyframes or auto: see below (auto)", "HOW"},
      {"augment", 0, 0, G_OPTION_ARG_STRING, &raw.augment,
       "Average views of each picture: none, flip or five-crop (none)", "HOW"},
      {"detail", 0, 0, G_OPTION_ARG_STRING, &raw.detail,
       "frames: time, reason, scores and vector of each chosen frame too", "WHAT"},
      {"contact-sheet", 0, 0, G_OPTION_ARG_FILENAME, &raw.contact_sheet,
       "Draw the chosen frames of the one video named", "OUT.png"},
      {"timeline", 0, 0, G_OPTION_ARG_FILENAME, &raw.timeline,
       "Draw its content score, its shots and the choice; decodes every frame unless told not to", "OUT.svg"},
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
