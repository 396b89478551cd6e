#include "agents/work/power_watch.h"

#include <gtest/gtest.h>

namespace metalmesh::work {
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

}  // namespace
}  // namespace metalmesh::work
