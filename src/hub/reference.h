#pragma once
#include <string>
#include <string_view>

namespace san {

/// A file to fetch, as users write it:
///   hf:OWNER/REPO/FILE[@REVISION]   of the Hugging Face hub, or of the one that $HF_ENDPOINT names
///   https://…, file://…             any address; http:// only of this machine
/// An address of a file on the hub itself, as its pages show it (…/OWNER/REPO/blob/REVISION/FILE or
/// …/resolve/…), is the first form.
struct Reference {
  enum class Kind { kHub, kUrl, kFile };
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

/// The host of an address, for people. Throws Error when `url` is none.
std::string host_of(std::string_view url);

/// Whether what is sent to that address can be read by nobody on the way: https, or this machine.
bool is_private_way(std::string_view url);

/// A file name for a model's name. A plain one (letters, digits, '.', '-', '_') stays; else '/' becomes "--",
/// other characters "_", and eight digits of its hash keep two names apart.
std::string file_name_for(std::string_view name);

/// Whether `name` is plain in that sense.
bool is_plain_name(std::string_view name);

}  // namespace san
