#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "san/class_names.hpp"
#include "san/colors.hpp"
#include "san/image.hpp"
#include "san/masks.hpp"
#include "san/overlay_options.hpp"
#include "san/segmenter.hpp"
#include "serve/fields.h"
#include "serve/http.h"

namespace san::serve {

/// What a request may ask for; the program's options.
struct Limits {
  std::size_t body_bytes = std::size_t{32} << 20;
  std::int64_t pixels = 50'000'000;
  int side = 32768;       ///< of a picture, pixels
  int short_side = 2048;  ///< that a request may ask the network's input to have
  int tiles = 64;         ///< of one picture
  std::size_t classes = 1000;
  std::size_t name_bytes = 256;  ///< of one class with its synonyms
};

/// Which examples are asked beside the words.
struct BankChoice {
  bool wanted = true;
  std::string name;   ///< empty: the model's own, where the service was started with one
  float weight = -1;  ///< of examples beside words; negative: the bank's own

  friend bool operator==(const BankChoice&, const BankChoice&) = default;
};

enum class Output : std::uint8_t { kLabels, kOverlay, kJson, kProposals, kScores, kRunnerUp };

/// What is looked for: classes as given, a stored vocabulary, or a label set. Exactly one.
struct Words {
  std::vector<ClassName> classes;
  std::vector<ClassName> distractors;  ///< looked for too, but what they win becomes "other"
  bool choose_distractors = false;     ///< instead: those that Model::distractors() chooses for the classes
  std::vector<std::string> templates;  ///< empty: the model's own
  std::string vocabulary;
};

struct SegmentRequest {
  std::string model;                    ///< empty: the first
  std::string image;                    ///< a file's bytes
  std::string image_sha256;             ///< instead: of a picture that was sent before
  std::shared_ptr<const Image> pixels;  ///< instead: decoded already
  std::string image_name = "image";
  Words words;
  std::vector<Output> outputs;
  bool other = false;  ///< pixels that the learned background wins become "other"
  int short_side = 0;
  int tile = 0;           ///< side of tiles that are looked at one by one, pixels; 0: the picture at once
  int tile_overlap = -1;  ///< pixels; -1: a quarter of the side
  Preprocessing preprocessing = Preprocessing::kEvaluation;
  std::optional<bool> refine;  ///< edges follow the picture's; none: as the service's option says
  BankChoice bank;
  std::vector<Rgb> colors;  ///< one per class, or none: distinct ones
  OverlayOptions overlay;
  ProposalOptions proposals;
  int score_side = 512;  ///< longest side of the runner-up's maps, pixels

  bool wants(Output output) const;
};

/// POST /v1/segment as JSON (the picture in base64) or as a form, by the request's Content-Type. Throws
/// Refusal: 415 on another type, 400 on what is no JSON and no form, 422 on everything that a field may not
/// be.
SegmentRequest read_segment_request(const HttpRequest& request, const Limits& limits);

/// "bank" (true, false or a name) and "bank_weight" of an object.
BankChoice read_bank_choice(const Fields& fields);

/// A region of a picture, and what somebody says that it is.
struct ExampleRequest {
  SegmentRequest segment;  ///< the picture; with a point also the words whose regions are meant
  ClassName name;
  std::optional<std::pair<int, int>> point;  ///< column and row: the region of one label around it
  std::optional<Rle> mask;                   ///< instead
};

/// POST /v1/banks/{name}/examples, in the forms of read_segment_request(), with "class" and "point" or
/// "mask". Throws Refusal.
ExampleRequest read_example_request(const HttpRequest& request, const Limits& limits);

/// The words of an object: "classes" or "vocabulary" or "label_set", "distractors", "templates".
Words read_words(const Fields& fields, const Limits& limits);

/// Classes of a list of texts, each with synonyms behind bars. Throws Refusal 422 naming `field`.
std::vector<ClassName> read_classes(const std::vector<std::string>& texts, const std::string& field);

/// The bytes of RFC 4648's base 64, of a "data:" address too. Throws Refusal 422 naming `field`.
std::string read_base64(std::string_view text, const std::string& field);

/// A name for something that is kept: 1 to 64 of a-z A-Z 0-9 . _ - and not a dot first. Throws Refusal 422.
void check_name(std::string_view name, const std::string& field);

}  // namespace san::serve
