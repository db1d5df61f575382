#include "serve/answers.h"

#include <zlib.h>

#include "base/base64.h"
#include "base/error.h"

namespace san::serve {

HttpAnswer json_answer(const OrderedJson& document, int status) {
  HttpAnswer answer{
      status, "application/json", document.dump(-1, ' ', false, OrderedJson::error_handler_t::replace), {}};
  answer.body += '\n';
  return answer;
}

HttpAnswer error_answer(const Refusal& refusal) {
  OrderedJson error{{"status", refusal.status()}, {"code", refusal.code()}, {"message", refusal.what()}};
  if (!refusal.field().empty()) error["field"] = refusal.field();
  HttpAnswer answer = json_answer({{"error", error}}, refusal.status());
  if (refusal.retry_after_s() > 0)
    answer.headers.emplace_back("Retry-After", std::to_string(refusal.retry_after_s()));
  if (refusal.status() == 401) answer.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"san\"");
  return answer;
}

HttpAnswer parts_answer(const std::vector<AnswerPart>& parts, std::string_view accept) {
  const auto accepts = [&](std::string_view type) { return accept.find(type) != std::string_view::npos; };
  // Libraries that would take anything name JSON, too: they get what was asked for as it is.
  if (accepts("application/json") && !accepts("*/*") && !accepts("image/") &&
      !(parts.size() == 1 && parts[0].type == "application/json")) {
    OrderedJson document = OrderedJson::object();
    for (const AnswerPart& part : parts)
      document[part.name] = part.type == "application/json" ? OrderedJson::parse(part.content)
                                                            : OrderedJson(base64_encode(part.content));
    return json_answer(document);
  }
  const bool form = accepts("multipart/form-data");
  if (parts.size() == 1 && !form) return {200, parts[0].type, parts[0].content, {}};
  std::string boundary;
  HttpAnswer answer;
  answer.body = write_multipart(parts, parts[0].content.substr(0, 256), boundary);
  answer.type = fmt::format("multipart/{}; boundary={}", form ? "form-data" : "mixed", boundary);
  return answer;
}

bool accepts_gzip(std::string_view accept_encoding) {
  while (!accept_encoding.empty()) {
    const std::size_t comma = accept_encoding.find(',');
    std::string_view coding = accept_encoding.substr(0, comma);
    accept_encoding.remove_prefix(comma == std::string_view::npos ? accept_encoding.size() : comma + 1);
    while (coding.starts_with(' ')) coding.remove_prefix(1);
    const std::string_view name = coding.substr(0, coding.find_first_of("; "));
    if (name != "gzip" && name != "*") continue;
    const std::size_t q = coding.find("q=");
    return q == std::string_view::npos ||
           coding.substr(q + 2).find_first_of("123456789") != std::string_view::npos;
  }
  return false;
}

std::string gzip(std::string_view bytes, int level) {
  constexpr int kGzipWindow = 15 + 16, kMemory = 8;
  z_stream z{};
  require(deflateInit2(&z, level, Z_DEFLATED, kGzipWindow, kMemory, Z_DEFAULT_STRATEGY) == Z_OK,
          "gzip: out of memory");
  std::string out(deflateBound(&z, bytes.size()), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  z.avail_in = static_cast<uInt>(bytes.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  const int result = deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  require(result == Z_STREAM_END, "gzip: could not compress {} bytes", bytes.size());
  return out;
}

}  // namespace san::serve
