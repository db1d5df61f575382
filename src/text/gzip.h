#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace san {

bool is_gzip(std::string_view content);

/// Decompresses one gzip stream; throws Error naming `where` when it is damaged or grows beyond
/// ReaderLimit(limit_bytes).
std::string gunzip(std::string_view content, const std::string& where, std::size_t limit_bytes);

}  // namespace san
