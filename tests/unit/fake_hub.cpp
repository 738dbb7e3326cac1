// fake-hub DIRECTORY [OWNER/NAME]: serves a model directory as the hub would, for tests of programs (HF_ENDPOINT).
// Prints its URL as its first line, and ends when its standard input does.
#include <cstdio>
#include <filesystem>

#include "lib/model/model.h"
#include "tests/unit/hub_server.h"
#include "tests/unit/scratch.h"

namespace {

namespace fs = std::filesystem;
using namespace clipembed;

// As on the hub: JSON and text in git, weights in LFS.
std::map<std::string, HubFile> files_of(const fs::path& directory) {
  std::map<std::string, HubFile> files;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (!entry.is_regular_file()) continue;
    const auto extension = entry.path().extension();
    const bool lfs = extension == ".safetensors" || extension == ".bin";
    files[entry.path().lexically_relative(directory)] = {.content = read_file(entry.path()), .lfs = lfs};
  }
  return files;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string repo = argc > 2 ? argv[2] : std::string(kDefaultModel);
  if (argc < 2 || argc > 3 || !parse_hub_id(repo) || !fs::is_directory(argv[1])) {
    std::fprintf(stderr, "usage: fake-hub DIRECTORY [OWNER/NAME]\n");
    return 2;
  }
  const HubServer server(repo, files_of(argv[1]));
  std::printf("%s\n", server.url().c_str());
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  return 0;
}
