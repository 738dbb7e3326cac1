// The directory of a zip archive that lies in memory, for archives whose entries are stored and not compressed, as
// torch.save writes them: an entry is then a span of the mapping. Zip64 included. Source: PKWARE's APPNOTE.TXT 6.3.10,
// section 4.3.
//
// Checksums are not verified: that would read every page of the weights.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "lib/result.h"

namespace clipembed {

using ZipEntries = std::map<std::string, std::span<const std::byte>, std::less<>>;

// True where the bytes begin as a zip archive with at least one entry does.
bool looks_like_zip(std::span<const std::byte> bytes);

// `file` is the name in error messages. Errors: kFormat, for anything malformed, compressed, encrypted, split over
// disks, or listed twice.
Result<ZipEntries> read_zip(std::string_view file, std::span<const std::byte> bytes);

}  // namespace clipembed
