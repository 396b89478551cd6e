#include "agents/install/install_end.h"

#include <gtest/gtest.h>

namespace metalmesh::install {
namespace {

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
           Row{"waits for its go",
               {.read = 100, .size = 100, .usual = 30, .fell_quiet = true, .awaits_go = true},
               false},
           Row{"nothing is known", {}, false},
       })
    EXPECT_EQ(looks_finished(row.signs), row.finished) << row.what;
}

}  // namespace
}  // namespace metalmesh::install
