#include "common/base/check.h"

#include <cstdio>
#include <cstdlib>
#include <string>

namespace metalmesh {
namespace {

void print(std::string_view words) { (void)std::fwrite(words.data(), 1, words.size(), stderr); }

LastWords last_words = print;

}  // namespace

void say_last_words_by(LastWords how) { last_words = how; }

void check_failed(std::string_view condition, std::string_view file, int line) {
  last_words("metalmesh: check failed: " + std::string(condition) + " (" + std::string(file) + ":" +
             std::to_string(line) + ")\n");
  std::abort();
}

}  // namespace metalmesh
