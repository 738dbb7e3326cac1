#include "tools/clipembed/model_command.h"

#include <glib.h>

#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "lib/model/checkpoint.h"
#include "lib/model/config.h"
#include "lib/model/model.h"
#include "tools/clipembed/command_line.h"
#include "tools/clipembed/exit_status.h"
#include "tools/clipembed/model_source.h"

namespace clipembed {
namespace {

constexpr char kSummary[] =
    "info MODEL   shows what a directory or a cached Hugging Face id holds\n"
    "fetch ID     downloads a model from the Hugging Face hub into the cache its own clients use";

constexpr char kDescription[] =
    "Examples:\n"
    "  clipembed model fetch openai/clip-vit-base-patch32\n"
    "  clipembed model fetch laion/CLIP-ViT-B-32-laion2B-s34B-b79K@main\n"
    "  clipembed model info openai/clip-vit-base-patch32\n"
    "  clipembed model info ./my-clip\n"
    "\n"
    "HF_ENDPOINT, HF_HOME, HF_HUB_CACHE, HF_TOKEN and HF_HUB_OFFLINE mean what they mean to huggingface_hub.";

int complain(const Error& error) {
  std::fprintf(stderr, "clipembed: %s\n", error.message.c_str());
  return kSomeFailed;
}

// The names of the papers, by width and depth. Sources: Dosovitskiy et al. 2021, table 1; Zhai et al. 2022, table 2.
std::string architecture(const VisionConfig& vision) {
  static const std::map<std::pair<int, int>, std::string> kNames = {
      {{768, 12}, "B"}, {{1024, 24}, "L"}, {{1280, 32}, "H"}, {{1408, 40}, "g"}, {{1664, 48}, "G"}};
  const auto name = kNames.find({vision.hidden_size, vision.num_hidden_layers});
  std::string text =
      "ViT-" + (name == kNames.end() ? "custom" : name->second) + "/" + std::to_string(vision.patch_size);
  return vision.image_size == 224 ? text : text + "@" + std::to_string(vision.image_size);
}

const char* name_of(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return "fp32";
    case DType::kF16:
      return "fp16";
    case DType::kBf16:
      return "bf16";
    case DType::kI64:
      return "int64";
  }
  return "unknown";
}

void print_tower(const char* name, const TowerConfig& tower) {
  std::printf("%-14s%d layers, width %d, %d heads, MLP %d, %s\n", name, tower.num_hidden_layers, tower.hidden_size,
              tower.num_attention_heads, tower.intermediate_size,
              tower.hidden_act == Activation::kQuickGelu ? "QuickGELU" : "GELU");
}

void print_weights(const Checkpoint& checkpoint, const ModelConfig& config) {
  std::uint64_t vision = 0, text = 0, all = 0;
  std::set<std::string> dtypes, files;
  for (const auto& [name, tensor] : checkpoint.tensors()) {
    if (tensor.dtype == DType::kI64) continue;  // position ids, which are no weights
    const std::uint64_t parameters = tensor.bytes.size() / size_of(tensor.dtype);
    all += parameters;
    if (name.starts_with("vision_model.")) vision += parameters;
    if (name.starts_with("text_model.")) text += parameters;
    dtypes.insert(name_of(tensor.dtype));
    files.insert(std::filesystem::path(tensor.file).filename());
  }
  print_tower("vision tower", config.vision);
  if (text > 0) {
    print_tower("text tower", config.text);
  } else {
    std::printf("%-14sabsent\n", "text tower");
  }
  std::printf("%-14s%.1f M (vision %.1f M, text %.1f M)\n", "parameters", double(all) / 1e6, double(vision) / 1e6,
              double(text) / 1e6);
  std::printf("%-14s", "weights");
  for (const std::string& dtype : dtypes) std::printf("%s ", dtype.c_str());
  std::printf("in");
  for (const std::string& file : files) std::printf(" %s", file.c_str());
  std::printf("\n");
}

int info(const std::string& model) {
  const Result<ModelLocation> location = find_model(model);
  if (!location) return complain(location.error());
  const Result<ModelConfig> config = read_config(location->directory);
  if (!config) return complain(config.error());
  const Result<Checkpoint> checkpoint = Checkpoint::open(location->directory);
  if (!checkpoint) return complain(checkpoint.error());
  if (Status fits = checkpoint->check(*config); !fits) return complain(fits.error());

  std::printf("%-14s%s\n", "model", location->id.c_str());
  if (!location->revision.empty()) std::printf("%-14s%s\n", "revision", location->revision.c_str());
  std::printf("%-14s%s\n", "directory", location->directory.c_str());
  std::printf("%-14s%s\n", "architecture", architecture(config->vision).c_str());
  std::printf("%-14sshort side to %d, crop %d x %d, patches of %d\n", "input", config->input.shortest_edge,
              config->input.crop_width, config->input.crop_height, config->vision.patch_size);
  std::printf("%-14s%d floats\n", "embedding", config->projection_dim);
  print_weights(*checkpoint, *config);
  return kAllGood;
}

int fetch(const std::string& name) {
  const Result<HubId> id = parse_hub_id(name);
  if (!id) return usage_error("clipembed model", id.error().message);
  const Result<ModelLocation> location = fetch_with_progress(*id);
  if (!location) return complain(location.error());
  std::printf("%s\n", location->directory.c_str());
  return kAllGood;
}

}  // namespace

int model_command(int argc, char** argv) {
  const std::unique_ptr<GOptionContext, OptionContextFree> context(g_option_context_new("info MODEL | fetch ID"));
  g_option_context_set_summary(context.get(), kSummary);
  g_option_context_set_description(context.get(), kDescription);
  if (Status parsed = parse_options(context.get(), argc, argv); !parsed)
    return usage_error("clipembed model", parsed.error().message);
  if (argc != 3) return usage_error("clipembed model", "give one command and one model");
  const std::string command = argv[1];
  if (command == "info") return info(argv[2]);
  if (command == "fetch") return fetch(argv[2]);
  return usage_error("clipembed model", command + " is neither info nor fetch");
}

}  // namespace clipembed
