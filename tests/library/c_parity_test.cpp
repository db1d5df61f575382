// The C interface has what the C++ one has, name by name, or a reason why not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <sstream>

#include "public_names.h"
#include "support/files.h"

namespace san::testing {
namespace {

namespace fs = std::filesystem;

/// Of types: where C has their members by the same names, "san_…_" functions, "san_….": fields.
const std::map<std::string, std::string> kTypes{{"Bank", "san_bank_"},
                                                {"BankBuilder", "san_bank_builder_"},
                                                {"DecodeOptions", "san_decode_options."},
                                                {"Georeference", "san_georeference."},
                                                {"Georeference::Tag", "san_tiff_tag."},
                                                {"ImageFeatures", "san_features_"},
                                                {"Image", "san_pixels."},
                                                {"ImageView", "san_pixels."},
                                                {"JsonOptions", "san_json_options."},
                                                {"LabelPolygon", "san_polygon."},
                                                {"LabelRows", "san_label_rows."},
                                                {"LabelTiff", "san_label_tiff_"},
                                                {"MaskProposal", "san_proposal."},
                                                {"Model", "san_model_"},
                                                {"ModelFacts", "san_model_facts."},
                                                {"ModelOptions", "san_model_options."},
                                                {"OverlayOptions", "san_overlay_options."},
                                                {"PictureCost", "san_cost."},
                                                {"PictureParts", "san_picture_parts."},
                                                {"Segmentation", "san_result_"},
                                                {"SegmentationOptions", "san_segment_options."},
                                                {"Segmenter", "san_"},
                                                {"Stream", "san_stream_"},
                                                {"StreamOptions", "san_stream_options."},
                                                {"ThreadBudget", "san_threads_"},
                                                {"TiffPicture", "san_tiff_"},
                                                {"Timing", "san_timing."},
                                                {"Vocabulary", "san_vocabulary_"},
                                                {"VocabularyOptions", "san_vocabulary_options."},
                                                {"WholeClip", "san_whole_clip_"},
                                                {"WholeClipOptions", "san_whole_clip_options."}};

/// Of names that C calls otherwise.
const std::map<std::string, std::string> kOtherwise{
    {"Bank::Class::examples", "san_bank_examples"},
    {"Bank::Class::name", "san_bank_class"},
    {"Bank::Class::pictures", "san_bank_pictures"},
    {"Bank::Gate::closed", "san_bank_gate"},
    {"Bank::Gate::open", "san_bank_gate"},
    {"Bank::classes", "san_bank_size san_bank_class"},
    {"Bank::pictures", "san_bank_all_pictures"},
    {"BankBuilder::add", "san_bank_builder_add san_bank_builder_add_whole"},
    {"BankBuilder::add_regions", "san_bank_builder_add_regions san_bank_builder_add_regions_cancellable"},
    {"Corner::x", "san_polygon.corners"},
    {"Corner::y", "san_polygon.corners"},
    {"Image::Image", "san_image_copy"},
    {"Image::rgb", "san_pixels.data san_image_pixels"},
    {"Image::row_bytes", "san_pixels.stride_bytes"},
    {"ImageView::stride", "san_pixels.stride_bytes"},
    {"LabelPolygon::rings", "san_polygon.corners san_polygon.ring_sizes san_polygon.ring_count"},
    {"LabelSet::classes", "san_label_set_size san_label_set_class.name"},
    {"LabelSet::dataset_ids", "san_label_set_class.dataset_id"},
    {"LabelSet::is_thing", "san_label_set_class.is_thing"},
    {"LabelSet::name", "san_label_set_name"},
    {"LabelSet::palette", "san_label_set_palette"},
    {"LabelTiff::LabelTiff", "san_label_tiff_create san_label_tiff_options.georeference"},
    {"MaskProposal::mask", "san_proposals_mask san_proposal.rle_counts san_proposal.area"},
    {"Model::bank_builder", "san_bank_builder_create san_bank_builder_continue"},
    {"Model::cost", "san_model_get_cost"},
    {"Model::description", "san_model_facts.description"},
    {"Model::distractors", "san_distractors"},
    {"Model::facts", "san_model_get_facts"},
    {"Model::load_vocabulary", "san_vocabulary_load"},
    {"Model::segmenter", "san_segmenter_create"},
    {"Model::takes", "san_model_takes_bank"},
    {"Model::vocabulary", "san_vocabulary_create"},
    {"Model::with_bank", "san_vocabulary_with_bank"},
    {"ModelFacts::curve", "san_model_facts.curve_a san_model_facts.curve_b"},
    {"ModelFacts::templates", "san_model_template san_model_facts.template_count"},
    {"OverlayOptions::contours", "san_overlay_options.no_contours"},
    {"OverlayOptions::legend", "san_overlay_options.no_legend"},
    {"OverlayOptions::names", "san_overlay_options.no_names"},
    {"PixelFormat::kBgr", "SAN_BGR"},
    {"PixelFormat::kBgra", "SAN_BGRA"},
    {"PixelFormat::kGrey", "SAN_GREY"},
    {"PixelFormat::kRgb", "SAN_RGB"},
    {"PixelFormat::kRgba", "SAN_RGBA"},
    {"Preprocessing::kDemo", "SAN_DEMO"},
    {"Preprocessing::kEvaluation", "SAN_EVALUATION"},
    {"ProposalOptions::min_class_score", "san_result_proposals"},
    {"ProposalOptions::threshold", "san_result_proposals"},
    {"Rle::area", "san_result_area san_proposal.area"},
    {"ScoreCurve::a", "san_model_facts.curve_a"},
    {"ScoreCurve::b", "san_model_facts.curve_b"},
    {"ScoreCurve::known", "san_model_facts.knows_curve"},
    {"Segmentation::areas", "san_result_area"},
    {"Segmentation::classes", "san_result_classes san_result_class"},
    {"Segmentation::json", "san_result_json san_result_json_with"},
    {"Segmentation::timing", "san_result_get_timing"},
    {"SegmentationOptions::watch", "san_segment_options.cancellation san_segment_options.progress"},
    {"Segmenter::segment",
     "san_segment san_segment_into san_segment_labels san_segment_features san_segment_features_into"},
    {"Segmenter::warm_up", "san_segmenter_warm_up"},
    {"ThreadBudget::threads", "san_threads_count"},
    {"TiffPicture::TiffPicture", "san_tiff_open"},
    {"TiffPicture::georeference", "san_tiff_get_georeference"},
    {"TiffPicture::is_tiff", "san_is_tiff"},
    {"Vocabulary::classes", "san_vocabulary_size san_vocabulary_class"},
    {"VocabularyOptions::use_cache", "san_vocabulary_options.no_cache"},
    {"VocabularyOptions::watch", "san_vocabulary_options.cancellation san_vocabulary_options.progress"},
    {"Watch::cancelled", "san_cancellation_create san_cancellation_cancel san_cancellation_reset"},
    {"Watch::progress", "san_segment_options.progress san_segment_options.user"},
    {"backends", "san_backend_name"},
    {"decode_image", "san_image_decode"},
    {"draw_overlay", "san_result_overlay"},
    {"encode_rles", "san_result_rle"},
    {"label_set", "san_label_set_get"},
    {"label_set_classes", "san_vocabulary_of_label_set"},
    {"load_class_file", "san_vocabulary_read"},
    {"load_image", "san_image_load"},
    {"methods", "san_method_name"},
    {"paint_overlay", "san_result_paint_overlay"},
    {"paint_polygon", "san_paint_polygons"},
    {"parse_class", "san_vocabulary_create"},
    {"parse_class_list", "san_vocabulary_parse"},
    {"parse_classes", "san_vocabulary_create"},
    {"sheet_cell", "san_result_sheet_cell"},
    {"shipped_label_sets", "san_label_set_name"},
    {"to_image", "san_image_copy san_image_set"},
    {"with_synonyms", "san_vocabulary_options.synonyms"}};

/// What C does not have, and why. "Type::*": all members.
const std::map<std::string, std::string> kNotInC{
    {"ClassName::*", "a list of classes becomes a vocabulary at once; its labels are san_vocabulary_class"},
    {"Image::row", "pointer arithmetic on san_pixels"},
    {"ImageView::ImageView", "san_pixels is filled field by field"},
    {"LabelMap::*", "in C an array of uint16_t or uint32_t whose sizes are arguments"},
    {"Rle::counts", "run lengths are COCO's compressed text in C, sizes arguments"},
    {"Rle::height", "as Rle::counts"},
    {"Rle::width", "as Rle::counts"},
    {"ScoreCurve::kSteepest", "a bound that loading has checked"},
    {"ScoreCurve::probability", "one pow() of san_model_facts.curve_a and curve_b"},
    {"ScoreCurve::score_of", "as ScoreCurve::probability"},
    {"ScoreCurve::valid", "a bound that loading has checked"},
    {"Timing::total_ms", "a sum of three fields"},
    {"bytes_per_pixel", "the format says it"},
    {"kManyClasses", "san_vocabulary_options.choose_distractors heeds it"},
    {"kNoLabel", "a macro, SAN_NO_LABEL"},
    {"kOtherColor", "told beside san_distinct_colors"},
    {"mat", "of OpenCV's C++ classes"},
    {"paint_rle", "san_decode_rle and a loop"},
    {"rle_counts_from_string", "as Rle::counts"},
    {"rle_counts_to_string", "as Rle::counts"},
    {"view", "of OpenCV's C++ classes"}};

/// What C needs because its handles, errors and lists are no objects; beside every *_free.
const std::set<std::string> kOnlyInC{"san_api_version",   "san_buffer_data",     "san_buffer_size",
                                     "san_last_error",    "san_last_status",     "san_polygons_count",
                                     "san_polygons_get",  "san_proposals_count", "san_proposals_get",
                                     "san_result_height", "san_result_width"};

std::string headers(const std::string& extension) {
  const fs::path folder = fs::path(SAN_SOURCE_DIR) / "include/san";
  std::string text;
  for (const std::string& file : files_below(folder))
    if (fs::path(file).extension() == extension) text += read_file(folder / file) + "\n";
  return text;
}

/// Functions, enumerators, and fields as "struct.field".
std::set<std::string> names_of_c() {
  const std::string text = std::regex_replace(headers(".h"), std::regex(R"(/\*[^]*?\*/)"), " ");
  std::set<std::string> names;
  const auto each = [](const std::string& in, const std::string& pattern, const auto& use) {
    const std::regex regex(pattern);
    for (std::sregex_iterator it(in.begin(), in.end(), regex), end; it != end; ++it) use(*it);
  };
  each(text, R"(SAN_C_API[^;(]*?(san_\w+)\()", [&](const auto& m) { names.insert(m[1]); });
  each(text, R"(\b(SAN_[A-Z]+) = \d)", [&](const auto& m) { names.insert(m[1]); });
  each(text, R"(typedef struct (san_\w+) \{([^}]*)\})", [&](const auto& of) {
    each(of[2], R"((\w+)\s*[,;)])", [&](const auto& m) { names.insert(of[1].str() + "." + m[1].str()); });
  });
  return names;
}

std::vector<std::string> words(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

std::string in_c(const std::string& name) {
  if (const auto found = kOtherwise.find(name); found != kOtherwise.end()) return found->second;
  const std::size_t at = name.rfind("::");
  if (at == std::string::npos) return "san_" + name;
  const std::string type = name.substr(0, at), member = name.substr(at + 2);
  const auto found = kTypes.find(type);
  if (found == kTypes.end()) return "";
  return found->second + (member == type ? "create" : member);
}

bool is_left_out(const std::string& name) {
  return kNotInC.contains(name) || kNotInC.contains(name.substr(0, name.rfind("::")) + "::*");
}

TEST(CParity, EveryNameOfCppHasOneInC) {
  const std::set<std::string> c = names_of_c();
  ASSERT_GE(c.size(), 200u);
  for (const std::string& name : public_names(headers(".hpp"))) {
    const std::vector<std::string> there = words(in_c(name));
    if (is_left_out(name)) {
      EXPECT_FALSE(kOtherwise.contains(name)) << name << " is said to be in C and not to be";
      continue;
    }
    EXPECT_FALSE(there.empty()) << name << " is not in C: add it, or say here why not";
    for (const std::string& word : there)
      EXPECT_TRUE(c.contains(word)) << name << " is not in C as " << word
                                    << ": add it, or say here how it is called or why it is not there";
  }
}

TEST(CParity, EveryFunctionOfCIsKnownHere) {
  std::set<std::string> known = kOnlyInC;
  for (const std::string& name : public_names(headers(".hpp")))
    for (const std::string& word : words(in_c(name))) known.insert(word);
  for (const std::string& name : names_of_c()) {
    const bool function = name.find('.') == std::string::npos && name.starts_with("san_");
    // Those of labels of 32 bits stand beside those of 16.
    const std::string meant = name.ends_with("32") ? name.substr(0, name.size() - 2) : name;
    EXPECT_TRUE(!function || name.ends_with("_free") || known.contains(meant))
        << name << " stands for nothing of C++";
  }
}

TEST(CParity, ListsNameOnlyWhatIsThere) {
  const std::set<std::string> cpp = public_names(headers(".hpp")), c = names_of_c();
  for (const auto& [name, other] : kOtherwise) EXPECT_TRUE(cpp.contains(name)) << name << " is gone from C++";
  for (const auto& [name, reason] : kNotInC) {
    const std::string prefix = name.ends_with("*") ? name.substr(0, name.size() - 1) : name;
    const auto found = cpp.lower_bound(prefix);
    EXPECT_TRUE(found != cpp.end() && (name == prefix ? *found == name : found->starts_with(prefix)))
        << name << " is gone from C++";
  }
  for (const std::string& name : kOnlyInC) EXPECT_TRUE(c.contains(name)) << name << " is gone from C";
}

TEST(PublicNames, AreReadFromHeaders) {
  EXPECT_EQ(
      public_names(R"(#pragma once
#define SAN_API
namespace san {
class Elsewhere;
/// enum class Comment { kNone };
enum class Kind : unsigned char { kOne, /* or */ kTwo = 3 };
inline constexpr std::size_t kMany = std::size_t{1} << 4;
constexpr Rgb kGrey{1, 2, 3};
struct Options {
  struct Part { float low = 0, high = f(1, 2); };
  std::function<void(int y, int x)> read;  ///< a field
  std::map<int, std::vector<int>> table;
  Options() = default;
  Options(int size) : table(make<int>(size)) { if (size < 0) fail("{"); }
  bool known() const { return low != 1; }
  friend bool operator==(const Options&, const Options&) = default;
};
class SAN_API Thing : public Base {
 public:
  using Base::Base;
  explicit Thing(const Options& options = {});
  Thing(Thing&&) noexcept;
  ~Thing();
  static Thing load(const std::string& path = "a;b", const Options& options = {});
  std::vector<std::pair<int, int>> pairs(std::span<const int> of) const;
 private:
  int hidden_ = 0;
  void hide();
};
SAN_API std::vector<Rgb>
colors(std::size_t count);
}  // namespace san
)"),
      (std::set<std::string>{"Kind::kOne", "Kind::kTwo", "Options::Options", "Options::Part::high",
                             "Options::Part::low", "Options::known", "Options::read", "Options::table",
                             "Thing::Thing", "Thing::load", "Thing::pairs", "colors", "kGrey", "kMany"}));
}

}  // namespace
}  // namespace san::testing
