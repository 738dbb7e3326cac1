// The ground truth in tests/data/reference/golden.json: what transformers gives for each reference image.
#pragma once

#include <string>
#include <vector>

// File names below images/, in alphabetical order.
std::vector<std::string> golden_images();

// Of the RGB bytes after Pillow's resize and crop to the input of "model-a" (224) or "model-b" (240), in hexadecimal.
std::string golden_pixels_sha256(const std::string& image, const std::string& model);

// CLIPModel.get_image_features of one image, not normalised. `model`: "model-a", "model-b" or "model-c", whose weights
// are those of model-a.
std::vector<float> golden_embedding(const std::string& image, const std::string& model);

double cosine(const std::vector<float>& a, const std::vector<float>& b);
