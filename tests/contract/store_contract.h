// What every implementation of ports/store promises, as one suite. A .cc file instantiates it:
//
//   INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContract, testing::Values(make_sqlite_bench));
//
// A bench owns one store on fresh ground and can end it and open it again with what was durable.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "common/ports/store.h"

namespace metalmesh {

class StoreBench {
 public:
  virtual ~StoreBench() = default;
  virtual Store& store() = 0;
  /// The process dies and comes back: only what was committed is there.
  virtual void reopen() = 0;
  /// One bit of the row whose value holds `mark`, which no other row does, turns over while nobody looks.
  virtual void rot(const std::string& mark) = 0;
  /// The same with a bit of the key that holds `mark`. False: keys do not rot here.
  virtual bool rot_key(const std::string&) { return false; }
};

using MakeStoreBench = std::unique_ptr<StoreBench> (*)();

class StoreContract : public testing::TestWithParam<MakeStoreBench> {
 protected:
  Store& store() { return bench_->store(); }
  void reopen() { bench_->reopen(); }
  void rot(const std::string& mark) { bench_->rot(mark); }
  bool rot_key(const std::string& mark) { return bench_->rot_key(mark); }
  void commit(const Batch& batch) {
    const Status status = store().commit(batch);
    ASSERT_TRUE(status) << status.error().message;
  }
  std::vector<Row> all() { return scan("", "", std::numeric_limits<std::size_t>::max()); }
  std::vector<Row> scan(std::string_view first, std::string_view last, std::size_t limit) {
    auto rows = store().scan(first, last, limit);
    EXPECT_TRUE(rows) << rows.error().message;
    return rows ? std::move(*rows) : std::vector<Row>();
  }

