// What clocks show where: rules of every year, changes before them, and how both are written down.
#include "common/zones/zone.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/zones/tzif.h"
#include "common/zones/zone_book.h"

namespace metalmesh::zones {
namespace {

using namespace std::chrono;
using namespace std::chrono_literals;

constexpr char paris_rule[] = "CET-1CEST,M3.5.0,M10.5.0/3";

Seconds utc(year_month_day day, minutes time) { return sys_days(day) + time; }
Zone zone(const char* rule) { return {{}, *YearlyRule::from(rule)}; }
/// Hours and minutes that the clock shows.
minutes shown(const Zone& zone, Seconds when) {
  const auto local = zone.local(when);
  return floor<minutes>(local - floor<days>(local));
}

TEST(Zone, ShowsOneHourTwiceInOctoberAndMissesOneInMarch) {
  const Zone paris = zone(paris_rule);
  EXPECT_EQ(shown(paris, utc(2026y / 10 / 25, 0h + 59min)), 2h + 59min);
  EXPECT_EQ(paris.at(utc(2026y / 10 / 25, 0h + 59min)).abbreviation, "CEST");
  EXPECT_EQ(shown(paris, utc(2026y / 10 / 25, 1h)), 2h);
  EXPECT_EQ(paris.at(utc(2026y / 10 / 25, 1h)).abbreviation, "CET");
  EXPECT_EQ(shown(paris, utc(2027y / 3 / 28, 0h + 59min)), 1h + 59min);
  EXPECT_EQ(shown(paris, utc(2027y / 3 / 28, 1h)), 3h);
  EXPECT_EQ(paris.next_change(utc(2026y / 7 / 1, 0h)), utc(2026y / 10 / 25, 1h));
  EXPECT_EQ(paris.next_change(utc(2026y / 10 / 25, 1h)), utc(2027y / 3 / 28, 1h));
}

TEST(Zone, TheSummerOfTheSouthGoesOverTheNewYear) {
  const Zone sydney = zone("AEST-10AEDT,M10.1.0,M4.1.0/3");
  EXPECT_EQ(sydney.at(utc(2027y / 1 / 1, 0h)).offset, 11h);
  EXPECT_EQ(sydney.at(utc(2026y / 7 / 1, 0h)).offset, 10h);
  EXPECT_EQ(sydney.next_change(utc(2026y / 12 / 1, 0h)), utc(2027y / 4 / 3, 16h));
}

TEST(Zone, RulesMayBeOdd) {
  const Zone nuuk = zone("<-02>2<-01>,M3.5.0/-1,M10.5.0/0");
  EXPECT_EQ(nuuk.next_change(utc(2026y / 1 / 1, 0h)), utc(2026y / 3 / 29, 1h))
      << "an hour before that Sunday";
  EXPECT_EQ(zone("<+0545>-5:45").at(utc(2026y / 1 / 1, 0h)).offset, 5h + 45min);
  EXPECT_EQ(zone("EET-2EEST,M3.4.4/50,M10.4.4/50").next_change(utc(2026y / 1 / 1, 0h)),
            utc(2026y / 3 / 28, 0h));
  EXPECT_EQ(zone("UTC0").next_change(utc(2026y / 1 / 1, 0h)), std::nullopt);
}

TEST(Zone, WhatIsNoRuleIsRefused) {
  for (const char* text :
       {"", "CET", "C-1", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0", "CET-25",
        "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0", "CET-1 ", "<+1", "CET--1",
        "CET-1CEST,M3.5.0,M10.5.0/168", "CET-1CEST,M3.5.0,M10.5.0,M1.1.1", "CET-1CEST,59,60"})
    EXPECT_FALSE(YearlyRule::from(text).has_value()) << text;
}

TEST(Zone, KeepsOfThePastWhatTheRuleDoesNotSay) {
  const Seconds law = utc(2026y / 11 / 1, 1h);
  const Zone all({{utc(2025y / 3 / 30, 1h), {2h, "CEST"}},
                  {utc(2025y / 10 / 26, 1h), {1h, "CET"}},
                  {utc(2026y / 3 / 29, 1h), {2h, "CEST"}},
                  {law, {3h, "MSK"}}},
                 *YearlyRule::from("MSK-3"));
  const Zone kept = all.without_the_past(utc(2026y / 6 / 1, 0h));
  EXPECT_EQ(kept.changes().size(), 2U);
  EXPECT_EQ(kept.at(law - 1s).offset, 2h);
  EXPECT_EQ(kept.at(law).offset, 3h);
  EXPECT_EQ(kept.next_change(utc(2026y / 6 / 1, 0h)), law);
  const Zone nothing = all.without_the_past(utc(2027y / 6 / 1, 0h));
  EXPECT_TRUE(nothing.changes().empty());
}

TEST(ZoneBook, IsTheSameWhenItIsReadAgain) {
  ZoneBook book;
  book.add("Europe/Paris", zone(paris_rule));
  book.add("Far/Away", Zone({{utc(2026y / 3 / 29, 1h), {2h, "CEST"}}, {utc(2026y / 11 / 1, 1h), {3h, "MSK"}}},
                            *YearlyRule::from("MSK-3")));
  const auto again = ZoneBook::from(book.text());
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_EQ(again->text(), book.text());
  EXPECT_EQ(again->find("Far/Away")->changes(), book.find("Far/Away")->changes());
  EXPECT_EQ(again->find("Europe/Rome"), nullptr);
  EXPECT_NE(again->find("UTC"), nullptr) << "everybody knows it";
  EXPECT_EQ(again->near("Europe/Pariss"), "Europe/Paris");
  for (const char* text : {"A/B", "A/B CET-1 12", "A/B CET-1 12:x:CET", "A/B CET-1 12:3600"})
    EXPECT_FALSE(ZoneBook::from(text).has_value()) << text;
}

struct File {
  std::string bytes;
  File& number(std::uint64_t value, int size) {
    while (size-- > 0) bytes.push_back(static_cast<char>(value >> (8U * static_cast<unsigned>(size))));
    return *this;
  }
  File& text(std::string_view text) {
    bytes.append(text);
    return *this;
  }
  File& head(std::uint64_t times, std::uint64_t types, std::uint64_t letters) {
    text("TZif2").text(std::string(15, '\0'));
    for (const std::uint64_t count :
         {std::uint64_t{0}, std::uint64_t{0}, std::uint64_t{0}, times, types, letters})
      number(count, 4);
    return *this;
  }
};

/// Winter time since 2025, and before that summer time.
std::string file(std::string_view footer = paris_rule, std::uint64_t type = 0) {
  const auto autumn = static_cast<std::uint64_t>(utc(2025y / 10 / 26, 1h).time_since_epoch().count());
  const auto spring = static_cast<std::uint64_t>(utc(2025y / 3 / 30, 1h).time_since_epoch().count());
  File file;
  file.head(0, 1, 4).number(0, 6).text(std::string("UTC\0", 4)).head(2, 2, 9);
  file.number(spring, 8).number(autumn, 8).number(1, 1).number(type, 1);
  file.number(3600, 4).number(0, 1).number(0, 1).number(7200, 4).number(1, 1).number(4, 1);
  return file.text(std::string("CET\0CEST\0", 9)).text("\n").text(footer).text("\n").bytes;
}

TEST(Tzif, IsReadAsItStands) {
  const auto zone = read_tzif(file());
  ASSERT_TRUE(zone.has_value()) << zone.error().message;
  EXPECT_EQ(zone->at(utc(2025y / 7 / 1, 0h)), (Shown{2h, "CEST"}));
  EXPECT_EQ(zone->at(utc(2026y / 7 / 1, 0h)), (Shown{2h, "CEST"}));
  EXPECT_EQ(zone->at(utc(2026y / 1 / 1, 0h)), (Shown{1h, "CET"}));
}

TEST(Tzif, WhatIsCutOrContradictsItselfIsNoZone) {
  const std::string whole = file();
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(read_tzif(std::string_view(whole).substr(0, size)).has_value()) << size;
  EXPECT_FALSE(read_tzif(file("MSK-3")).has_value()) << "the rule is not what the last change says";
  EXPECT_FALSE(read_tzif(file(paris_rule, 2)).has_value()) << "there is no such type";
  std::string old = whole;
  old[4] = '\0';
  EXPECT_FALSE(read_tzif(old).has_value()) << "version 1 ends in 2038";
}

}  // namespace
}  // namespace metalmesh::zones
