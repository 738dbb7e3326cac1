#include "lib/model/zip_archive.h"

#include <algorithm>
#include <cstdint>
#include <format>
#include <optional>

#include "lib/model/byte_reader.h"

namespace clipembed {
namespace {

constexpr std::uint32_t kLocalHeader = 0x04034b50;
constexpr std::uint32_t kCentralHeader = 0x02014b50;
constexpr std::uint32_t kEnd = 0x06054b50;
constexpr std::uint32_t kZip64End = 0x06064b50;
constexpr std::uint32_t kZip64Locator = 0x07064b50;
constexpr std::size_t kEndSize = 22;
constexpr std::size_t kZip64LocatorSize = 20;
constexpr std::size_t kMaxComment = 0xffff;
constexpr std::uint16_t kZip64Extra = 0x0001;
constexpr std::uint16_t kEncrypted = 0x0001;
constexpr std::uint16_t kStored = 0;
constexpr std::uint32_t kInZip64 = 0xffffffff;   // a 32-bit field whose value is in the zip64 record
constexpr std::uint16_t kInZip64Short = 0xffff;  // likewise
constexpr std::uint64_t kMaxEntries = 1 << 16;   // CLIP-H/14 has 1,060

struct CentralDirectory {
  std::uint64_t entries = 0, size = 0, offset = 0;
};

struct CentralEntry {
  std::string name;
  std::uint16_t flags = 0, method = 0;
  std::uint64_t compressed_size = 0, size = 0, local_offset = 0;
};

class ZipReader {
 public:
  ZipReader(std::string_view file, std::span<const std::byte> bytes) : file_(file), bytes_(bytes) {}

  Result<ZipEntries> read() {
    const auto directory = find_directory();
    if (!directory) return directory.error();
    if (directory->entries > kMaxEntries)
      return error(std::format("{} entries, more than {}", directory->entries, kMaxEntries));
    const auto records = slice(directory->offset, directory->size);
    if (!records) return error("its central directory lies outside the file (truncated?)");
    ByteReader reader(*records);
    ZipEntries entries;
    for (std::uint64_t i = 0; i < directory->entries; ++i) {
      const auto entry = read_central_entry(reader);
      if (!entry) return error(std::format("entry {} of its central directory is malformed", i));
      const auto data = find_data(*entry);
      if (!data) return data.error();
      if (!entries.emplace(entry->name, *data).second) return error(std::format("it lists '{}' twice", entry->name));
    }
    return entries;
  }

 private:
  Error error(std::string_view what) const {
    return {Error::Kind::kFormat, std::format("{}: not a usable zip archive: {}", file_, what)};
  }

  std::optional<std::span<const std::byte>> slice(std::uint64_t offset, std::uint64_t size) const {
    if (offset > bytes_.size() || size > bytes_.size() - offset) return std::nullopt;
    return bytes_.subspan(offset, size);
  }

  // The end record is the last thing in the file but for its own comment.
  std::optional<std::size_t> find_end() const {
    if (bytes_.size() < kEndSize) return std::nullopt;
    const std::size_t last = bytes_.size() - kEndSize;
    const std::size_t first = last - std::min(last, kMaxComment);
    for (std::size_t offset = last + 1; offset-- > first;) {
      ByteReader reader(bytes_.subspan(offset));
      if (reader.u32() != kEnd) continue;
      reader.skip(16);
      if (reader.u16() == last - offset) return offset;
    }
    return std::nullopt;
  }

  Result<CentralDirectory> find_directory() const {
    const auto end = find_end();
    if (!end) return error("it has no end record (truncated?)");
    ByteReader reader(bytes_.subspan(*end + 4));
    const std::uint16_t disk = reader.u16(), directory_disk = reader.u16(), entries_here = reader.u16();
    CentralDirectory directory;
    directory.entries = reader.u16();
    directory.size = reader.u32();
    directory.offset = reader.u32();
    if (directory.entries == kInZip64Short || directory.size == kInZip64 || directory.offset == kInZip64) {
      return find_zip64_directory(*end);
    }
    if (disk != 0 || directory_disk != 0 || entries_here != directory.entries) return error("it is split over disks");
    return directory;
  }

