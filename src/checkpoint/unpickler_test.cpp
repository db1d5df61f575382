#include "checkpoint/unpickler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "checkpoint/test_zip.h"

namespace san {
namespace {

using namespace std::string_literals;
using Kind = Pickle::Kind;
using test::error_of;
using testing::HasSubstr;

Pickle parse(const std::string& bytes) {
  return unpickle(std::as_bytes(std::span(bytes.data(), bytes.size())), "test.pkl");
}
std::string refusal(const std::string& bytes) {
  return error_of([&] { parse(bytes); });
}

std::string repeat(const std::string& part, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += part;
  return out;
}

TEST(Unpickler, Scalars) {
  EXPECT_EQ(parse("N.").root().kind, Kind::kNone);
  EXPECT_EQ(parse("I01\n.").root().kind, Kind::kBool);
  EXPECT_EQ(parse("I-42\n.").root().integer, -42);
  EXPECT_EQ(parse("L123456789012L\n.").root().integer, 123456789012);
  EXPECT_EQ(parse("J\xfb\xff\xff\xff.").root().integer, -5);
  EXPECT_EQ(parse("\x8a\x02\x00\x80."s).root().integer, -32768);
  EXPECT_EQ(parse("\x8a\x00."s).root().integer, 0);
  EXPECT_EQ(parse("\x8a\x09\x01\x02\x03\x04\x05\x06\x07\x08\x09."s).root().kind, Kind::kBigInt);
  EXPECT_EQ(parse("G\x40\x04\x00\x00\x00\x00\x00\x00."s).root().real, 2.5);
  EXPECT_EQ(parse("F-1e3\n.").root().real, -1000);
  EXPECT_TRUE(std::isnan(parse("Fnan\n.").root().real));
  EXPECT_EQ(parse("S'a\\x41\\n'\n.").root().text, "aA\n");
  EXPECT_EQ(parse("Vcaf\xe9 \\u2603\n.").root().text, "café ☃");
  EXPECT_EQ(parse("\x80\x04\x8c\x02hi.").root().text, "hi");
}

TEST(Unpickler, Containers) {
  const Pickle list = parse("(lI1\naI2\na.");
  ASSERT_EQ(list.root().items.size(), 2u);
  EXPECT_EQ(list[list.root().items[1]].integer, 2);
  const Pickle dict = parse("}(X\x01\0\0\0aK\x01X\x01\0\0\0aK\x02u."s);
  EXPECT_EQ(dict.find(dict.root(), "a")->integer, 2);
  EXPECT_EQ(dict.find(dict.root(), "b"), nullptr);
  const Pickle ordered = parse("ccollections\nOrderedDict\n]]X\x01\0\0\0kaK\x07"s + "aa\x85R.");
  EXPECT_EQ(ordered.find(ordered.root(), "k")->integer, 7);
  const Pickle cyclic = parse("]q\0h\0a."s);
  EXPECT_EQ(&cyclic[cyclic.root().items[0]], &cyclic.root());
}

TEST(Unpickler, ExecutesNothing) {
  const Pickle attack = parse("cos\nsystem\n(X\x04\0\0\0true"s + "tR.");
  EXPECT_EQ(attack.root().kind, Kind::kObject);
  EXPECT_EQ(attack.root().text, "os.system");
  EXPECT_THAT(attack.opaque_makers(), testing::ElementsAre("os.system"));
  EXPECT_EQ(parse("(S'true'\nios\nsystem\n.").root().text, "os.system");
  EXPECT_EQ(parse("(cposix\nsystem\nS'true'\no.").root().text, "posix.system");
  EXPECT_EQ(parse("\x8c\x08"
                  "builtins\x8c\x04"
                  "eval\x93\x8c\x01"
                  "1\x85R.")
                .root()
                .text,
            "builtins.eval");
  EXPECT_EQ(parse("cbuiltins\nexec\n)}\x92.").root().text, "builtins.exec");
}

TEST(Unpickler, RefusesMalformedInput) {
  for (const std::string& bytes : {""s,
                                   "."s,
                                   "("s,
                                   "(."s,
                                   "0."s,
                                   "t."s,
                                   "(K\x01R."s,
                                   "h\x05."s,
                                   "g7\n."s,
                                   "gx\n."s,
                                   "K\x01."s.substr(0, 2),
                                   "\x80\x09N."s,
                                   "K\x01K\x02R."s,
                                   "K\x01K\x02"s + "a.",
                                   "}K\x01"s + "a.",
                                   "](K\x01K\x02u."s,
                                   "}(K\x01u."s,
                                   "K\x01Q."s,
                                   "P1\n."s,
                                   "\xff."s,
                                   "Iabc\n."s,
                                   "I99999999999999999999\n."s,
                                   "S'open\n."s,
                                   "\x95\x01."s,
                                   "X\xff\xff\xff\xff"
                                   "abc."s,
                                   "\x8d\xff\xff\xff\xff\xff\xff\xff\x7f."s,
                                   "\x8b\xff\xff\xff\xff."s,
                                   "cos\nsystem"s,
                                   "\x82\x01."s})
    EXPECT_THAT(refusal(bytes), HasSubstr("test.pkl")) << testing::PrintToString(bytes);
}

TEST(Unpickler, BoundsNestingAndCopies) {
  const std::size_t depth = 900'000;
  EXPECT_EQ(parse(repeat("]", depth) + repeat("a", depth - 1) + ".").root().items.size(), 1u);
  EXPECT_THAT(refusal(repeat("]", 1'000'001) + "."),
              HasSubstr("1000001 values of a pickle, more than the 1000000"));
  EXPECT_THAT(refusal("N"s + repeat("2", 1'000'001) + "."), HasSubstr("on a pickle's stack"));
  EXPECT_THAT(refusal(repeat("(", 1'000'001) + "."), HasSubstr("marks"));
  // A list of half a million references, then turned into sets over and over again.
  const std::string big = "]("s + repeat("N", 500'000) + "eq\x01\x85q\x02" + "0cbuiltins\nset\nq\x03";
  EXPECT_THAT(refusal(big + repeat("h\x03h\x02R", 10'000) + "."), HasSubstr("bytes"));
  const std::string name = "X\xff\x0f\x00\x00"s + std::string(0x0fff, 'n') + "q\x01";
  EXPECT_THAT(refusal(name + repeat("h\x01h\x01\x93", 500'000) + "."), HasSubstr("bytes"));
}

TEST(Unpickler, RefusesMalformedTensors) {
  const std::string storage =
      "(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0"
      "0X\x03\0\0\0cpuK\x04tQ"s;
  const std::string rebuild = "ctorch._utils\n_rebuild_tensor_v2\n(";
  const std::string tail = "\x89}tR.";
  const Pickle good = parse(rebuild + storage + "K\x00K\x02K\x02\x86K\x02K\x01\x86"s + tail);
  ASSERT_EQ(good.root().kind, Kind::kTensor);
  EXPECT_EQ(good.tensor(good.root()).size, (std::vector<std::int64_t>{2, 2}));
  EXPECT_EQ(good.storages()[0].type, "torch.FloatStorage");
  for (const std::string& args :
       {"K\x00K\x02K\x02\x86K\x02\x85"s, "NK\x02\x85K\x01\x85"s, "K\x00K\x02K\x01"s, "K\x00"s,
        "K\x00N\x85N\x85"s, "K\x00("s + repeat("K\x01", 65) + "t(" + repeat("K\x01", 65) + "t"})
    EXPECT_NE(refusal(rebuild + storage + args + tail), "") << testing::PrintToString(args);
  EXPECT_NE(refusal(rebuild + "NK\x00K\x02\x85K\x01\x85"s + tail), "");
  EXPECT_NE(refusal("X\x07\0\0\0storageK\x01\x86Q."s), "");
}

}  // namespace
}  // namespace san
