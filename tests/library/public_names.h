#pragma once
#include <set>
#include <string>

namespace san::testing {

/// What headers written as those of include/san declare in namespace san for others to use: "encode_png",
/// "Bank::load", "Bank::Class::name", "PixelFormat::kRgb"; a constructor as "Stream::Stream". Left out are
/// types themselves, operators, destructors, and constructors that copy, move or take nothing.
std::set<std::string> public_names(const std::string& headers);

}  // namespace san::testing
