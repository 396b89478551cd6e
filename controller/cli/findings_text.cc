#include "controller/cli/findings_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "controller/cli/text_table.h"

namespace metalmesh::cli {
namespace {

using wire::Finding;

std::string lines_of(const Finding& finding) {
  std::string out = fmt::format("  {}  {}\n", fit_to(finding.check(), 14), finding.found());
  const auto line = [&](std::string_view label, const std::string& text) {
    if (!text.empty()) out += fmt::format("  {}    {} {}\n", std::string(14, ' '), label, text);
  };
  line("wanted:", finding.wanted());
  line("BMC says:", finding.detail());
  line("next:", finding.next());
  return out;
}

std::string names_with(const std::vector<Finding>& findings, Finding::Verdict verdict) {
  std::string out;
  for (const Finding& one : findings)
    if (one.verdict() == verdict) out += " " + one.check();
  return out;
}

}  // namespace

std::vector<Finding> findings_of(const rest::Deployment& deployment) {
  std::vector<Finding> out(deployment.findings().begin(), deployment.findings().end());
  if (!out.empty() || deployment.state() == "SUCCEEDED") return out;
  const wire::Fault& fault = deployment.fault();
  Finding& finding = out.emplace_back();
  finding.set_check("order");
  finding.set_verdict(Finding::WRONG);
  finding.set_found(deployment.has_fault() ? fault.seen() : deployment.state() + " " + deployment.note());
  finding.set_wanted("an answer of its agent");
  finding.set_next(deployment.has_fault() ? fault.next() : "metalmesh get sites");
  finding.set_code(fault.code());
  return out;
}

Finding left_out(const rest::PlanExcluded& excluded) {
  Finding finding;
  finding.set_check("order");
  finding.set_verdict(Finding::WRONG);
  finding.set_found(excluded.reason() + ": " + excluded.message());
  finding.set_wanted("a server that can be asked");
  finding.set_next("metalmesh describe server " + excluded.name());
  return finding;
}

Finding finding_of(const rest::Alarm& alarm) {
  Finding finding;
  finding.set_check("mesh");
  finding.set_verdict(Finding::WRONG);
  finding.set_found(alarm.what());
  finding.set_next(alarm.next());
  return finding;
}

bool is_well(const std::vector<Finding>& findings) {
  return std::ranges::none_of(findings, [](const Finding& one) { return one.verdict() == Finding::WRONG; });
}

std::string findings_text(const Patient& patient) {
  const auto wrong = std::ranges::count(patient.findings, Finding::WRONG, &Finding::verdict);
  std::string out = fmt::format("{}: {}\n", patient.name,
                                wrong == 0 ? std::string("nothing stands in the way")
                                           : fmt::format("{} finding{}", wrong, wrong == 1 ? "" : "s"));
  for (const Finding& one : patient.findings)
    if (one.verdict() == Finding::WRONG) out += lines_of(one);
  if (const std::string fine = names_with(patient.findings, Finding::FINE); !fine.empty())
    out += "  fine:" + fine + "\n";
  for (const Finding& one : patient.findings)
    if (one.verdict() == Finding::UNTOLD) out += lines_of(one);
  return out;
}

std::string causes_text(const std::vector<Patient>& patients) {
  struct Cause {
    const Finding* first;
    std::vector<std::string> names;
  };
  std::map<std::pair<std::string, int>, Cause> causes;
  std::size_t well = 0;
  for (const Patient& patient : patients) {
    well += is_well(patient.findings) ? 1 : 0;
    for (const Finding& one : patient.findings)
      if (one.verdict() == Finding::WRONG)
        causes.try_emplace({one.check(), static_cast<int>(one.code())}, Cause{&one, {}})
            .first->second.names.push_back(patient.name);
  }
  std::vector<const Cause*> in_order;
  for (const auto& [key, cause] : causes) in_order.push_back(&cause);
  std::ranges::sort(in_order, [](const Cause* a, const Cause* b) {
    return a->names.size() != b->names.size() ? a->names.size() > b->names.size()
                                              : a->first->check() < b->first->check();
  });
  std::string out = fmt::format("{} servers, {} without a finding\n", patients.size(), well);
  constexpr std::size_t most_names = 8;
  for (const Cause* cause : in_order) {
    const std::size_t shown = std::min(most_names, cause->names.size());
    const std::vector<std::string> names(cause->names.begin(),
                                         cause->names.begin() + static_cast<std::ptrdiff_t>(shown));
    out += fmt::format("{} x {}: {}{}\n", cause->names.size(), cause->first->check(), fmt::join(names, " "),
                       shown < cause->names.size() ? " ..." : "");
    out += lines_of(*cause->first);
  }
  return out;
}

std::string check_text(const Patient& patient, std::string_view check) {
  const auto one = std::ranges::find(patient.findings, check, &Finding::check);
  if (one == patient.findings.end()) return findings_text(patient);
  return patient.name + ":\n" + lines_of(*one);
}

}  // namespace metalmesh::cli
