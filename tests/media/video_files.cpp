#include "tests/media/video_files.h"

#include <glib.h>

#include <sstream>

namespace clipembed {

bool ffmpeg(const std::vector<std::string>& arguments) {
  std::vector<const char*> argv = {"ffmpeg", "-v", "error", "-nostdin", "-y"};
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  argv.push_back(nullptr);
  int status = 0;
  const bool started = g_spawn_sync(
      nullptr, const_cast<char**>(argv.data()), nullptr,
      static_cast<GSpawnFlags>(G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL), nullptr,
      nullptr, nullptr, nullptr, &status, nullptr);
  return started && g_spawn_check_wait_status(status, nullptr);
}

bool make_three_shots(const std::filesystem::path& path, const std::vector<std::string>& encoding) {
  std::vector<std::string> arguments;
  for (const char* shot : {"testsrc2", "rgbtestsrc", "testsrc"}) {
    const std::string source = std::string(shot) + "=s=160x120:r=25:d=2";
    arguments.insert(arguments.end(), {"-f", "lavfi", "-i", source});
  }
  arguments.insert(arguments.end(), {"-filter_complex", "concat=n=3:v=1,format=yuv420p,setsar=1[v]", "-map", "[v]"});
  arguments.insert(arguments.end(), encoding.begin(), encoding.end());
  arguments.push_back(path);
  return ffmpeg(arguments);
}

std::vector<std::string> words(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

}  // namespace clipembed
