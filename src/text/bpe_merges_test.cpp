#include "text/bpe_merges.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <nlohmann/json.hpp>

#include "base/atomic_file.h"
#include "base/test_error.h"
#include "text/bpe_tokenizer.h"
#include "text/clip_bpe_for_tests.h"
#include "text/gzip.h"

namespace san {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string gzip(const std::string& text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

nlohmann::json tokenizer_json(const BpeMerges& merges) {
  nlohmann::json vocab = nlohmann::json::object();
  for (std::size_t i = 0; i < merges.size(); ++i) {
    std::string token = merges[i];
    vocab[token.erase(token.find(' '), 1)] = 512 + i;
  }
  return {{"model", {{"type", "BPE"}, {"end_of_word_suffix", "</w>"}, {"vocab", vocab}, {"merges", merges}}}};
}

std::string error_of(const std::string& content) {
  return test::error_of([&] { parse_bpe_merges(content, "here"); });
}

TEST(BpeMerges, ReadsEveryKindOfFile) {
  const auto expected = ElementsAre("l o", "lo w</w>");
  EXPECT_THAT(parse_bpe_merges("l o\nlo w</w>\n", "plain"), expected);
  EXPECT_THAT(parse_bpe_merges("l o\nlo w</w>", "plain"), expected);
  EXPECT_THAT(parse_bpe_merges("\"bpe_simple_vocab_16e6.txt#version: 0.2\nl o\nlo w</w>\n", "OpenAI"),
              expected);
  EXPECT_THAT(parse_bpe_merges("#version: 0.2\r\nl o\r\nlo w</w>\r\n", "merges.txt"), expected);
  auto json = tokenizer_json({"l o", "lo w</w>"});
  EXPECT_THAT(parse_bpe_merges(json.dump(), "tokenizer.json"), expected);
  json["model"]["merges"] = nlohmann::json::parse(R"([["l", "o"], ["lo", "w</w>"]])");
  EXPECT_THAT(parse_bpe_merges(json.dump(2), "tokenizer.json"), expected);
}

TEST(BpeMerges, TakesNoMoreThanTheLimit) {
  EXPECT_THAT(parse_bpe_merges("a b\nc d\ne f\n", "x", 2), ElementsAre("a b", "c d"));
  EXPECT_THAT(parse_bpe_merges(tokenizer_json({"a b", "c d", "e f"}).dump(), "x", 2),
              ElementsAre("a b", "c d"));
}

TEST(BpeMerges, BracesAreMergesToo) {
  EXPECT_THAT(parse_bpe_merges("{ {\n} }\n", "x"), ElementsAre("{ {", "} }"));
}

TEST(BpeMerges, FormatsWhatItParses) {
  const BpeMerges merges{"l o", "lo w</w>", "{ {"};
  EXPECT_EQ(parse_bpe_merges(format_bpe_merges(merges), "x"), merges);
}

TEST(BpeMerges, MalformedContentIsOneClearError) {
  EXPECT_THAT(error_of(""), HasSubstr("here: no byte-pair merges"));
  EXPECT_THAT(error_of("#version: 0.2\n"), HasSubstr("no byte-pair merges"));
  EXPECT_THAT(error_of("l o\nlow\n"), HasSubstr("merge 2 is 'low'"));
  EXPECT_THAT(error_of("l o w\n"), HasSubstr("merge 1"));
  EXPECT_THAT(error_of("l o\n\nx y\n"), HasSubstr("merge 2 is ''"));
  EXPECT_THAT(error_of(" lo\n"), HasSubstr("merge 1"));
  EXPECT_THAT(error_of("a " + std::string(2000, 'b')), HasSubstr("2002 bytes long"));
  EXPECT_THAT(error_of("{\"model\": "), HasSubstr("cannot be parsed"));
  EXPECT_THAT(error_of("{\"model\": 3}"), HasSubstr("no object 'model'"));
  EXPECT_THAT(error_of("{}"), HasSubstr("no object 'model'"));
  EXPECT_THAT(error_of("{\"model\": {\"merges\": []}}"), HasSubstr("not CLIP's"));
  EXPECT_THAT(error_of(std::string(100'000, '{').insert(1, "\"a\":")), HasSubstr("cannot be parsed"));
  auto json = tokenizer_json({"l o"});
  json["model"]["merges"] = nlohmann::json::array({1});
  EXPECT_THAT(error_of(json.dump()), HasSubstr("neither a string nor a pair"));
  json = tokenizer_json({"l o"});
  json["model"]["vocab"]["lo"] = 300;
  EXPECT_THAT(error_of(json.dump()), HasSubstr("token 'lo' is not numbered 512"));
  EXPECT_THAT(error_of(std::string((32u << 20) + 1, 'a')), HasSubstr("more than the"));
}

TEST(BpeMerges, GzipIsBoundedAndChecked) {
  EXPECT_EQ(gunzip(gzip("l o\n"), "x", 100), "l o\n");
  EXPECT_THROW(gunzip(gzip(std::string(1000, 'a')), "x", 999), Error);
  const std::string whole = gzip("l o\nlo w</w>\n");
  for (std::size_t length = 2; length < whole.size(); ++length)
    EXPECT_THROW(gunzip(whole.substr(0, length), "x", 100), Error) << length;
  std::string damaged = whole;
  damaged[damaged.size() - 6] ^= 1;
  EXPECT_THROW(gunzip(damaged, "x", 100), Error);
}

TEST(BpeMerges, LoadsAPlainAndACompressedFile) {
  const auto path = std::filesystem::path(testing::TempDir()) / "san_merges";
  write_file_atomically(path, "l o\n");
  EXPECT_THAT(load_bpe_merges(path), ElementsAre("l o"));
  write_file_atomically(path, gzip("l o\n"));
  EXPECT_THAT(load_bpe_merges(path), ElementsAre("l o"));
  std::filesystem::remove(path);
  EXPECT_THROW(load_bpe_merges(path), Error);
}

TEST(BpeMerges, ClipsOwnFileHasItsMerges) {
  const auto path = clip_bpe_path();
  if (path.empty()) GTEST_SKIP() << kClipBpeMissing;
  const BpeMerges merges = load_bpe_merges(path);
  EXPECT_EQ(merges.size(), kClipMergeCount);
  EXPECT_EQ(merges.front(), "i n");
  EXPECT_EQ(parse_bpe_merges(tokenizer_json(merges).dump(), "as JSON"), merges);
}

}  // namespace
}  // namespace san
