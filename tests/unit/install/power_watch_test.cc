#include "agents/install/power_watch.h"

#include <gtest/gtest.h>

#include "agents/install/install_end.h"

namespace metalmesh::install {
namespace {

using namespace std::chrono_literals;

MonoTime at(Duration since) { return MonoTime(1h) + since; }

TEST(PowerWatch, OneReadingProvesNothing) {
  PowerWatch watch;
  watch.saw("On", at(0s));
  watch.saw("Off", at(5s));
  EXPECT_TRUE(watch.maybe_off());
  EXPECT_FALSE(watch.off(0s));
  watch.saw("Off", at(7s));
  EXPECT_TRUE(watch.off(1s));
  EXPECT_FALSE(watch.off(20s));
}

TEST(PowerWatch, MissingAndUnknownReadingsAreNone) {
  PowerWatch watch;
  watch.saw("On", at(0s));
  watch.saw("Off", at(5s));
  for (const char* none : {"", "PoweringOff", "Paused", "42"}) watch.saw(none, at(6s));
  watch.saw("Off", at(8s));
  EXPECT_TRUE(watch.off(3s));
  EXPECT_FALSE(watch.glimpsed_off());
  EXPECT_EQ(watch.on_last(), at(0s));
}

TEST(PowerWatch, TellsAGlitchFromAHostThatCameBack) {
  PowerWatch watch;
  watch.saw("Off", at(-3s));
  watch.saw("Off", at(-2s));
  watch.saw("On", at(-1s));
  EXPECT_FALSE(watch.came_back()) << "its power-on";
  watch.saw("Off", at(0s));
  watch.saw("On", at(2s));
  EXPECT_TRUE(watch.glimpsed_off());
  EXPECT_FALSE(watch.came_back());
  watch.saw("Off", at(4s));
  watch.saw("Off", at(6s));
  watch.saw("PoweringOn", at(8s));
  EXPECT_TRUE(watch.came_back());
  EXPECT_FALSE(watch.maybe_off());
}

TEST(PowerWatch, AnotherSignContradictsAnOff) {
  PowerWatch watch;
  watch.saw("Off", at(0s));
  watch.doubt_off();
  watch.saw("Off", at(30s));
  EXPECT_FALSE(watch.off(0s));
  EXPECT_TRUE(watch.glimpsed_off());
}

TEST(InstallEnd, IsWhatAnEndLooksLike) {
  struct Row {
    const char* what;
    EndSigns signs;
    bool finished;
  };
  for (const Row& row : {
           Row{"all of it",
               {.read = 100, .size = 100, .usual = 0, .elsewhere = false, .fell_quiet = false},
               true},
           Row{"a few blocks that nobody reads",
               {.read = 96, .size = 100, .usual = 0, .elsewhere = false, .fell_quiet = false},
               true},
           Row{"cut off at the beginning",
               {.read = 5, .size = 100, .usual = 0, .elsewhere = false, .fell_quiet = false},
               false},
           Row{"cut off in the middle",
               {.read = 50, .size = 100, .usual = 0, .elsewhere = false, .fell_quiet = false},
               false},
           Row{"the first of its kind",
               {.read = 30, .size = 100, .usual = 0, .elsewhere = false, .fell_quiet = true},
               true},
           Row{"a prompt",
               {.read = 5, .size = 100, .usual = 0, .elsewhere = false, .fell_quiet = true},
               false},
           Row{"packages from the site",
               {.read = 5, .size = 100, .usual = 0, .elsewhere = true, .fell_quiet = true},
               true},
           Row{"as much as the others",
               {.read = 28, .size = 100, .usual = 30, .elsewhere = false, .fell_quiet = false},
               true},
           Row{"less than the others",
               {.read = 14, .size = 100, .usual = 30, .elsewhere = false, .fell_quiet = true},
               false},
           Row{"nothing is known", {}, false},
       })
    EXPECT_EQ(looks_finished(row.signs), row.finished) << row.what;
}

}  // namespace
}  // namespace metalmesh::install
