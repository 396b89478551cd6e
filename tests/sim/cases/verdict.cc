#include "tests/sim/cases/verdict.h"

#include <fmt/format.h>

#include <algorithm>

namespace metalmesh::sim {
namespace {

std::string words_of(const wire::Fault& fault) {
  return fault.seen() + " | next: " + fault.next() + " | detail: " + fault.detail();
}

std::string end_of(const wire::Ended& ended) {
  std::string end = wire::Ended::Outcome_Name(ended.outcome());
  if (ended.has_fault()) end += " " + wire::FaultCode_Name(ended.fault().code());
  return end;
}

bool has(const std::string& text, std::string_view word) { return text.find(word) != std::string::npos; }

bool debt_told(const wire::Ended& ended, std::string_view word) {
  return std::ranges::any_of(ended.debts(), [&](const std::string& debt) { return has(debt, word); });
}

class Judge {
 public:
  Judge(const Case& the_case, const CaseResult& result, const Machine& machine)
      : case_(the_case), result_(result), model_(*machine.model), host_(machine.model->host()) {}

  std::vector<std::string> judge() {
    inspection();
    if (!result_.ended) {
      object("the job did not end");
      return std::move(objections_);
    }
    end();
    proof();
    disk();
    debts();
    calls();
    return std::move(objections_);
  }

 private:
  void object(std::string what) { objections_.push_back(std::move(what)); }

  void inspection() {
    if (case_.inspected.empty()) return;
    if (!result_.inspected) return object("the inspection did not end");
    const wire::Inspected& told = *result_.inspected;
    const std::string code = told.has_fault() ? wire::FaultCode_Name(told.fault().code()) : "ok";
    if (code != case_.inspected)
      object(fmt::format("inspected as {} ({}), expected {}", code, told.fault().seen(), case_.inspected));
    if (code == "ok" && !told.virtual_media()) object("inspected as without virtual media");
  }

  void end() {
    const std::string end = end_of(*result_.ended);
    if (std::ranges::none_of(case_.ends, [&](std::string_view right) { return end.starts_with(right); }))
      object(fmt::format("ended {}, expected {}", end, fmt::join(case_.ends, " or ")));
    std::string text = words_of(result_.ended->fault());
    if (result_.inspected) text += words_of(result_.inspected->fault());
    for (const std::string_view word : case_.words) {
      if (!has(text, word)) object(fmt::format("\"{}\" is not said", word));
    }
    for (const std::string_view word : case_.not_words) {
      if (has(text, word)) object(fmt::format("\"{}\" is said", word));
    }
    if (case_.at_most > Duration() && result_.took > case_.at_most)
      object(fmt::format("took {} s", result_.took / std::chrono::seconds(1)));
    if (case_.host_off_at_end && host_.on()) object("the host was off, and is left on");
  }

  void proof() {
    if (result_.ended->outcome() != wire::Ended::SUCCEEDED) return;
    const auto& installs = host_.installs();
    if (case_.only_boots) return booted_once();
    if (installs.size() != 1 || !installs.front().completed)
      object("SUCCEEDED, but its installer did not end");
    if (result_.ended->proof() >= wire::PROOF_BOOTED && !result_.new_system_ran)
      object("SUCCEEDED as booted, but the new system had not run");
    if (result_.ended->proof() == wire::PROOF_REACHABLE && case_.port == Port::open)
      object("SUCCEEDED as reachable by a port that was open all the time");
  }

  void booted_once() {
    const auto times = std::ranges::count(host_.acts(), "runs what is on the medium", &bmcsim::Act::what);
    if (times != 1) object(fmt::format("SUCCEEDED, and its medium was booted {} times", times));
    if (!host_.installs().empty()) object("what installs nothing has installed");
  }

  void disk() {
    const auto& installs = host_.installs();
    if (result_.ended->disk() == wire::DISK_UNTOUCHED && !installs.empty())
      object("the disk is called untouched, and was written");
    if (result_.ended->disk() == wire::DISK_NEW_SYSTEM &&
        !std::ranges::any_of(installs, &bmcsim::Install::completed))
      object("a new system is told, and there is none");
    for (const std::string& violation : host_.violations()) object("host: " + violation);
  }

  /// Every debt that is told is true, every true debt is told. Of sessions nobody knows once the BMC lets
  /// nobody in.
  void debts() {
    const wire::Ended& ended = *result_.ended;
    const bool ours = has(host_.media_url(), "/m/");
    const std::pair<std::string_view, bool> truths[] = {{"media", ours},
                                                        {"override", host_.boot_override() != "Disabled"},
                                                        {"session", model_.own_sessions() > 0}};
    for (const auto& [word, is_true] : truths) {
      const bool told = debt_told(ended, word);
      const bool cannot_know = word == "session" && ended.outcome() == wire::Ended::INDETERMINATE;
      if (told && !is_true && !cannot_know) object(fmt::format("a debt is told and not true: {}", word));
      if (!told && is_true) object(fmt::format("a debt is true and not told: {}", word));
    }
    if (!case_.foreign_medium.empty() && ended.outcome() != wire::Ended::SUCCEEDED &&
        host_.media_url() != case_.foreign_medium)
      object("somebody else's medium is gone");
  }

  void calls() {
    const auto& asked = model_.asked();
    const auto times = std::ranges::count_if(asked, [&](const auto& one) {
      return !case_.most.request.empty() && one.what.ends_with(case_.most.request);
    });
    if (times > case_.most.times)
      object(fmt::format("{} was asked for {} times, {} are enough", case_.most.request, times,
                         case_.most.times));
    if (case_.never_called.empty()) return;
    const bool called = std::ranges::any_of(host_.acts(), [&](const bmcsim::Act& act) {
      return act.what == "reset call" && act.detail == case_.never_called;
    });
    if (called) object(fmt::format("Reset {} was asked for", case_.never_called));
  }

  const Case& case_;
  const CaseResult& result_;
  const bmcsim::BmcModel& model_;
  const bmcsim::Host& host_;
  std::vector<std::string> objections_;
};

}  // namespace

std::string seen(const CaseResult& result) {
  std::string text;
  if (result.inspected && result.inspected->has_fault())
    text += "inspect " + wire::FaultCode_Name(result.inspected->fault().code()) + ": " +
            words_of(result.inspected->fault()) + " || ";
  if (!result.ended) return text + "no end";
  const wire::Ended& ended = *result.ended;
  text += end_of(ended) + " " + wire::ProofGrade_Name(ended.proof());
  if (ended.has_fault()) text += ": " + words_of(ended.fault());
  if (ended.debts_size() > 0) text += fmt::format(" | debts: {}", fmt::join(ended.debts(), "; "));
  return text;
}

std::vector<std::string> objections(const Case& the_case, const CaseResult& result, const Machine& machine) {
  return Judge(the_case, result, machine).judge();
}

}  // namespace metalmesh::sim
