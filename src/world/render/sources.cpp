#include "world/render/sources.h"

#include <algorithm>
#include <array>

namespace san {

namespace {

// Looked at one by one: other things of the same name, and drawings framed in a square that would be their
// mask.
constexpr std::string_view kWrongStreamline =
    " factory castle tent carousel-horse ferris-wheel ship rainbow necktie headphone tennis-1 turkey "
    "fountain "
    "roller-coaster ";
constexpr std::string_view kWrongIconPark =
    " mouse cooking anchor bowling tennis ring heart keyboard torch envelope apple scissors pill telescope "
    "trumpet "
    "handbag seal turkey chicken rock seat cook magic-wand ";

}  // namespace

const std::vector<SourcePackage>& source_packages() {
  using enum SourceKind;
  static const std::vector<SourcePackage> packages = {
      {kIconify, "noto", "@iconify-json/noto", "1.2.9", "Apache-2.0", "Google Inc (Noto Emoji)",
       "https://github.com/googlefonts/noto-emoji", Role::kTrain},
      {kIconify, "noto-v1", "@iconify-json/noto-v1", "1.2.5", "Apache-2.0",
       "Google Inc (Noto Emoji, version 1)", "https://github.com/googlefonts/noto-emoji", Role::kTrain},
      {kIconify, "twemoji", "@iconify-json/twemoji", "1.2.5", "CC-BY-4.0",
       "Twitter and the Twemoji contributors", "https://github.com/twitter/twemoji", Role::kTrain},
      {kIconify, "fluent-emoji-flat", "@iconify-json/fluent-emoji-flat", "1.2.6", "MIT",
       "Microsoft Corporation (Fluent Emoji)", "https://github.com/microsoft/fluentui-emoji", Role::kTrain},
      {kIconify, "fluent-emoji", "@iconify-json/fluent-emoji", "1.2.7", "MIT",
       "Microsoft Corporation (Fluent Emoji)", "https://github.com/microsoft/fluentui-emoji", Role::kTrain},
      {kEmojiImages, "fluent-emoji-3d", "@lobehub/fluent-emoji-3d", "1.1.0", "MIT",
       "Microsoft Corporation (Fluent Emoji), packed by LobeHub",
       "https://github.com/microsoft/fluentui-emoji", Role::kTrain},
      {kIconify, "emojione", "@iconify-json/emojione", "1.2.3", "CC-BY-4.0", "EmojiOne (version 2)",
       "https://github.com/EmojiTwo/emojitwo", Role::kTrain},
      {kIconify, "fxemoji", "@iconify-json/fxemoji", "1.2.2", "Apache-2.0", "Mozilla (FxEmojis)",
       "https://github.com/mozilla/fxemoji", Role::kTrain},
      {kIconify,
       "streamline",
       "@iconify-json/streamline-emojis",
       "1.2.4",
       "CC-BY-4.0",
       "Streamline (Streamline Emojis)",
       "https://github.com/webalys-hq/streamline-vectors",
       Role::kTrainExtra,
       {true, "", false, kWrongStreamline}},
      {kIconify,
       "fluent-emoji-lines",
       "@iconify-json/fluent-emoji-high-contrast",
       "1.2.6",
       "MIT",
       "Microsoft Corporation (Fluent Emoji)",
       "https://github.com/microsoft/fluentui-emoji",
       Role::kTrainExtra,
       {false, "fluent-emoji-flat", true}},
      {kIconify,
       "emojione-lines",
       "@iconify-json/emojione-monotone",
       "1.2.1",
       "CC-BY-4.0",
       "EmojiOne (version 2)",
       "https://github.com/EmojiTwo/emojitwo",
       Role::kTrainExtra,
       {false, "emojione"}},
      {kIconify,
       "icon-park",
       "@iconify-json/icon-park",
       "1.2.4",
       "Apache-2.0",
       "ByteDance (IconPark)",
       "https://github.com/bytedance/IconPark",
       Role::kTrainExtra,
       {true, "noto", false, kWrongIconPark}},
      {kIconify,
       "noto outlined",
       "@iconify-json/noto",
       "1.2.9",
       "Apache-2.0",
       "Google Inc (Noto Emoji)",
       "https://github.com/googlefonts/noto-emoji",
       Role::kTrainExtra,
       {.line = 0.02}},
      {kIconify,
       "noto-v1 outlined",
       "@iconify-json/noto-v1",
       "1.2.5",
       "Apache-2.0",
       "Google Inc (Noto Emoji, version 1)",
       "https://github.com/googlefonts/noto-emoji",
       Role::kTrainExtra,
       {.line = 0.024}},
      {kIconify,
       "twemoji outlined",
       "@iconify-json/twemoji",
       "1.2.5",
       "CC-BY-4.0",
       "Twitter and the Twemoji contributors",
       "https://github.com/twitter/twemoji",
       Role::kTrainExtra,
       {.line = 0.026}},
      {kIconify,
       "fluent-emoji-flat outlined",
       "@iconify-json/fluent-emoji-flat",
       "1.2.6",
       "MIT",
       "Microsoft Corporation (Fluent Emoji)",
       "https://github.com/microsoft/fluentui-emoji",
       Role::kTrainExtra,
       {.line = 0.028}},
      {kIconify,
       "emojione outlined",
       "@iconify-json/emojione",
       "1.2.3",
       "CC-BY-4.0",
       "EmojiOne (version 2)",
       "https://github.com/EmojiTwo/emojitwo",
       Role::kTrainExtra,
       {.line = 0.018}},
      {kIconify,
       "fxemoji outlined",
       "@iconify-json/fxemoji",
       "1.2.2",
       "Apache-2.0",
       "Mozilla (FxEmojis)",
       "https://github.com/mozilla/fxemoji",
       Role::kTrainExtra,
       {.line = 0.024}},
      {kGreyTextures, "photographed texture", "python3-skimage", "", "CC0-1.0",
       "CC0 Textures and linolafett, packed by scikit-image", "https://scikit-image.org", Role::kTrainExtra},
      {kClipart, "openclipart", "openclipart-svg", "", "public domain", "Open Clip Art Library contributors",
       "https://openclipart.org", Role::kTrain},
      {kPanoramas, "panorama", "@pmndrs/assets", "1.7.0", "CC0-1.0", "Poly Haven, packed by pmndrs",
       "https://github.com/pmndrs/assets", Role::kTrain},
      {kIconify, "openmoji", "@iconify-json/openmoji", "1.2.29", "CC-BY-SA-4.0", "OpenMoji",
       "https://github.com/hfg-gmuend/openmoji", Role::kHeldOutStyle},
      {kIconify, "emojione-v1", "@iconify-json/emojione-v1", "1.2.3", "CC-BY-SA-4.0", "EmojiOne (version 1)",
       "https://github.com/joypixels/emojione-legacy", Role::kNearStyle},
      {kStamps, "tuxpaint", "tuxpaint-stamps-default", "", "GPL-2.0-or-later", "Tux Paint contributors",
       "https://tuxpaint.org", Role::kPhoto},
      {kGroundTextures, "extremetuxracer", "extremetuxracer-data", "", "GPL-2.0-or-later",
       "Extreme Tux Racer contributors", "https://sourceforge.net/projects/extremetuxracer",
       Role::kTestBackground},
      {kTemplates, "tuxpaint-templates", "tuxpaint-data", "", "GPL-2.0-or-later", "Tux Paint contributors",
       "https://tuxpaint.org", Role::kTestBackground},
  };
  return packages;
}

bool is_test_panorama(std::string_view name) {
  constexpr std::array<std::string_view, 5> kKept = {"bridge", "esplanade", "forest", "lobby", "sunset"};
  return std::find(kKept.begin(), kKept.end(), name) != kKept.end();
}

}  // namespace san
