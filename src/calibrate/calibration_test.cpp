#include "calibrate/calibration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "backend/native/native_backend.h"
#include "base/test_error.h"
#include "engine/engine.h"
#include "quantize/quantizer.h"

namespace san {
namespace {

using test::error_of;
using testing::HasSubstr;

Image stripes(int height, int width) {
  Image picture(height, width);
  for (std::size_t i = 0; i < picture.rgb.size(); ++i)
    picture.rgb[i] = static_cast<std::uint8_t>((i / 37 % 5) * 60 + i % 3 * 5);
  return picture;
}

class Calibrate : public testing::Test {
 protected:
  const LoadedModel model_ = load_model("formula:tiny");
  const std::unique_ptr<Backend> backend_ = make_native_backend({2, nullptr});

  CalibrationRequest request() const {
    EncodingOptions encoding;
    encoding.use_cache = false;
    encoding.quiet = true;
    CalibrationRequest r;
    r.pictures = {stripes(70, 90), stripes(64, 64)};
    r.words = encode_vocabulary(model_, *backend_, parse_class_list("cat, sofa, sky"), encoding);
    r.threads = 2;
    r.quiet = true;
    return r;
  }
};

TEST_F(Calibrate, LosesNoMoreLabelsThanAllowedAndKeepsTheWorstLayersFloat) {
  CalibrationRequest r = request();
  r.most_changed = 1;
  const Calibration all = calibrate(model_, *backend_, r);
  EXPECT_GT(all.layers.size(), 20u);
  EXPECT_EQ(all.int8_share(), 1);
  EXPECT_EQ(all.pictures, 2);
  EXPECT_GT(all.changed, 0) << "random weights do not survive rounding unchanged: nothing is tested";
  r.most_changed = all.changed / 2;
  const Calibration some = calibrate(model_, *backend_, r);
  EXPECT_LE(some.changed, r.most_changed);
  EXPECT_LT(some.int8_share(), 1);
  // Whatever stayed float costs alone at least as much as what did not.
  double cheapest_float = 1, dearest_int8 = 0;
  for (const CalibratedLayer& layer : some.layers) {
    EXPECT_GT(layer.macs, 0) << layer.name;
    if (layer.int8)
      dearest_int8 = std::max(dearest_int8, layer.changed);
    else
      cheapest_float = std::min(cheapest_float, layer.changed);
  }
  EXPECT_GE(cheapest_float, dearest_int8);
  r.most_changed = 0;
  EXPECT_EQ(calibrate(model_, *backend_, r).changed, 0);
}

TEST_F(Calibrate, GivesScalesByWeight) {
  CalibrationRequest r = request();
  r.most_changed = 1;
  const Calibration c = calibrate(model_, *backend_, r);
  const CalibratedLayer& first = c.layers.front();
  Param weight{first.name, {}};
  EXPECT_EQ(c.scale(weight), first.scale);
  EXPECT_GT(first.scale, 0);
  weight.name = "nobody";
  EXPECT_EQ(c.scale(weight), 0);
}

TEST_F(Calibrate, TextTowersAreNoPartOfIt) {
  CalibrationRequest r = request();
  r.most_changed = 1;
  for (const CalibratedLayer& layer : calibrate(model_, *backend_, r).layers)
    EXPECT_THAT(layer.name, testing::Not(HasSubstr("ov_classifier.transformer")));
}

TEST_F(Calibrate, NeedsPicturesAndCanBeCancelled) {
  CalibrationRequest r = request();
  const std::atomic<bool> cancelled = true;
  r.cancelled = &cancelled;
  EXPECT_THROW(calibrate(model_, *backend_, r), Cancelled);
  r.pictures.clear();
  EXPECT_THAT(error_of([&] { calibrate(model_, *backend_, r); }), HasSubstr("no picture to look at"));
}

}  // namespace
}  // namespace san
