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
  CLI::App& rollout = group("rollout", "Plan, start, follow and abort");
  auto [plan, p] = command(rollout, "plan", "Freeze who takes part, and show who not and why",
                           [](Session& s, const Arguments& x) { return plan_rollout(s, x.name, x.files); });
  plan->add_option("name", p->name);
  plan->add_option("-f,--file", p->files, "Apply this rollout first");
  Arguments* planned = p;
  plan->callback([this, planned] {
    if (planned->name.empty() && planned->files.empty())
      throw CLI::RequiredError("a rollout's name, or -f FILE");
    chosen = [this, planned] { return plan_rollout(session_, planned->name, planned->files); };
  });

  auto [start, s] =
      command(rollout, "start", "Start the plan that was shown",
              [](Session& session, const Arguments& x) { return start_rollout(session, x.start); });
  start->add_option("name", s->start.name)->required();
  start->add_option("--plan", s->start.plan, "Digest of the plan, at least 8 characters")->required();
  start->add_option("--confirm", s->start.confirm, "Number of servers in the plan")->required();
  start->add_flag("--watch", s->start.watch, "Follow it to its end");

  auto [watch, w] =
      command(rollout, "watch", "Follow to the end; succeeds if every server did",
              [](Session& session, const Arguments& x) { return watch_rollout(session, x.name); });
  watch->add_option("name", w->name)->required();

  auto [abort, b] =
      command(rollout, "abort", "Call back what was not launched; what was goes on",
              [](Session& session, const Arguments& x) { return abort_rollout(session, x.name, x.note); });
  abort->add_option("name", b->name)->required();
  abort->add_option("--reason", b->note, "For the audit log");

  auto [get, g] =
      command(rollout, "get", "List rollouts, or show one", [](Session& session, const Arguments& x) {
        return get_or_watch(session, *find_kind("Rollout"), x.name, x.query, x.watch);
      });
  get->add_option("name", g->name);
  add_watch(*get, g->watch);
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

  auto [resolve, r] = command(
      deployment, "resolve", "Decide what nobody can know",
      [](Session& session, const Arguments& x) { return resolve_deployment(session, x.name, x.as, x.note); });
  resolve->add_option("server", r->name, "A server's name, or a deployment's id")->required();
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
