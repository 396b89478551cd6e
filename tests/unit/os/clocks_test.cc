#include "common/os/clocks.h"

#include <gtest/gtest.h>

#include <thread>

namespace metalmesh::os {
namespace {

using namespace std::chrono_literals;

TEST(Clocks, elapse_together_and_never_run_backwards) {
  const MonoTime boot = boot_time();
  const MonoTime steady = steady_time();
  std::this_thread::sleep_for(20ms);
  EXPECT_GE(boot_time() - boot, 20ms);
  EXPECT_GE(steady_time() - steady, 20ms);
  EXPECT_LT(boot_time() - boot, 10s);
  MonoTime last = boot_time();
  for (int i = 0; i < 1000; ++i) {
    const MonoTime next = boot_time();
    ASSERT_GE(next, last);
    last = next;
  }
}

TEST(Clocks, wall_time_is_that_of_the_machine) {
  const Duration library = std::chrono::system_clock::now().time_since_epoch();
  const Duration ours = wall_time().time_since_epoch();
  EXPECT_LT(std::chrono::abs(ours - library), 1s);
}

TEST(Clocks, a_start_of_the_machine_keeps_its_number) {
  EXPECT_NE(boot_number(), 0U);
  EXPECT_EQ(boot_number(), boot_number());
}

}  // namespace
}  // namespace metalmesh::os
