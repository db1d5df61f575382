#pragma once
#include <string>
#include <string_view>

namespace san {

/// A file to fetch, as users write it:
///   hf:OWNER/REPO/FILE[@REVISION]   of the Hugging Face hub, or of the one that $HF_ENDPOINT names
///   https://…, file://…             any address; http:// only of this machine
struct Reference {
  enum class Kind { kHub, kUrl };
  Kind kind = Kind::kUrl;
  std::string text;                        ///< as written
  std::string repository, file, revision;  ///< of kHub; the revision is "main" unless given
  std::string url;                         ///< what to ask for
  std::string host;                        ///< for people; "this machine" for file://
};

/// Throws Error saying what is wrong with `text` and what the forms are.
Reference parse_reference(std::string_view text);

/// Whether `text` has one of the forms (it may still be wrong in itself).
bool looks_like_reference(std::string_view text);

/// $HF_ENDPOINT without a trailing slash, or https://huggingface.co. Throws Error when it is no http(s)
/// address.
std::string hub_endpoint();

/// scheme://host:port of an address in lower case, the port always given: what a token is bound to. Throws
/// Error when `url` is none.
std::string origin_of(const std::string& url);

/// The host of an address, for people. Throws as origin_of().
std::string host_of(const std::string& url);

/// `location` of a redirect as seen from `base` (RFC 3986 §5, as far as servers use it): absolute, //host,
/// /path or relative.
std::string resolve_url(const std::string& base, const std::string& location);

/// A file name made of a reference or a model's name: letters, digits, '.', '-' and '_' stay, '/' becomes
/// "--", anything else "_".
std::string file_name_for(std::string_view text);

}  // namespace san
