// Damaged checkpoints: thousands of small changes to a good file of each format, the same ones every time. Whatever the
// change, opening, checking and reading every byte of every view ends in a value or an error: run it under the
// sanitizers.
#include <algorithm>
#include <functional>
#include <random>
#include <string>

#include "lib/model/checkpoint.h"
#include "tests/unit/expect.h"
#include "tests/unit/pickle_writer.h"
#include "tests/unit/suite.h"

namespace clipembed {
namespace {

constexpr int kRounds = 2000;

using Random = std::minstd_rand;

std::size_t below(Random& random, std::size_t limit) { return random() % limit; }

// Numbers at which length fields tend to break.
constexpr std::uint64_t kEdges[] = {0,
                                    1,
                                    0x7f,
                                    0x80,
                                    0xff,
                                    0xffff,
                                    0x7fffffff,
                                    0x80000000,
                                    0xffffffff,
                                    0x7fffffffffffffff,
                                    0x8000000000000000,
                                    0xffffffffffffffff};

void damage(std::string& bytes, Random& random) {
  if (bytes.empty()) return;
  const std::size_t at = below(random, bytes.size());
  const std::size_t rest = bytes.size() - at;
  switch (below(random, 6)) {
    case 0:
      bytes[at] ^= static_cast<char>(1 << below(random, 8));
      break;
    case 1:
      bytes[at] = static_cast<char>(random());
      break;
    case 2:
      bytes.resize(at);
      break;
    case 3:  // a field of 1, 2, 4 or 8 bytes
    {
      const std::size_t size = std::min<std::size_t>(rest, std::size_t{1} << below(random, 4));
      bytes.replace(at, size, little_endian(kEdges[below(random, std::size(kEdges))], static_cast<int>(size)));
      break;
    }
    case 4:
      bytes.erase(at, 1 + below(random, std::min<std::size_t>(rest, 16)));
      break;
    default:  // a piece of the file where it does not belong
      bytes.insert(at, bytes.substr(below(random, bytes.size()), 1 + below(random, 32)));
  }
}

// A new file each time: ext4 flushes one that is truncated and written again.
void rewrite(const std::filesystem::path& path, std::string_view content) {
  std::filesystem::remove(path);
  write_file(path, content);
}

// Views have the size of their shape, and every byte of them can be read.
void expect_sound(const Checkpoint& checkpoint) {
  volatile unsigned sink = 0;
  for (const auto& [name, tensor] : checkpoint.tensors()) {
    ck_assert_uint_eq(tensor.bytes.size(), *count_elements(tensor.shape) * size_of(tensor.dtype));
    for (const std::byte byte : tensor.bytes) sink = sink + std::to_integer<unsigned>(byte);
  }
}

// Opens `kRounds` damaged versions of `file`; both outcomes must occur, or the damage tests nothing. Changes are made
// to the first `reach` bytes and the last, where the structure is.
void survive(const char* name, const std::string& good, std::size_t reach, const std::string& beside = "") {
  const Scratch scratch;
  const ModelConfig config = tiny_config();
  if (!beside.empty()) write_file(scratch.path() / "one", beside);
  Random random(20260101);
  int opened = 0, refused = 0;
  for (int round = 0; round < kRounds; ++round) {
    const bool at_end = good.size() > reach && below(random, 2) == 0;
    std::string part = at_end ? good.substr(good.size() - reach) : good.substr(0, reach);
    for (std::size_t changes = 1 + below(random, 3); changes > 0; --changes) damage(part, random);
    rewrite(scratch.path() / name,
            at_end ? good.substr(0, good.size() - reach) + part : part + good.substr(std::min(reach, good.size())));
    const auto checkpoint = Checkpoint::open(scratch.path());
    if (checkpoint) expect_sound(*checkpoint);
    ++(checkpoint && checkpoint->check(config) ? opened : refused);
  }
  ck_assert_int_gt(opened, 0);
  ck_assert_int_gt(refused, kRounds / 2);
}

START_TEST(damaged_safetensors_are_survived) {
  const std::string good = safetensors_file(made_up_tensors(tiny_config()));
  survive("model.safetensors", good, 8 << 10);
}
END_TEST

START_TEST(damaged_indexes_are_survived) {
  const auto tensors = made_up_tensors(tiny_config());
  std::string index;
  for (const WrittenTensor& tensor : tensors)
    index += std::format(R"({}"{}":"one")", index.empty() ? "" : ",", tensor.name);
  const std::string note(2000, ' ');  // where damage does no harm
  index = R"({"metadata":{"note":")" + note + R"("},"weight_map":{)" + index + "}}";
  survive("model.safetensors.index.json", index, index.size(), safetensors_file(tensors));
}
END_TEST

// A torch.save file with every tensor in a storage of its own.
std::string good_torch_file() {
  std::string items;
  std::vector<ZipEntry> entries(1, {"pytorch_model/data.pkl", ""});
  for (const WrittenTensor& tensor : made_up_tensors(tiny_config())) {
    const std::string key = std::to_string(entries.size());
    const auto elements = static_cast<std::int64_t>(tensor.bytes.size() / sizeof(float));
    std::vector<std::int64_t> strides(tensor.shape.size());
    std::int64_t stride = 1;
    for (std::size_t i = strides.size(); i-- > 0; stride *= tensor.shape[i]) strides[i] = stride;
    items += pickle::text(tensor.name) +
             pickle::value(
                 {.name = tensor.name, .key = key, .elements = elements, .shape = tensor.shape, .strides = strides});
    entries.push_back({"pytorch_model/data/" + key, tensor.bytes});
  }
  entries[0].bytes = pickle::state_dict(items);
  return zip_file(entries, /*zip64=*/true);
}

START_TEST(damaged_torch_files_are_survived) { survive("pytorch_model.bin", good_torch_file(), 16 << 10); }
END_TEST

START_TEST(damaged_pickles_in_sound_archives_are_survived) {
  const Scratch scratch;
  const std::string good = pickle::state_dict(pickle::Tensor{});
  const std::string storage(24, 'x');
  Random random(20260102);
  int opened = 0;
  for (int round = 0; round < kRounds; ++round) {
    std::string pickle = good;
    for (std::size_t changes = 1 + below(random, 2); changes > 0; --changes) damage(pickle, random);
    rewrite(scratch.path() / "pytorch_model.bin", torch_file(pickle, storage));
    const auto checkpoint = Checkpoint::open(scratch.path());
    if (!checkpoint) continue;
    ++opened;
    expect_sound(*checkpoint);
  }
  ck_assert_int_gt(opened, 0);
}
END_TEST

START_TEST(damaged_configurations_are_survived) {
  const Scratch scratch;
  const std::string config = config_json(tiny_config());
  const std::string preprocessor = R"({"size": {"shortest_edge": 8}, "crop_size": {"height": 8, "width": 8},
      "do_resize": true, "resample": 3, "image_mean": [0.5, 0.5, 0.5], "rescale_factor": 0.00392156862745098})";
  Random random(20260103);
  int read = 0;
  for (int round = 0; round < kRounds; ++round) {
    std::string damaged[] = {config, preprocessor};
    damage(damaged[round % 2], random);
    rewrite(scratch.path() / "config.json", damaged[0]);
    rewrite(scratch.path() / "preprocessor_config.json", damaged[1]);
    const auto result = read_config(scratch.path());
    if (!result) continue;
    ++read;
    ck_assert_int_ge(result->vision.grid(), 1);
    ck_assert_int_ge(result->vision.head_dim(), 1);
    ck_assert_int_eq(result->input.crop_width, result->vision.image_size);
    ck_assert_int_ge(result->input.shortest_edge, result->input.crop_width);
  }
  ck_assert_int_gt(read, 0);
}
END_TEST

}  // namespace
}  // namespace clipembed

int main() {
  using namespace clipembed;
  return run_suite("mutations",
                   {damaged_safetensors_are_survived, damaged_indexes_are_survived, damaged_torch_files_are_survived,
                    damaged_pickles_in_sound_archives_are_survived, damaged_configurations_are_survived});
}
