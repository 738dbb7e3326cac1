// Videos made by the platform's ffmpeg when the tests run: three shots of two seconds each, 25 frames a second.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace clipembed {

// Runs ffmpeg; false where it fails, as it lacks an encoder.
bool ffmpeg(const std::vector<std::string>& arguments);

// The three shots, encoded as `encoding` says ("-c:v libx264"), to `path`; the extension tells the container.
bool make_three_shots(const std::filesystem::path& path, const std::vector<std::string>& encoding);

inline constexpr int kShots = 3;
inline constexpr double kShotSeconds = 2;

// The arguments in a text, split at blanks.
std::vector<std::string> words(const std::string& text);

}  // namespace clipembed
