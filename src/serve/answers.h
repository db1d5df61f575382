#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "serve/http.h"
#include "serve/multipart.h"
#include "serve/refusal.h"

namespace san::serve {

/// Keys in the order in which they are written.
using OrderedJson = nlohmann::ordered_json;

/// `document` as an answer; text that is not UTF-8 is repaired.
HttpAnswer json_answer(const OrderedJson& document, int status = 200);

/// The one form of errors: {"error": {"status", "code", "message", "field"?}}, with Retry-After where it
/// helps.
HttpAnswer error_answer(const Refusal& refusal);

/// One part as it is; several as multipart/mixed, as multipart/form-data or as JSON with the parts in base
/// 64, by what the client accepts.
HttpAnswer parts_answer(const std::vector<AnswerPart>& parts, std::string_view accept);

/// Whether Accept-Encoding has gzip with a weight above 0.
bool accepts_gzip(std::string_view accept_encoding);
std::string gzip(std::string_view bytes, int level = 9);

}  // namespace san::serve