  Result<CentralDirectory> find_zip64_directory(std::size_t end) const {
    const auto malformed = error("its zip64 end record is malformed (truncated?)");
    if (end < kZip64LocatorSize) return malformed;
    ByteReader locator(bytes_.subspan(end - kZip64LocatorSize));
    if (locator.u32() != kZip64Locator) return malformed;
    const std::uint32_t end_disk = locator.u32();
    const std::uint64_t offset = locator.u64();
    const std::uint32_t disks = locator.u32();
    if (offset > bytes_.size()) return malformed;
    ByteReader reader(bytes_.subspan(offset));
    if (reader.u32() != kZip64End) return malformed;
    reader.skip(8 + 2 + 2);  // size of this record, versions
    const std::uint32_t disk = reader.u32(), directory_disk = reader.u32();
    const std::uint64_t entries_here = reader.u64();
    CentralDirectory directory;
    directory.entries = reader.u64();
    directory.size = reader.u64();
    directory.offset = reader.u64();
    if (!reader.ok()) return malformed;
    if (end_disk != 0 || disks > 1 || disk != 0 || directory_disk != 0 || entries_here != directory.entries) {
      return error("it is split over disks");
    }
    return directory;
  }

  static std::optional<CentralEntry> read_central_entry(ByteReader& reader) {
    CentralEntry entry;
    if (reader.u32() != kCentralHeader) return std::nullopt;
    reader.skip(2 + 2);  // versions
    entry.flags = reader.u16();
    entry.method = reader.u16();
    reader.skip(2 + 2 + 4);  // time, date, checksum
    entry.compressed_size = reader.u32();
    entry.size = reader.u32();
    const std::uint16_t name_size = reader.u16(), extra_size = reader.u16(), comment_size = reader.u16();
    reader.skip(2 + 2 + 4);  // disk, attributes
    entry.local_offset = reader.u32();
    entry.name = reader.text(name_size);
    const auto extra = reader.take(extra_size);
    reader.skip(comment_size);
    if (!reader.ok() || !read_zip64_sizes(ByteReader(extra), entry)) return std::nullopt;
    return entry;
  }

  // The zip64 extra field holds, in this order, those of the three that do not fit 32 bits.
  static bool read_zip64_sizes(ByteReader extra, CentralEntry& entry) {
    std::uint64_t* const fields[] = {&entry.size, &entry.compressed_size, &entry.local_offset};
    if (std::ranges::none_of(fields, [](const std::uint64_t* field) { return *field == kInZip64; })) return true;
    while (extra.ok() && !extra.rest().empty()) {
      const std::uint16_t id = extra.u16();
      ByteReader body(extra.take(extra.u16()));
      if (id != kZip64Extra) continue;
      for (std::uint64_t* field : fields) {
        if (*field == kInZip64) *field = body.u64();
      }
      return extra.ok() && body.ok();
    }
    return false;
  }

  Result<std::span<const std::byte>> find_data(const CentralEntry& entry) const {
    const auto unusable = [&](std::string_view what) { return error(std::format("entry '{}' {}", entry.name, what)); };
    if (entry.flags & kEncrypted) return unusable("is encrypted");
    if (entry.method != kStored || entry.compressed_size != entry.size) {
      return unusable("is compressed, torch.save stores entries");
    }
    if (entry.local_offset > bytes_.size()) return unusable("lies outside the file (truncated?)");
    ByteReader local(bytes_.subspan(entry.local_offset));
    if (local.u32() != kLocalHeader) return unusable("has no local header");
    local.skip(22);  // what the central directory says too
    const std::uint16_t name_size = local.u16(), extra_size = local.u16();
    if (local.text(name_size) != entry.name) return unusable("has another name in its local header");
    local.skip(extra_size);
    const auto data = local.take(entry.size);
    if (!local.ok()) return unusable("lies outside the file (truncated?)");
    return data;
  }

  std::string_view file_;
  std::span<const std::byte> bytes_;
};

}  // namespace

bool looks_like_zip(std::span<const std::byte> bytes) { return ByteReader(bytes).u32() == kLocalHeader; }

Result<ZipEntries> read_zip(std::string_view file, std::span<const std::byte> bytes) {
  return ZipReader(file, bytes).read();
}

}  // namespace clipembed
