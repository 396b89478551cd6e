// GRUB's test command.
#include <algorithm>
#include <array>
#include <charconv>

#include "agents/media/menu/menu_commands.h"

namespace metalmesh::media {
namespace {

using Words = std::vector<MenuWord>;

Truth truth_of(bool holds) { return holds ? Truth::yes : Truth::no; }

/// GRUB's test: ! binds to one test, -a before -o.
class Test {
 public:
  Test(const Words& words, const MenuState& state, const MenuMedium& medium)
      : words_(words), state_(state), medium_(medium) {}

  Truth any() {
    Truth result = all();
    while (take("-o")) result = either(result, all());
    return result;
  }

 private:
  [[nodiscard]] std::string_view ahead(std::size_t by = 0) const {
    return at_ + by < words_.size() ? std::string_view(words_[at_ + by].text) : std::string_view();
  }
  bool take(std::string_view word) {
    if (at_ >= words_.size() || ahead() != word) return false;
    ++at_;
    return true;
  }
  static Truth either(Truth a, Truth b) {
    if (a == Truth::yes || b == Truth::yes) return Truth::yes;
    return a == Truth::no && b == Truth::no ? Truth::no : Truth::unknown;
  }
  static Truth both(Truth a, Truth b) { return negated(either(negated(a), negated(b))); }

  Truth all() {
    Truth result = one();
    while (take("-a")) result = both(result, one());
    return result;
  }

  Truth one() {
    if (at_ >= words_.size()) return Truth::no;
    if (take("!")) return negated(one());
    if (ahead() == "(" && at_ + 1 < words_.size()) {
      ++at_;
      const Truth inner = ++depth_ < 16 ? any() : Truth::unknown;
      --depth_;
      take(")");
      return inner;
    }
    if (at_ + 2 < words_.size()) {
      if (const auto compared = comparison(ahead(1))) {
        at_ += 3;
        return *compared;
      }
    }
    if (at_ + 1 < words_.size() && ahead().size() == 2 && ahead()[0] == '-') {
      const char letter = ahead()[1];
      if (std::string_view("nzdefs").find(letter) != std::string_view::npos) {
        at_ += 2;
        return unary(letter, words_[at_ - 1]);
      }
    }
    const MenuWord& word = words_[at_++];
    return word.known ? truth_of(!word.text.empty()) : Truth::unknown;
  }

  Truth unary(char letter, const MenuWord& word) {
    if (!word.known) return Truth::unknown;
    if (letter == 'n') return truth_of(!word.text.empty());
    if (letter == 'z') return truth_of(word.text.empty());
    const auto path = path_on_medium(word.text, state_);
    if (!path) return Truth::unknown;
    if (letter == 'd') return medium_.has_folder(*path);
    const Truth file = medium_.has_file(*path);
    return letter != 'e' || file == Truth::yes ? file : medium_.has_folder(*path);
  }

  [[nodiscard]] std::optional<Truth> comparison(std::string_view sign) const {
    const MenuWord& left = words_[at_];
    const MenuWord& right = words_[at_ + 2];
    constexpr std::array<std::string_view, 17> signs = {"=",   "==",  "!=",  "<",    "<=",  ">",
                                                        ">=",  "-eq", "-ne", "-lt",  "-le", "-gt",
                                                        "-ge", "-nt", "-ot", "-pgt", "-plt"};
    if (std::ranges::find(signs, sign) == signs.end()) return std::nullopt;
    if (!left.known || !right.known) return Truth::unknown;
    if (sign == "=" || sign == "==") return truth_of(left.text == right.text);
    if (sign == "!=") return truth_of(left.text != right.text);
    if (sign == "<") return truth_of(left.text < right.text);
    if (sign == "<=") return truth_of(left.text <= right.text);
    if (sign == ">") return truth_of(left.text > right.text);
    if (sign == ">=") return truth_of(left.text >= right.text);
    const long long a = number(left.text);
    const long long b = number(right.text);
    if (sign == "-eq") return truth_of(a == b);
    if (sign == "-ne") return truth_of(a != b);
    if (sign == "-lt") return truth_of(a < b);
    if (sign == "-le") return truth_of(a <= b);
    if (sign == "-gt") return truth_of(a > b);
    if (sign == "-ge") return truth_of(a >= b);
    return Truth::unknown;
  }
  static long long number(const std::string& text) {
    long long value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  }

  const Words& words_;
  const MenuState& state_;
  const MenuMedium& medium_;
  std::size_t at_ = 0;
  unsigned depth_ = 0;
};

}  // namespace

Truth test_holds(const Words& words, const MenuState& state, const MenuMedium& medium) {
  return Test(words, state, medium).any();
}

}  // namespace metalmesh::media