 private:
  std::unique_ptr<StoreBench> bench_ = GetParam()();
};

TEST_P(StoreContract, starts_empty) {
  EXPECT_EQ(store().get("a"), std::nullopt);
  EXPECT_TRUE(all().empty());
}

TEST_P(StoreContract, gives_back_what_was_committed_also_after_reopening) {
  commit({{"a", "1"}, {"b", "2"}});
  EXPECT_EQ(store().get("a"), "1");
  reopen();
  EXPECT_EQ(store().get("a"), "1");
  EXPECT_EQ(store().get("b"), "2");
  EXPECT_EQ(store().get("c"), std::nullopt);
}

TEST_P(StoreContract, accepts_an_empty_batch) {
  commit({});
  EXPECT_TRUE(all().empty());
}

TEST_P(StoreContract, deletes) {
  commit({{"a", "1"}, {"b", "2"}});
  commit({{"a", std::nullopt}, {"never-there", std::nullopt}});
  EXPECT_EQ(store().get("a"), std::nullopt);
  reopen();
  EXPECT_THAT(all(), testing::ElementsAre(Row{"b", "2"}));
}

TEST_P(StoreContract, lets_the_later_write_of_a_key_win) {
  commit({{"a", "1"}, {"a", "2"}, {"b", "1"}, {"b", std::nullopt}, {"c", std::nullopt}, {"c", "3"}});
  EXPECT_THAT(all(), testing::ElementsAre(Row{"a", "2"}, Row{"c", "3"}));
  commit({{"a", "4"}});
  reopen();
  EXPECT_THAT(all(), testing::ElementsAre(Row{"a", "4"}, Row{"c", "3"}));
}

TEST_P(StoreContract, orders_keys_as_unsigned_bytes) {
  const std::string zero(1, '\0');
  commit({{"\xff", "5"}, {"b", "3"}, {"a", "1"}, {"\x80", "4"}, {zero, "0"}, {"a" + zero, "2"}});
  EXPECT_THAT(all(), testing::ElementsAre(Row{zero, "0"}, Row{"a", "1"}, Row{"a" + zero, "2"}, Row{"b", "3"},
                                          Row{"\x80", "4"}, Row{"\xff", "5"}));
}

TEST_P(StoreContract, scans_from_first_inclusive_to_last_exclusive) {
  commit({{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}});
  EXPECT_THAT(scan("b", "d", 10), testing::ElementsAre(Row{"b", "2"}, Row{"c", "3"}));
  EXPECT_THAT(scan("bb", "cc", 10), testing::ElementsAre(Row{"c", "3"}));
  EXPECT_THAT(scan("c", "", 10), testing::ElementsAre(Row{"c", "3"}, Row{"d", "4"}));
  EXPECT_TRUE(scan("b", "b", 10).empty());
  EXPECT_TRUE(scan("d", "b", 10).empty());
  EXPECT_TRUE(scan("e", "", 10).empty());
}

TEST_P(StoreContract, scans_at_most_limit_rows) {
  commit({{"a", "1"}, {"b", "2"}, {"c", "3"}});
  EXPECT_THAT(scan("", "", 2), testing::ElementsAre(Row{"a", "1"}, Row{"b", "2"}));
  EXPECT_TRUE(scan("", "", 0).empty());
}

TEST_P(StoreContract, keeps_empty_values_and_any_byte) {
  std::string every;
  for (int i = 0; i < 256; ++i) every += static_cast<char>(i);
  commit({{"empty", ""}, {every, every}});
  reopen();
  EXPECT_EQ(store().get("empty"), "");
  EXPECT_EQ(store().get(every), every);
}

TEST_P(StoreContract, keeps_large_values) {
  const std::string large(3 << 20, 'x');
  commit({{"large", large}, {"small", "1"}});
  reopen();
  EXPECT_EQ(store().get("large"), large);
  EXPECT_EQ(store().get("small"), "1");
}

TEST_P(StoreContract, tells_a_rotten_row_apart_and_hides_no_other) {
  Batch batch;
  for (int i = 100; i < 300; ++i)
    batch.push_back({"key" + std::to_string(i), "value" + std::to_string(i) + std::string(80, '.')});
  commit(batch);
  for (const int bad : {100, 177, 178, 299}) {
    commit(batch);
    rot("value" + std::to_string(bad));
    for (int i = 100; i < 300; ++i) {
      const auto row = store().get("key" + std::to_string(i));
      ASSERT_EQ(row.has_value(), i != bad) << i;
      if (row) {
        EXPECT_EQ(*row, batch[static_cast<std::size_t>(i - 100)].value);
      } else {
        EXPECT_EQ(row.error().kind, ErrorKind::corrupt);
        EXPECT_THAT(row.error().message, testing::HasSubstr("row key" + std::to_string(bad)));
      }
    }
    const std::vector<Row> rows = all();
    ASSERT_EQ(rows.size(), 200U);
    for (int i = 100; i < 300; ++i) {
      const Row& row = rows[static_cast<std::size_t>(i - 100)];
      EXPECT_EQ(row.key, "key" + std::to_string(i));
      EXPECT_EQ(row.value.has_value(), i != bad) << i;
    }
    EXPECT_EQ(scan("key150", "key160", 100).size(), 10U);
    commit({{"key" + std::to_string(bad), "written again"}});
    EXPECT_EQ(store().get("key" + std::to_string(bad)), "written again");
    reopen();
    EXPECT_EQ(store().get("key" + std::to_string(bad)), "written again");
  }
}

TEST_P(StoreContract, a_row_whose_key_has_rotted_goes_back_to_its_place) {
  Batch batch;
  for (int i = 100; i < 200; ++i) batch.push_back({"a/key" + std::to_string(i), std::string(80, '.')});
  commit(batch);
  if (!rot_key("a/key150")) GTEST_SKIP() << "keys do not rot in memory";
  const std::vector<Row> rows = all();
  ASSERT_EQ(rows.size(), 100U);
  for (const Row& row : rows) EXPECT_TRUE(row.value) << row.key;
  EXPECT_EQ(store().get("a/key150"), std::string(80, '.'));
}

TEST_P(StoreContract, reports_space) { EXPECT_GT(store().space().free_bytes, 0U); }

/// Many random batches against a plain map, reopening on the way.
TEST_P(StoreContract, agrees_with_a_map_over_a_random_history) {
  Random random(7);
  std::map<std::string, std::string> model;
  for (int step = 0; step < 60; ++step) {
    Batch batch;
    for (std::uint64_t i = random.below(12); i > 0; --i) {
      const std::string key = "k" + std::to_string(random.below(40));
      if (random.chance(300)) {
        batch.push_back({key, std::nullopt});
        model.erase(key);
      } else {
        batch.push_back({key, std::to_string(random.next())});
        model.insert_or_assign(key, *batch.back().value);
      }
    }
    commit(batch);
    if (random.chance(150)) reopen();
    const std::vector<Row> rows = all();
    ASSERT_EQ(rows.size(), model.size());
    std::size_t i = 0;
    for (const auto& [key, value] : model) ASSERT_EQ(rows[i++], (Row{key, value}));
  }
}

}  // namespace metalmesh
