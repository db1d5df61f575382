#include "text/text_cleaning.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "text/html_entities.h"
#include "text/unicode.h"

namespace san {
namespace {

std::string clean(std::string_view text) {
  return unicode::encode_utf8(clean_text(text));
}
std::string unescaped(std::u32string_view text) {
  return unicode::encode_utf8(unescape_html(text));
}

TEST(CleanText, CollapsesSpacesAndLowers) {
  EXPECT_EQ(clean("  A\t\nB \xc2\xa0\xe3\x80\x80 C  "), "a b c");
  EXPECT_EQ(clean(""), "");
}

TEST(CleanText, RepairsWhatFtfyRepairs) {
  EXPECT_EQ(clean("schÃ¶n"), "schön");
  EXPECT_EQ(clean("â€œquotedâ€\u009d"), clean("“quoted”"))
      << "Windows-1252 with an unassigned byte, as UTF-8 C1";
  EXPECT_EQ(clean("donâ€™t"), "don't");
  EXPECT_EQ(clean("ÃƒÂ©"), "é") << "encoded twice";
  EXPECT_EQ(clean("“a” ‘b’ ﬁsh ＡＢ１ Ǆ"), "\"a\" 'b' fish ab1 dž");
  EXPECT_EQ(clean("a\r\nb\rc\u2028d\u0085"), "a b c d…");
  EXPECT_EQ(clean("\x1b[36;44mblue\x1b[0m\x07\ufeff"), "blue");
  EXPECT_EQ(clean("e\u0301clair ﾊﾟ"), "éclair パ");
  EXPECT_EQ(clean("&eacute;&rsquo;"), "é'");
}

TEST(CleanText, LeavesHonestTextAlone) {
  for (const char* text : {"AHÅ™", "naïve café", "猫と犬", "кошка", "größe – à la carte", "½ ①"})
    EXPECT_EQ(unicode::encode_utf8(repair_text(unicode::decode_utf8(text))), text);
}

TEST(CleanText, NestedReferencesEnd) {
  std::string nested = "&";
  for (int i = 0; i < 20'000; ++i) nested += "amp;";
  EXPECT_THROW(clean(nested), Error);
  EXPECT_EQ(clean("&amp;amp;amp;amp;amp;amp;amp;lt;"), "<");
}

// Expected values: Python 3.11's html.unescape.
TEST(UnescapeHtml, FollowsPython) {
  EXPECT_EQ(unescaped(U"&lt;b&gt; &amp &ampx &notit; &nosuch; & &;"), "<b> & &x ¬it; &nosuch; & &;");
  EXPECT_EQ(unescaped(U"&#65;&#x41;&#X41&#65 &#; &#x;"), "AAAA &#; &#x;");
  EXPECT_EQ(unescaped(U"&#0;&#xd800;&#x110000;&#99999999999;"), "\ufffd\ufffd\ufffd\ufffd");
  EXPECT_EQ(unescaped(U"&#128;&#x81;&#1;&#x7f;&#xfffe;|"), "€\u0081|");
  EXPECT_EQ(unescaped(U"&NotEqualTilde;"), "≂\u0338");
}

TEST(Unicode, LowersSpecialCases) {
  const auto lower = [](std::u32string_view text) { return unicode::encode_utf8(unicode::to_lower(text)); };
  EXPECT_EQ(lower(U"ΟΔΟΣ ΣΑΣ. Σ Α'Σ"), "οδος σας. σ α'ς");
  EXPECT_EQ(lower(U"İSTANBUL"), "i\u0307stanbul");
  EXPECT_EQ(lower(U"ÀÉÎ ЖЩ Ａ ẞ ᲀ ǅ"), "àéî жщ ａ ß ᲀ ǆ");
}

TEST(Unicode, ComposesCanonically) {
  const auto nfc = [](std::u32string_view text) { return unicode::encode_utf8(unicode::nfc(text)); };
  EXPECT_EQ(nfc(U"e\u0301"), "é");
  EXPECT_EQ(nfc(U"a\u0323\u0302"), "ậ");
  EXPECT_EQ(nfc(U"a\u0302\u0323"), "ậ") << "marks are put in order first";
  EXPECT_EQ(nfc(U"\u1112\u1161\u11ab\u212b"), "한Å");
  EXPECT_EQ(nfc(U"\u0958"), "\u0915\u093c") << "excluded from composition";
  EXPECT_EQ(nfc(U"a\u0301b\u0301"), "áb\u0301");
}

TEST(Unicode, Utf8RoundTripAndRefusals) {
  const std::string text = "aé猫😀";
  EXPECT_EQ(unicode::encode_utf8(unicode::decode_utf8(text)), text);
  for (const char* bad : {"\x80", "\xc3", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                          "\xf5\x80\x80\x80", "\xe7\x8c"})
    EXPECT_FALSE(unicode::try_decode_utf8(bad).has_value());
}

}  // namespace
}  // namespace san
