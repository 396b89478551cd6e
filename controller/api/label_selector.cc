#include "controller/api/label_selector.h"

#include <algorithm>
#include <utility>

#include "common/text/letters.h"

namespace metalmesh::controller {
namespace {

constexpr std::size_t most_terms = 32;

bool is_word(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return is_alnum(c) || c == '.' || c == '_' || c == '-' || c == '/'; });
}

}  // namespace

Result<LabelSelector> LabelSelector::parse(std::string_view text) {
  LabelSelector selector;
  for (bool more = true; more;) {
    const std::size_t comma = text.find(',');
    more = comma != std::string_view::npos;
    const std::string_view part = trimmed(text.substr(0, comma), " ");
    if (more) text.remove_prefix(comma + 1);

    Term term;
    std::string_view label = part;
    const std::size_t equals = part.find('=');
    if (equals != std::string_view::npos) {
      const bool negated = equals > 0 && part[equals - 1] == '!';
      std::string_view value = part.substr(equals + 1);
      if (!negated && value.starts_with('=')) value.remove_prefix(1);
      term.test = negated ? Test::differs : Test::equals;
      term.value = std::string(trimmed(value, " "));
      label = trimmed(part.substr(0, negated ? equals - 1 : equals), " ");
    } else if (part.starts_with('!')) {
      term.test = Test::absent;
      label = trimmed(part.substr(1), " ");
    }
    if (label.empty() || !is_word(label) || !is_word(term.value)) {
      return fail(ErrorKind::invalid, "\"" + std::string(part) + "\" is not one of k=v, k!=v, k, !k");
    }
    term.label = std::string(label);
    if (selector.terms_.size() == most_terms) return fail(ErrorKind::invalid, "more than 32 terms");
    selector.terms_.push_back(std::move(term));
  }
  return selector;
}

bool LabelSelector::matches(const google::protobuf::Map<std::string, std::string>& labels) const {
  return std::ranges::all_of(terms_, [&](const Term& term) {
    const auto found = labels.find(term.label);
    const bool there = found != labels.end();
    switch (term.test) {
      case Test::equals:
        return there && found->second == term.value;
      case Test::differs:
        return !there || found->second != term.value;
      case Test::present:
        return there;
      case Test::absent:
        return !there;
    }
    return false;
  });
}

}  // namespace metalmesh::controller
