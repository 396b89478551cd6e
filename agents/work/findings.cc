#include "agents/work/findings.h"

#include <algorithm>
#include <utility>

#include "common/text/utf8.h"

namespace metalmesh::work {
namespace {

constexpr std::size_t most_bytes = 400;

/// What it says goes to people's terminals.
std::string bounded(std::string text) {
  std::ranges::replace_if(text, [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; }, ' ');
  return Utf8(std::move(text)).cut(most_bytes).str();
}

wire::Finding make(std::string check, wire::Finding::Verdict verdict, const std::string& found) {
  wire::Finding finding;
  finding.set_check(std::move(check));
  finding.set_verdict(verdict);
  finding.set_found(bounded(found));
  return finding;
}

}  // namespace

wire::Finding fine(std::string check, std::string found) {
  return make(std::move(check), wire::Finding::FINE, found);
}

wire::Finding untold(std::string check, std::string found, std::string next) {
  wire::Finding finding = make(std::move(check), wire::Finding::UNTOLD, found);
  finding.set_next(bounded(next));
  return finding;
}

wire::Finding wrong(std::string check, Wrong what) {
  wire::Finding finding = make(std::move(check), wire::Finding::WRONG, what.found);
  finding.set_wanted(bounded(what.wanted));
  finding.set_next(bounded(what.next));
  finding.set_detail(bounded(what.detail));
  finding.set_code(what.code);
  return finding;
}

wire::Finding finding_of(std::string check, const wire::Fault& fault, std::string wanted) {
  return wrong(std::move(check), {.found = fault.seen(),
                                  .wanted = std::move(wanted),
                                  .next = fault.next(),
                                  .code = fault.code(),
                                  .detail = fault.detail()});
}

}  // namespace metalmesh::work
