#include "controller/cli/grammar.h"

namespace metalmesh::cli {

void Grammar::events() {
  auto [app, a] = command(app_, "events", "The event log", [](Session& session, const Arguments& x) {
    return show_events(session, x.events);
  });
  app->add_flag("-f,--follow", a->events.follow, "Go on as events come, through restarts of the controller");
  app->add_option("--after", a->events.after, "Only events behind the one of this id");
  app->add_option("--rollout", a->events.filter["rollout"]);
  app->add_option("--of-server", a->events.filter["server"]);
  app->add_option("--site", a->events.filter["site"]);
  app->add_option("--type", a->events.type, "Only these: audit, ended, drift, ...")->type_name("TYPE");
  app->add_option("--since", a->events.since,
                  "Only newer ones: how long ago (90m, 2h, 7d), or when (2026-12-02T18:00:00Z)")
      ->type_name("TIME");
  app->add_option("--tail", a->events.tail, "Only the newest so many")->check(CLI::Range(1, 1000));
}

void Grammar::reports() {
  CLI::App& report = group("report", "What somebody should know of the fleet");
  const auto add_format = [](CLI::App& app, ReportOrder& order) {
    app.add_option("-o,--output", order.format, "How it looks")
        ->check(CLI::IsMember({"table", "csv", "json"}));
  };
  auto [posture, p] =
      command(report, "posture", "Legacy boot, Secure Boot off, IPMI over LAN, certificates, clocks",
              [](Session& session, const Arguments& x) { return report_posture(session, x.report); });
  add_format(*posture, p->report);
  posture->add_option("-l,--selector", p->report.selector, "Labels: key=value[,key=value]");
  posture->add_option("--where", p->report.where, "Of these servers, e.g. 'site = par1'");
  posture->add_option("--clock", p->report.clock, "By how much a BMC's clock may be wrong; 5m if not given")
      ->type_name("DURATION");
  posture
      ->add_option("--certificate", p->report.certificate, "For how long it is to be good; 30d if not given")
      ->type_name("DURATION");
  posture->footer(
      "Exit code 1: there is a finding that no PostureException accepts. What a BMC does not tell is no "
      "finding.");
  auto [drift, d] =
      command(report, "drift", "What of servers is no longer as it was",
              [](Session& session, const Arguments& x) { return report_drift(session, x.report); });
  add_format(*drift, d->report);
  drift->add_option("--since", d->report.since, "How far back; 7d if not given")->type_name("DURATION");
  drift->footer("Exit code 1: something changed.");
}

}  // namespace metalmesh::cli
