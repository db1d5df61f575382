#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace san::serve {

struct FormPart {
  std::string name, filename, type;
  std::string_view content;  ///< borrowed from the body
};

/// The parts of a multipart/form-data body (RFC 7578). `content_type` is the request's header. Throws Refusal
/// 400 on a body that is none, on a part without a name, and on more than 64 parts.
std::vector<FormPart> parse_form(std::string_view body, std::string_view content_type);

/// One thing of several that an answer holds.
struct AnswerPart {
  std::string name, filename, type;
  std::string content;
};

/// A body of all parts for "multipart/mixed" or "multipart/form-data"; a boundary that occurs in none of them
/// is chosen from `seed` and returned.
std::string write_multipart(const std::vector<AnswerPart>& parts, std::string_view seed,
                            std::string& boundary);

}  // namespace san::serve
