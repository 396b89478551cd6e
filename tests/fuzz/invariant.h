// What a fuzz target claims beyond "it did not crash".
#pragma once

#include <cstdio>
#include <cstdlib>

/// Aborts with the claim's text: libFuzzer keeps the input.
#define MM_CLAIM(condition)                                                               \
  do {                                                                                    \
    if (!(condition)) {                                                                   \
      std::fprintf(stderr, "claim failed: %s (%s:%d)\n", #condition, __FILE__, __LINE__); \
      std::abort();                                                                       \
    }                                                                                     \
  } while (false)
