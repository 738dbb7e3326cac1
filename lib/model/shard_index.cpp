#include "lib/model/shard_index.h"

#include <format>
#include <iterator>
#include <utility>

#include "lib/model/json.h"

namespace clipembed {
namespace {

constexpr std::size_t kMaxShards = 1024;

using WeightMap = std::map<std::string, std::string>;  // tensor -> shard

bool is_plain_file_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos;
}

Result<WeightMap> read_weight_map(const std::filesystem::path& index) {
  const auto root = JsonValue::read(index);
  if (!root) return root.error();
  const auto json = root->find("weight_map");
  if (!json) return json.error();
  if (!*json) return root->error("weight_map is missing");
  const auto members = (*json)->object();
  if (!members) return members.error();
  WeightMap map;
  for (const auto& [tensor, value] : *members) {
    auto shard = value.string();
    if (!shard) return shard.error();
    if (!is_plain_file_name(*shard)) return value.unsupported("a shard is a file beside the index");
    map.emplace(tensor, *std::move(shard));
  }
  return map;
}

// Both directions: what the index promises is in the shard, and what is in the shard is promised.
Status check_shard(const std::filesystem::path& index, const WeightMap& map, const std::string& shard,
                   const std::filesystem::path& path, const TensorMap& tensors) {
  for (const auto& [tensor, file] : map) {
    if (file == shard && !is_position_ids(tensor) && !tensors.contains(tensor)) {
      return tensor_error(path.string(), tensor, std::format("is missing, {} says it is here", index.string()));
    }
  }
  for (const auto& [tensor, view] : tensors) {
    const auto listed = map.find(tensor);
    if (listed == map.end() || listed->second != shard) {
      return tensor_error(path.string(), tensor, std::format("{} does not list it for this file", index.string()));
    }
  }
  return ok();
}

}  // namespace

Result<TensorFile> read_sharded(const std::filesystem::path& index,
                                const std::function<Result<TensorFile>(const std::filesystem::path&)>& read_shard) {
  const auto map = read_weight_map(index);
  if (!map) return map.error();
  std::map<std::string, std::string> shards;  // shard -> a tensor in it, for messages
  for (const auto& [tensor, shard] : *map) shards.emplace(shard, tensor);
  if (shards.size() > kMaxShards) {
    return Error{Error::Kind::kFormat,
                 std::format("{}: {} shards, more than {}", index.string(), shards.size(), kMaxShards)};
  }

  TensorFile all;
  for (const auto& [shard, tensor] : shards) {
    const auto path = index.parent_path() / shard;
    auto part = read_shard(path);
    if (!part) {
      if (part.error().kind != Error::Kind::kNotFound) return part.error();
      return tensor_error(path.string(), tensor, std::format("the file is missing, {} names it", index.string()));
    }
    if (auto status = check_shard(index, *map, shard, path, part->tensors); !status) return status.error();
    all.tensors.merge(part->tensors);
    std::move(part->storage.begin(), part->storage.end(), std::back_inserter(all.storage));
  }
  return all;
}

}  // namespace clipembed
