#include "controller/cli/grammar.h"

namespace metalmesh::cli {

void Grammar::installs() {
  auto [app, a] = command(app_, "install", "Install one server: a rollout of one",
                          [](Session& s, const Arguments& x) { return install_server(s, x.install); });
  InstallOptions& options = a->install.options;
  app->add_option("server", options.server)->required();
  app->add_option("--image", options.image)->required();
  app->add_option("--profile", options.profile, "name or name@version")->required();
  app->add_flag("--reinstall", options.reinstall, "The server may hold an installed system");
  app->add_option("--powered-on", options.powered_on, "What to do when it is on")
      ->check(CLI::IsMember({"refuse", "graceful", "force"}));
  app->add_flag("--replace-foreign-media", options.replace_foreign_media, "Eject media that is not ours");
  app->add_option("--var", options.vars, "Variable for the answer file, key=value");
  auto* plan = app->add_flag("--plan", a->plan_only, "Only show the plan (the default)");
  app->add_option("--confirm", a->install.confirm, "The serial number of the server: starts the install")
      ->excludes(plan);
  app->add_flag("--watch", a->install.watch, "Follow it to its end");
}

void Grammar::rollouts() {
  CLI::App& rollout = group("rollout", "Plan, start, follow, pause and stop");
  auto [plan, p] =
      command(rollout, "plan", "Freeze who takes part, and show who not and why",
              [](Session& s, const Arguments& x) { return plan_rollout(s, x.name, x.files, x.all); });
  plan->add_option("name", p->name);
  plan->add_option("-f,--file", p->files, "Apply this rollout first");
  plan->add_flag("--all", p->all, "Server by server, however many they are");
  Arguments* planned = p;
  plan->callback([this, planned] {
    if (planned->name.empty() && planned->files.empty())
      throw CLI::RequiredError("a rollout's name, or -f FILE");
    chosen = [this, planned] { return plan_rollout(session_, planned->name, planned->files, planned->all); };
  });

  auto [start, s] =
      command(rollout, "start", "Start the plan that was shown",
              [](Session& session, const Arguments& x) { return start_rollout(session, x.start); });
  start->add_option("name", s->start.name)->required();
  start->add_option("--plan", s->start.plan, "Digest of the plan, at least 8 characters")->required();
  start->add_option("--confirm", s->start.confirm, "Number of servers in the plan")->required();
  start->add_option("--until", s->start.until, "Nothing starts later: 2026-10-04T05:00:00Z, or 2h from now");
  start->add_flag("--watch", s->start.watch, "Follow it to its end");

  auto [watch, w] =
      command(rollout, "watch", "Follow to the end; succeeds if every server did",
              [](Session& session, const Arguments& x) { return watch_rollout(session, x.name); });
  watch->add_option("name", w->name)->required();

  exits(rollout);
  auto [stop, b] =
      command(rollout, "stop", "Call back what was not launched; what was goes on",
              [](Session& session, const Arguments& x) { return stop_rollout(session, x.name, x.note); });
  stop->add_option("name", b->name)->required();
  stop->add_option("--reason", b->note, "For the audit log");

  auto [get, g] =
      command(rollout, "get", "List rollouts, or show one", [](Session& session, const Arguments& x) {
        return get_or_watch(session, *find_kind("Rollout"), x.name, x.query, x.watch);
      });
  get->add_option("name", g->name);
  add_watch(*get, g->watch);
}

void Grammar::exits(CLI::App& rollout) {
  auto [pause, p] =
      command(rollout, "pause", "Start no more for now; what runs goes on",
              [](Session& session, const Arguments& x) { return pause_rollout(session, x.name, x.note); });
  pause->add_option("name", p->name)->required();
  pause->add_option("--reason", p->note, "For the audit log");

  auto [go_on, c] =
      command(rollout, "continue", "Let the next wave begin, or go on after a pause or a stop",
              [](Session& session, const Arguments& x) { return continue_rollout(session, x.exit); });
  go_on->add_option("name", c->exit.name)->required();
  go_on->add_option("--wave", c->exit.wave, "Number of the wave that is handed out then")->required();
  go_on->add_option("--confirm", c->exit.confirm, "Number of its servers that wait");
  go_on->add_option("--accept-failures", c->exit.accept, "Number of failures so far: they count no more");
  go_on->add_option("--reason", c->exit.reason, "For the audit log");

  auto [skip, s] =
      command(rollout, "skip", "Take servers out of it: nothing of them counts as a failure",
              [](Session& session, const Arguments& x) { return skip_servers(session, x.exit); });
  skip->add_option("name", s->exit.name)->required();
  skip->add_option("--server", s->exit.servers, "Its name; may be repeated");
  skip->add_option("--site", s->exit.sites, "All of this site; may be repeated");
  skip->add_option("--reason", s->exit.reason, "For the audit log")->required();

  auto [set, l] = command(rollout, "set", "Other limits, beside the plan's digest",
                          [](Session& session, const Arguments& x) { return set_rollout(session, x.exit); });
  set->add_option("name", l->exit.name)->required();
  set->add_option("--until", l->exit.until, "Nothing starts later: 2026-10-04T05:00:00Z, or 2h from now");
  set->add_option("--parallel", l->exit.parallel, "Servers side by side");
  set->add_option("--parallel-site", l->exit.per_site, "The same at one site");
  set->add_option("--reason", l->exit.reason, "For the audit log");

  auto [retry, t] =
      command(rollout, "retry", "Once more what failed and left its disk as it was: by a rollout of its own",
              [](Session& session, const Arguments& x) { return retry_rollout(session, x.retry); });
  retry->add_option("name", t->retry.name)->required();
  retry->add_option("--cause", t->retry.cause, "Only what failed by this: BMC_UNREACHABLE, ...");
  retry->add_flag("--wiped", t->retry.wiped, "Also whose disk was written: it is wiped again");
  retry->add_option("--confirm", t->retry.confirm, "Number of servers in the plan: starts it");
  retry->add_flag("--watch", t->retry.watch, "Follow it to its end");

  auto [report, r] = command(
      rollout, "report", "What became of each server",
      [](Session& session, const Arguments& x) { return report_rollout(session, x.name, x.report.format); });
  report->add_option("name", r->name)->required();
  report->add_option("-o,--output", r->report.format, "How it looks")
      ->check(CLI::IsMember({"table", "csv", "json"}));
  report->footer("Exit code 1: a server did not succeed.");
}

void Grammar::deployments() {
  CLI::App& deployment = group("deployment", "One server in one rollout");
  auto [get, g] =
      command(deployment, "get", "List deployments, or show one", [](Session& session, const Arguments& x) {
        return get_or_watch(session, *find_kind("Deployment"), x.name, x.query, x.watch);
      });
  get->add_option("id", g->name);
  add_filters(*get, g->query);
  add_watch(*get, g->watch);

  auto [resolve, r] =
      command(deployment, "resolve", "Decide what nobody can know", [](Session& session, const Arguments& x) {
        return resolve_deployments(session, x.names, x.as, x.note);
      });
  resolve->add_option("server", r->names, "Names of servers, or ids of deployments")->required();
  resolve->add_option("--as", r->as)->required()->check(CLI::IsMember({"succeeded", "failed", "cancelled"}));
  resolve->add_option("--note", r->note, "How you know; goes into the audit log")->required();

  auto [transcript, t] = command(
      deployment, "transcript", "What was said with the BMC of one that did not succeed, as JSON lines",
      [](Session& session, const Arguments& x) { return show_transcript(session, x.name, x.file); });
  transcript->add_option("server", t->name, "A server's name, or a deployment's id")->required();
  transcript->add_option("--screen", t->file, "Instead, what its host's screen showed, into this file");

  auto [cancel, c] = command(
      deployment, "cancel", "Call one back, or end what boot-iso has started; a launched installer goes on",
      [](Session& session, const Arguments& x) { return cancel_deployment(session, x.name, x.note); });
  cancel->add_option("id", c->name, "Or the name of its server")->required();
  cancel->add_option("--reason", c->note, "For the audit log")->required();
}

}  // namespace metalmesh::cli
