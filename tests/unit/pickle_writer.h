// Writes torch.save files for tests, opcode by opcode, so that any of it can be wrong: the pickle of a state dict, and
// a zip archive of stored entries, plain or zip64.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/checkpoint_writer.h"

namespace clipembed {

// Pieces of a pickle. Opcodes are those of CPython's pickletools.py.
namespace pickle {

inline std::string text(const std::string& value) { return "X" + little_endian(value.size(), 4) + value; }
inline std::string integer(std::int64_t value) {
  return "\x8a\x08" + little_endian(static_cast<std::uint64_t>(value), 8);
}
inline std::string global(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}
inline std::string tuple(const std::string& items) { return "(" + items + "t"; }
inline std::string integers(const std::vector<std::int64_t>& values) {
  std::string items;
  for (const std::int64_t value : values) items += integer(value);
  return tuple(items);
}
inline const std::string kOrderedDict = global("collections", "OrderedDict") + ")R";

struct Tensor {
  std::string name = "w";
  std::string storage_type = "FloatStorage";
  std::string key = "0";
  std::int64_t elements = 6;
  std::int64_t offset = 0;
  std::vector<std::int64_t> shape = {2, 3};
  std::vector<std::int64_t> strides = {3, 1};
  std::string hooks = kOrderedDict;
  std::string metadata = "";  // a seventh property, where there is one
};

inline std::string storage(const Tensor& tensor) {
  return tuple(text("storage") + global("torch", tensor.storage_type) + text(tensor.key) + text("cpu") +
               integer(tensor.elements)) +
         "Q";
}
inline std::string value(const Tensor& tensor) {
  return global("torch._utils", "_rebuild_tensor_v2") +
         tuple(storage(tensor) + integer(tensor.offset) + integers(tensor.shape) + integers(tensor.strides) + "\x89" +
               tensor.hooks + tensor.metadata) +
         "R";
}

// A whole pickle whose state dict has these items: names and values, one after the other.
inline std::string state_dict(const std::string& items) { return "\x80\x02" + kOrderedDict + "(" + items + "u."; }
inline std::string state_dict(const Tensor& tensor) { return state_dict(text(tensor.name) + value(tensor)); }

}  // namespace pickle

struct ZipEntry {
  std::string name, bytes;
  std::uint16_t flags = 0, method = 0;
};

// With `zip64`, every size and offset is in the zip64 records, as PyTorch's own writer may put them.
inline std::string zip_file(const std::vector<ZipEntry>& entries, bool zip64 = false) {
  const auto short_size = [&](std::uint64_t size) { return little_endian(zip64 ? 0xffffffff : size, 4); };
  std::string file, directory;
  for (const ZipEntry& entry : entries) {
    const std::string size = little_endian(entry.bytes.size(), 8);
    const std::string extra =
        zip64 ? little_endian(1, 2) + little_endian(24, 2) + size + size + little_endian(file.size(), 8) : "";
    // Flags, method, time, date, checksum, both sizes, length of the name, length of the extra field.
    const std::string common = little_endian(entry.flags, 2) + little_endian(entry.method, 2) + std::string(8, '\0') +
                               short_size(entry.bytes.size()) + short_size(entry.bytes.size()) +
                               little_endian(entry.name.size(), 2);
    directory += "PK\1\2" + little_endian(45, 2) + little_endian(45, 2) + common + little_endian(extra.size(), 2) +
                 std::string(2 + 2 + 2 + 4, '\0') + short_size(file.size()) + entry.name + extra;
    // torch.save pads the extra field of the local header, to align what follows.
    file += "PK\3\4" + little_endian(45, 2) + common + little_endian(8, 2) + entry.name + "FB" + little_endian(4, 2) +
            "ZZZZ" + entry.bytes;
  }
  const std::size_t start = file.size();
  file += directory;
  const std::size_t end = file.size();
  if (zip64) {
    file += "PK\6\6" + little_endian(44, 8) + little_endian(45, 2) + little_endian(45, 2) + std::string(8, '\0') +
            little_endian(entries.size(), 8) + little_endian(entries.size(), 8) + little_endian(directory.size(), 8) +
            little_endian(start, 8);
    file += "PK\6\7" + little_endian(0, 4) + little_endian(end, 8) + little_endian(1, 4);
  }
  const std::string count = little_endian(zip64 ? 0xffff : entries.size(), 2);
  return file + "PK\5\6" + std::string(4, '\0') + count + count + short_size(directory.size()) + short_size(start) +
         std::string(2, '\0');
}

// A torch.save file with this pickle and one storage, "0".
inline std::string torch_file(const std::string& pickle, const std::string& storage) {
  return zip_file({{"archive/data.pkl", pickle}, {"archive/byteorder", "little"}, {"archive/data/0", storage}});
}

}  // namespace clipembed
