#include "agents/redfish/identity.h"

#include <gtest/gtest.h>

namespace metalmesh::redfish {
namespace {

const Identity seen{"4C4C4544-0043-4A10-8052-B4C04F4D3232",
                    "CZ2D4F0A1B",
                    "P12345-B21",
                    {"3C:A8:2A:00:00:01", "3C:A8:2A:00:00:02"}};

struct Row {
  const char* name;
  Identity expected;
  Match match;
  const char* expected_words;
  const char* seen_words;
};

class IdentityCompare : public testing::TestWithParam<Row> {};

TEST_P(IdentityCompare, Decides) {
  const Comparison result = compare(GetParam().expected, seen);
  EXPECT_EQ(static_cast<int>(result.match), static_cast<int>(GetParam().match))
      << result.expected << " / " << result.seen;
  EXPECT_NE(result.expected.find(GetParam().expected_words), std::string::npos) << result.expected;
  EXPECT_NE(result.seen.find(GetParam().seen_words), std::string::npos) << result.seen;
}

const char uuid[] = "4c4c4544-0043-4a10-8052-b4c04f4d3232";

INSTANTIATE_TEST_SUITE_P(
    All, IdentityCompare,
    testing::Values(
        Row{"All", {uuid, "CZ2D4F0A1B", "", {"3ca82a000001"}}, Match::same, "", ""},
        Row{"UuidAndSerial", {uuid, " CZ2D4F0A1B ", "", {}}, Match::same, "", ""},
        Row{"BracedUuidAndDashedMac",
            {"{4C4C4544-0043-4A10-8052-B4C04F4D3232}", "", "", {"3c-a8-2a-00-00-02"}},
            Match::same,
            "",
            ""},
        Row{"OtherSerial", {uuid, "CZ2D4F0B77", "", {}}, Match::different, "CZ2D4F0B77", "CZ2D4F0A1B"},
        Row{"OtherUuid",
            {"4c4c4544-0043-4a10-8052-b4c04f4d3233", "CZ2D4F0A1B", "", {}},
            Match::different,
            "3233",
            "3232"},
        Row{"OneMacMissing",
            {"", "CZ2D4F0A1B", "", {"3ca82a000001", "3ca82a000009"}},
            Match::different,
            "3ca82a000009",
            "3C:A8:2A:00:00:02"},
        Row{"SerialAlone", {"", "CZ2D4F0A1B", "", {}}, Match::insufficient, "two of", "CZ2D4F0A1B"},
        Row{"Nothing", {"", "", "", {}}, Match::insufficient, "two of", "none"},
        Row{"ZeroUuid",
            {"00000000-0000-0000-0000-000000000000", "CZ2D4F0A1B", "", {}},
            Match::insufficient,
            "vendor default",
            "00000000"},
        Row{"FilledSerial",
            {uuid, "To be filled by O.E.M.", "", {}},
            Match::insufficient,
            "vendor default",
            "To be filled"},
        Row{"CountingSerial",
            {uuid, "0123456789", "", {}},
            Match::insufficient,
            "vendor default",
            "0123456789"},
        Row{"ZeroMac",
            {uuid, "CZ2D4F0A1B", "", {"00:00:00:00:00:00"}},
            Match::insufficient,
            "vendor default",
            "00:00"}),
    [](const auto& param) { return std::string(param.param.name); });

TEST(Identity, WhatABmcDoesNotTellContradictsNothingAndNeverMatches) {
  const Identity ordered{uuid, "CZ2D4F0A1B", "", {"3ca82a000001"}};
  EXPECT_EQ(compare(ordered, {}).match, Match::unread);
  EXPECT_EQ(compare(ordered, {uuid, "To be filled by O.E.M.", "", {"3ca82a000001"}}).match, Match::unread);
  EXPECT_EQ(compare(ordered, {"", "CZ2D4F0B77", "", {}}).match, Match::different);
  EXPECT_EQ(compare(ordered, {"", "", "", {"3ca82a000002"}}).match, Match::different);
  EXPECT_EQ(compare({uuid, "CZ2D4F0A1B", "", {}}, {uuid, "", "", {}}).match, Match::unread);
  EXPECT_EQ(compare({uuid, "", "", {"3c:a8:2a:00:00:01"}}, {uuid, "", "", {}}).match, Match::unread);
  EXPECT_FALSE(contradiction({uuid, "CZ2D4F0A1B", "", {}}, {uuid, "", "", {}}));
}

TEST(Identity, InterfacesThatShowNoAddressAreNotMissedWhereUuidAndSerialAgree) {
  const Identity ordered{uuid, "CZ2D4F0A1B", "", {"3ca82a000001"}};
  EXPECT_EQ(compare(ordered, {uuid, "CZ2D4F0A1B", "", {}}).match, Match::same) << "some while it is off";
  EXPECT_EQ(compare(ordered, {uuid, "CZ2D4F0A1B", "", {"3ca82a000002"}}).match, Match::different);
}

}  // namespace
}  // namespace metalmesh::redfish
