// The seal notices every flipped bit of key and value, and tells which of the two it was.
#include "common/ports/row_seal.h"

#include <gtest/gtest.h>

#include "common/base/crc32c.h"
#include "common/ports/row_key_search.h"

namespace metalmesh {
namespace {

TEST(Crc32c, IsTheOneThatEverybodyHas) {
  EXPECT_EQ(crc32c(""), 0U);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283U);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aaU);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43U);
}

TEST(Crc32c, GoesOnFromWhatWasBefore) {
  const std::string text = "the quick brown fox jumps over the lazy dog";
  for (std::size_t cut = 0; cut <= text.size(); ++cut)
    EXPECT_EQ(crc32c(text.substr(cut), crc32c(text.substr(0, cut))), crc32c(text));
}

TEST(RowSeal, GivesBackWhatWasSealed) {
  for (const auto& value : {std::string(), std::string("x"), std::string(5000, '\0')})
    EXPECT_EQ(unseal_row("key", seal_row("key", value)), value);
}

TEST(RowSeal, NoticesEachFlippedBitOfTheValueAndOfItself) {
  const std::string sealed = seal_row("fence/a/b", "some row");
  for (std::size_t at = 0; at < sealed.size() * 8; ++at) {
    std::string flipped = sealed;
    flipped[at / 8] = static_cast<char>(flipped[at / 8] ^ (1U << at % 8));
    EXPECT_FALSE(unseal_row("fence/a/b", flipped)) << at;
  }
  for (std::size_t size = 0; size < sealed.size(); ++size)
    EXPECT_FALSE(unseal_row("fence/a/b", sealed.substr(0, size))) << size;
}

TEST(RowSeal, TellsAMovedRowFromADamagedOne) {
  const std::string sealed = seal_row("fence/a", "some row");
  const auto moved = unseal_row("fence/b", sealed);
  ASSERT_FALSE(moved);
  EXPECT_TRUE(moved.error().value_whole);
  EXPECT_EQ(moved.error().bytes, "some row");
  std::string damaged = sealed;
  damaged[0] = 'S';
  const auto found = unseal_row("fence/a", damaged);
  ASSERT_FALSE(found);
  EXPECT_FALSE(found.error().value_whole);
  EXPECT_EQ(found.error().bytes, "Some row");
  EXPECT_FALSE(unseal_row("fence/", seal_row("fence/a", "b")))
      << "nor may key and value flow into one another";
}

TEST(RowSeal, TheKeyThatARowWasWrittenUnderFollowsFromItsSeal) {
  const std::string key = "fence/4c4c4544-0042/SN1";
  const std::string stored = seal_row(key, "some row");
  EXPECT_EQ(key_written_under(key, stored), std::nullopt) << "it is right";
  for (std::size_t bit = 0; bit < key.size() * 8; ++bit) {
    std::string rotten = key;
    rotten[bit / 8] = static_cast<char>(rotten[bit / 8] ^ (1U << bit % 8));
    EXPECT_EQ(key_written_under(rotten, stored), key) << bit;
  }
  EXPECT_EQ(key_written_under("job/other", stored), std::nullopt);
  std::string damaged = stored;
  damaged[0] = 'S';
  EXPECT_EQ(key_written_under("gence/4c4c4544-0042/SN1", damaged), std::nullopt);
}

TEST(RowSeal, KeysAreWrittenSoThatAShellTakesThem) {
  const std::string key("e/\0\x01 '$%a", 9);
  EXPECT_EQ(printable_key(key), "e/%00%01%20%27%24%25a");
  EXPECT_EQ(key_of_printable(printable_key(key)), key);
  EXPECT_EQ(printable_key("fence/4c4c-44/SN_1.2:3"), "fence/4c4c-44/SN_1.2:3");
  for (const char* wrong : {"%", "%0", "%zz", "a%1"}) EXPECT_FALSE(key_of_printable(wrong)) << wrong;
}

}  // namespace
}  // namespace metalmesh
