#include "controller/cli/grammar.h"

namespace metalmesh::cli {
namespace {

constexpr char quirks_word[] = "quirks";

void add_kind(CLI::App& app, const Kind*& kind) {
  app.add_option_function<std::string>(
         "kind", [&kind](const std::string& word) { kind = find_kind(word); }, "One of: " + kind_words())
      ->required()
      ->check([](const std::string& word) {
        return find_kind(word) != nullptr ? std::string() : unknown_kind(word);
      });
}
void add_identity(CLI::App& app, IdentityOrder& order) {
  app.add_option("name", order.server)->required();
  CLI::Option* confirm = app.add_option("--confirm", order.confirm,
                                        "The serial that its BMC reports now; without it both are shown");
  CLI::Option* reason = app.add_option("--reason", order.reason, "For the audit log");
  confirm->needs(reason);
}
/// Whom an action is for, how many at once, and what starts it.
void add_fleet(CLI::App& app, FleetOrder& order) {
  FleetOptions& options = order.options;
  app.add_option("-l,--selector", options.selector, "Labels: key=value[,key=value]");
  app.add_option("--site", options.sites, "Servers of these sites, * for any letters; may be repeated")
      ->allow_extra_args(false);
  app.add_option("--exclude", options.exclude, "Names to leave out, * for any letters; may be repeated")
      ->allow_extra_args(false);
  app.add_option("--parallel", options.parallel, "How many at once");
  app.add_option("--per-site", options.per_site, "How many at once in each site");
  app.add_option("--confirm", order.confirm, "The number of servers in the plan: starts it");
  app.add_flag("--watch", order.watch, "Follow it to its end");
}
bool selects_none(const FleetOptions& options) {
  return options.servers.empty() && options.selector.empty() && options.sites.empty();
}
/// Nothing but names: there is nothing to plan.
bool only_names(const FleetOrder& order) {
  const FleetOptions& o = order.options;
  return o.selector.empty() && o.sites.empty() && o.exclude.empty() && o.parallel == 0 && o.per_site == 0 &&
         !order.confirm && !order.watch;
}
constexpr char needs_selection[] = "a server's name, -l SELECTOR or --site SITE";
void add_filters(CLI::App& app, std::map<std::string, std::string>& query) {
  app.add_option("-l,--selector", query["labelSelector"], "Labels: key=value[,key=value]");
  app.add_option("--rollout", query["rollout"], "Deployments of this rollout");
  app.add_option("--of-server", query["server"], "Deployments of this server");
  app.add_option("--state", query["state"], "Deployments in this state");
}
void add_watch(CLI::App& app, bool& watch) {
  app.add_flag("-w,--watch", watch, "Go on with a row for each change, through restarts of the controller");
}
CommandResult get_or_watch(Session& session, const Kind& kind, const std::string& name,
                           const std::map<std::string, std::string>& query, bool watch) {
  return watch ? watch_objects(session, kind, name, query) : get_objects(session, kind, name, query);
}

}  // namespace

Grammar::Grammar(CLI::App& app, Session& session) : app_(app), session_(session) {
  app_.require_subcommand(1);
  app_.fallthrough();
  app_.set_version_flag("--version", "metalmesh " + session.version());
  app_.add_option("--server", session.context.server,
                  "Address of the controller, https://host:port; on its own host unix:DATADIR/admin.sock, "
                  "without a token");
  app_.add_option("--ca", session.context.ca, "PEM file of the authority that signed its certificate");
  app_.add_option("--token-file", session.context.token_file, "File (0600) with the bearer token");
  app_.add_option_function<std::string>(
          "-o,--output",
          [this](const std::string& word) {
            session_.format = word == "json" ? Format::json : word == "yaml" ? Format::yaml : Format::table;
          },
          "How results look")
      ->check(CLI::IsMember({"table", "json", "yaml"}));
  app_.footer(
      "Context (server, ca, tokenFile): $METALMESH_CONFIG, else ~/.config/metalmesh/config.yaml, else "
      "what\n"
      "metalmesh up left in its folder.\n"
      "Exit codes: 0 done, 1 refused or failed, 2 usage, 3 the controller was not reached.");
  mesh();
  objects();
  installs();
  profiles();
  power();
  boot_iso();
  bmc();
  doctor();
  discover();
  rollouts();
  deployments();
  servers();
  machines();
  events();
  reports();
  hardware();
  people();
  limits();
  sites();
  pki();
  others();
}

std::pair<CLI::App*, Grammar::Arguments*> Grammar::command(CLI::App& parent, const std::string& name,
                                                           const std::string& help, Run run) {
  Arguments& arguments = arguments_.emplace_back();
  CLI::App* app = parent.add_subcommand(name, help);
  app->fallthrough();
  app->callback([this, &arguments, run = std::move(run)] {
    chosen = [this, &arguments, run] { return run(session_, arguments); };
  });
  return {app, &arguments};
}

CLI::App& Grammar::group(const std::string& name, const std::string& help) {
  CLI::App* app = app_.add_subcommand(name, help);
  app->require_subcommand(1);
  app->fallthrough();
  return *app;
}

void Grammar::mesh() {
  auto [app, a] =
      command(app_, "up", "Run broker, controller and agents here, until ctrl-C; for trying and small sites",
              [](Session& s, const Arguments& x) { return run_mesh(s, x.up); });
  UpOrder& order = a->up;
  app->add_option("--data", order.folder,
                  "Keys, stores and logs; $XDG_STATE_HOME/metalmesh or ~/.local/state/metalmesh")
      ->type_name("DIR");
  app->add_option("--site", order.sites,
                  "Add a site; ADDRESS is what its BMCs dial. Without any, the first start adds \"local\"")
      ->type_name("NAME[=ADDRESS]");
  app->add_option("--media-address", order.media_address,
                  "What the BMCs of the other sites dial; 127.0.0.1 at first")
      ->type_name("ADDRESS");
  app->add_option("--port", order.port,
                  "Of the API; the broker and the sites' media take those after it. 0: any that are free. "
                  "8443 at first")
      ->type_name("PORT");
  app->footer("What is given changes what the folder remembers; without options it starts as it was.");
}

void Grammar::objects() {
  auto [apply, a] = command(app_, "apply", "Create or change objects; starts nothing",
                            [](Session& s, const Arguments& x) { return apply_files(s, x.files); });
  apply->add_option("-f,--file", a->files, "YAML file with any number of objects; - is standard input")
      ->required();

  auto [get, g] = command(app_, "get", "List objects, or show one", [](Session& s, const Arguments& x) {
    return x.kind == nullptr ? show_quirks(s, x.name) : get_or_watch(s, *x.kind, x.name, x.query, x.watch);
  });
  // What is known of BMCs is no object of the mesh, and is asked for as if it were.
  get->add_option_function<std::string>(
         "kind", [kind = &g->kind](const std::string& word) { *kind = find_kind(word); },
         "One of: " + kind_words() + ", " + quirks_word)
      ->required()
      ->check([](const std::string& word) {
        return word == quirks_word || find_kind(word) != nullptr ? std::string() : unknown_kind(word);
      });
  get->add_option("name", g->name, "Name; profiles also name@version");
  get->add_option("--where", g->query["where"],
                  "Servers, inventories and hardware, e.g. 'firmware.bmc < 2.60 and ipmi = on'");
  add_filters(*get, g->query);
  add_watch(*get, g->watch);

  auto [describe, d] =
      command(app_, "describe", "Everything about one object",
              [](Session& s, const Arguments& x) { return describe_object(s, *x.kind, x.name); });
  add_kind(*describe, d->kind);
  describe->add_option("name", d->name)->required();

  auto [remove, r] =
      command(app_, "delete", "Forget an object; machines are not touched",
              [](Session& s, const Arguments& x) { return delete_object(s, *x.kind, x.name, x.note); });
  add_kind(*remove, r->kind);
  remove->add_option("name", r->name)->required();
  remove->add_option("--confirm", r->note, "The serial of a server that is protected, in use or installed");
}

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

void Grammar::profiles() {
  CLI::App& profile = group("profile", "How a system is to be installed");
  auto [render, r] = command(profile, "render", "Show what an install would write for one server",
                             [](Session& s, const Arguments& x) { return render_profile(s, x.render); });
  render->add_option("profile", r->render.profile, "name or name@version")->required();
  render->add_option("--server", r->render.server, "For which server")->required()->type_name("NAME");
  render->add_option("--image", r->render.image, "Check that it fits the profile")->type_name("NAME");
  render->add_option("--file", r->render.file, "Only this file, as it is")->type_name("PATH");
  render->footer(
      "Secrets are stars; words in [] stand for what only the site knows. The boot entry is chosen at the "
      "site, too:\nmetalmesh image inspect NAME shows those of an image.\n"
      "The address of the controller, which is --server, too, goes before the command.");
}

void Grammar::power() {
  auto [app, a] = command(app_, "power", "Switch servers, their lights or their BMCs: a rollout", {});
  FleetOrder& order = a->fleet;
  order.options.action = "power";
  app->add_option("change", order.options.change, "What to do")
      ->required()
      ->check(CLI::IsMember(power_changes()));
  app->add_option("server", order.options.servers, "Servers by name");
  add_fleet(*app, order);
  app->add_option("--within", order.options.within, "What was ordered must show by then; 10m if not given")
      ->type_name("DURATION");
  app->callback([this, &order] {
    if (selects_none(order.options)) throw CLI::RequiredError(needs_selection);
    chosen = [this, &order] { return order_fleet(session_, order); };
  });
  app->footer(
      "Shows the plan, and starts it only with --confirm. off and cycle do not ask the host; graceful does.\n"
      "Servers in use and protected ones take part: the plan says how many.");
}

void Grammar::boot_iso() {
  auto [app, a] = command(app_, "boot-iso", "Start servers from any image, once: a rollout", {});
  FleetOrder& order = a->fleet;
  FleetOptions& options = order.options;
  options.action = "boot-iso";
  app->add_option("image", options.image, "What to boot: a rescue system, a memory test, diagnostics")
      ->required();
  app->add_option("server", options.servers, "Servers by name");
  add_fleet(*app, order);
  app->add_option("--max-run", options.max_run, "Then it is ended; 4h if not given")->type_name("DURATION");
  app->add_option("--afterwards", options.afterwards, "The host, once it has ended; stay if not given")
      ->check(CLI::IsMember({"stay", "off", "restart"}));
  app->add_option("--powered-on", options.powered_on, "What to do with a host that is on")
      ->check(CLI::IsMember({"refuse", "graceful", "force"}));
  app->add_flag("--replace-foreign-media", options.replace_foreign_media, "Eject media that is not ours");
  app->add_flag("--in-use", options.in_use, "Also servers in use: what is booted can write their disks");
  app->callback([this, &order] {
    if (selects_none(order.options)) throw CLI::RequiredError(needs_selection);
    chosen = [this, &order] { return order_fleet(session_, order); };
  });
  app->footer(
      "Shows the plan, and starts it only with --confirm. It installs nothing, and what is known of a server "
      "stays as it is.\n"
      "It ends when its time is over, when the host goes off or starts anew, or by: metalmesh deployment "
      "cancel SERVER --reason "
      "TEXT");
}

void Grammar::bmc() {
  CLI::App& parent =
      group("bmc", "What people do for a BMC: its jobs, sessions, media, clock, licence, a restart");
  for (const std::string& deed : bmc_deeds()) {
    static const std::map<std::string, std::string> help = {
        {"clear-jobs", "Clear what waits in the BMC's own queues: a rollout"},
        {"end-sessions", "End sessions of our account that nobody here uses: a rollout"},
        {"eject", "Take out media of ours that no installer can be reading: a rollout"},
        {"set-clock", "Set the BMC's clock to the site's time: a rollout"},
        {"trust-ca",
         "Load the CA of the site's media server into slots that verify by CAs of their own: a rollout"}};
    auto [app, a] = command(parent, deed, help.at(deed), {});
    FleetOrder& order = a->fleet;
    order.options.action = "bmc";
    order.options.change = deed;
    add_bmc(*app, order);
    if (deed == "end-sessions") app->add_flag("--all", order.options.all, "Those of every account");
    if (deed == "eject") app->add_flag("--all", order.options.all, "Whosever medium it is");
  }
  auto [reset, r] = command(parent, "reset", "Restart the BMC; its host runs on: a rollout", {});
  FleetOrder& restart = r->fleet;
  restart.options.action = "power";
  restart.options.change = "bmc-reset";
  add_bmc(*reset, restart);

  auto [licence, l] = command(parent, "licence", "What licences BMCs have; reads only",
                              [](Session& s, const Arguments& x) { return doctor_servers(s, x.doctor); });
  licence->add_option("server", l->doctor.names)->required();
  l->doctor.only = "licence";

  auto [screen, p] = command(parent, "screen", "What the host's screen shows, as a picture; changes nothing",
                             [](Session& s, const Arguments& x) { return show_screen(s, x.name, x.file); });
  screen->add_option("server", p->name)->required();
  screen->add_option("file", p->file, "That gets the picture, in the format of the BMC (Dell: PNG)")
      ->required();
}

void Grammar::add_bmc(CLI::App& app, FleetOrder& order) {
  app.add_option("server", order.options.servers, "Servers by name");
  add_fleet(app, order);
  app.callback([this, &order] {
    if (selects_none(order.options)) throw CLI::RequiredError(needs_selection);
    chosen = [this, &order] { return order_fleet(session_, order); };
  });
}

void Grammar::doctor() {
  CLI::App& parent = group("doctor", "What stands in the way of an install; 1 when something does");
  const auto add_test = [](CLI::App& app, DoctorOrder& order) {
    auto* test = app.add_flag("--mount-test", order.mount_test,
                              "Also insert a small medium that boots nothing, see it read, and take it out");
    app.add_flag("--in-use", order.in_use,
                 "Test also where the host is on: the running OS will see a CD drive for about 40 s")
        ->needs(test);
  };
  auto [server, s] =
      command(parent, "server", "Of servers: all that their BMCs tell; changes nothing",
              [](Session& session, const Arguments& x) { return doctor_servers(session, x.doctor); });
  server->add_option("name", s->doctor.names)->required();
  add_test(*server, s->doctor);
  auto [rollout, r] =
      command(parent, "rollout", "Of all servers in a rollout's plan, by cause",
              [](Session& session, const Arguments& x) { return doctor_rollout(session, x.doctor); });
  rollout->add_option("name", r->doctor.names)->required()->expected(1);
  add_test(*rollout, r->doctor);
  auto [site, t] = command(parent, "site", "Of a site: its agent looks at itself",
                           [](Session& session, const Arguments& x) { return doctor_site(session, x.name); });
  site->add_option("name", t->name)->required();
}

void Grammar::discover() {
  auto [app, a] = command(app_, "discover", "Which BMCs stand at a site's addresses; registers nothing",
                          [](Session& s, const Arguments& x) { return discover_bmcs(s, x.discover); });
  DiscoverOrder& order = a->discover;
  app->add_option("site", order.site)->required();
  CLI::Option_group& what = *app->add_option_group("what");
  what.add_option(
          "--range", order.ranges,
          "10.20.0.0/24, 10.20.0.5-10.20.0.40, or one address; may be repeated, 4096 addresses at most")
      ->allow_extra_args(false);
  what.add_flag("--last", order.last, "Ask nothing: show what was found the last time");
  what.add_flag("--stop", order.stop, "End the one that runs");
  what.require_option(1);
  app->add_option("--port", order.port, "Of the BMCs; 443 if not given")->check(CLI::Range(1, 65535));
  app->add_option(
         "--serials", order.serials,
         "What should be there, a line each: SERIAL or SERIAL,NAME; says what is missing, what nobody "
         "expected")
      ->type_name("FILE");
  app->footer(
      "The site's agent opens ten addresses a second and reads the Redfish service root of what answers, "
      "without a\n"
      "login unless the address's network says discoverWithLogin (spec.bmcNetworks of the site). Ctrl-C "
      "leaves it\n"
      "running. With -o yaml it prints servers for: metalmesh apply -f FILE\n"
      "Exit code 1: --serials was given, and something is missing or nobody expected it.");
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

void Grammar::servers() {
  CLI::App& server = group("server", "Identity, use and protection");
  // Both spellings: it is typed most, and the mesh's own messages use the short one.
  for (CLI::App* parent : {&app_, &server}) {
    auto [inspect, i] = command(*parent, "inspect", "Ask servers' BMCs who they are; reads only", {});
    Arguments* asked = i;
    FleetOrder& order = i->fleet;
    order.options.action = "inspect";
    inspect->add_option("name", order.options.servers);
    CLI::Option* wait = inspect->add_flag("--wait", i->wait, "Wait for the answers and show them");
    inspect
        ->add_option(
            "--capture", i->file,
            "Read all that the BMC of one server shows, and write it to a file, with what was said and\n"
            "without what names the machine; metalmesh-bmcsim serve --tree FILE plays it")
        ->excludes(wait);
    add_fleet(*inspect, order);
    for (const char* of_rollouts :
         {"--selector", "--site", "--exclude", "--parallel", "--per-site", "--confirm", "--watch"})
      wait->excludes(inspect->get_option(of_rollouts));
    inspect->callback([this, asked, &order] {
      if (selects_none(order.options)) throw CLI::RequiredError(needs_selection);
      if (!asked->file.empty() && (!only_names(order) || order.options.servers.size() != 1))
        throw CLI::ValidationError("--capture takes one server by its name");
      chosen = [this, asked, &order] {
        if (!asked->file.empty()) return capture_server(session_, order.options.servers.front(), asked->file);
        return only_names(order) ? inspect_servers(session_, order.options.servers, asked->wait)
                                 : order_fleet(session_, order);
      };
    });
    inspect->footer("By name each is asked at once; a selection is a rollout, which --confirm starts.");
  }

  auto [accept, a] =
      command(server, "accept", "Pin what the last inspection saw as the identity",
              [](Session& session, const Arguments& x) { return accept_servers(session, x.names); });
  accept->add_option("name", a->names)->required();

  auto [protect, p] =
      command(server, "protect", "No rollout may select it",
              [](Session& session, const Arguments& x) { return protect_server(session, x.name, x.note); });
  protect->add_option("name", p->name)->required();
  protect->add_option("--reason", p->note);

  auto [unprotect, u] =
      command(server, "unprotect", "Allow a reinstall for a while", [](Session& session, const Arguments& x) {
        return unprotect_server(session, x.name, x.duration, x.note + x.as, !x.as.empty());
      });
  unprotect->add_option("name", u->name)->required();
  unprotect->add_option("--for", u->duration, "How long, e.g. 4h");
  auto* why = unprotect->add_option_group("why");
  why->add_option("--reason", u->note, "For the audit log");
  why->add_option("--break-glass", u->as,
                  "The reason, where no approver can be asked: one server in 15 minutes, told at once")
      ->type_name("REASON");
  why->require_option(1);

  auto [retire, r] =
      command(server, "retire", "Nothing will be ordered for it any more",
              [](Session& session, const Arguments& x) { return retire_server(session, x.name); });
  retire->add_option("name", r->name)->required();
}

void Grammar::machines() {
  CLI::App& server = *app_.get_subcommand("server");
  auto [adopt, d] = command(
      server, "adopt", "What is on it is somebody's: in use and protected",
      [](Session& session, const Arguments& x) { return adopt_servers(session, x.names, {}, x.note); });
  Arguments* adopted = d;
  adopt->add_option("name", d->names);
  adopt->add_option("-l,--selector", d->query["labelSelector"], "Labels: key=value[,key=value]");
  adopt->add_option("--reason", d->note, "For the audit log");
  adopt->callback([this, adopted] {
    if (adopted->names.empty() && adopted->query["labelSelector"].empty())
      throw CLI::RequiredError("a server's name, or -l SELECTOR");
    chosen = [this, adopted] {
      return adopt_servers(session_, adopted->names, adopted->query["labelSelector"], adopted->note);
    };
  });

  auto [release, r] =
      command(server, "release-for-install", "What is on it may be wiped by an install with --reinstall",
              [](Session& session, const Arguments& x) { return release_server(session, x.name, x.note); });
  release->add_option("name", r->name)->required();
  release->add_option("--reason", r->note, "For the audit log")->required();

  auto [clean, w] =
      command(server, "clean", "Take away what an agent that lost its folder left on its BMC",
              [](Session& session, const Arguments& x) { return clean_server(session, x.name, x.note); });
  clean->add_option("name", w->name)->required();
  clean->add_option("--reason", w->note, "Why no installer runs there; for the audit log")->required();

  auto [reidentify, i] =
      command(server, "reidentify", "It got another board, and its disks hold what they held",
              [](Session& session, const Arguments& x) { return reidentify_server(session, x.identity); });
  add_identity(*reidentify, i->identity);
  auto [replace, p] =
      command(server, "replace", "Another machine stands in its place under the same name",
              [](Session& session, const Arguments& x) { return replace_server(session, x.identity); });
  add_identity(*replace, p->identity);

  auto [move, m] =
      command(server, "move", "The same machine at another address; all that is known goes along",
              [](Session& session, const Arguments& x) { return move_server(session, x.move); });
  move->add_option("name", m->move.server)->required();
  move->add_option("--site", m->move.site, "Where it stands now; the same site if left out");
  move->add_option("--address", m->move.address, "Of its BMC")->required();
  move->add_option("--credential", m->move.credential, "Of its BMC, if another one");
}

void Grammar::events() {
  auto [app, a] = command(app_, "events", "The event log", [](Session& session, const Arguments& x) {
    return show_events(session, x.events);
  });
  app->add_flag("-f,--follow", a->events.follow, "Go on as events come, through restarts of the controller");
  app->add_option("--after", a->events.after, "Only events behind the one of this id");
  app->add_option("--rollout", a->events.filter["rollout"]);
  app->add_option("--of-server", a->events.filter["server"]);
  app->add_option("--site", a->events.filter["site"]);
}

void Grammar::others() {
  CLI::App& controller = group("controller", "The controller itself, after it was restored from a backup");
  command(controller, "status", "Whether it holds what it would do, and what differs from the sites",
          [](Session& session, const Arguments&) { return show_controller(session); });
  auto [go_on, g] =
      command(controller, "continue", "Go on: what differs is as it should be",
              [](Session& session, const Arguments& x) { return continue_controller(session, x.note); });
  go_on->add_option("--reason", g->note, "What you looked at; goes into the audit log")->required();

  auto [settle, d] =
      command(controller, "settle", "What rested on a damaged row of its store was put right",
              [](Session& session, const Arguments& x) { return settle_damage(session, x.name, x.note); });
  settle->add_option("row", d->name, "As \"metalmesh controller status\" names it")->required();
  settle->add_option("--reason", d->note, "What you did; goes into the audit log")->required();

  auto [backup, k] =
      command(app_, "backup", "Copy what the controller keeps, while it runs, into a folder on its machine",
              [](Session& session, const Arguments& x) { return back_up(session, x.name); });
  backup->add_option("dir", k->name, "A folder that is not there yet, or is empty")
      ->required()
      ->type_name("DIR");
  backup->footer(
      "The copy is read back before it counts. To put it back, with the controller stopped and its data\n"
      "folder moved away: metalmesh-controller restore DIR");

  CLI::App& image = group("image", "Installer images at the sites");
  auto [prefetch, f] =
      command(image, "prefetch", "Have sites fetch an image before a rollout needs it",
              [](Session& session, const Arguments& x) { return prefetch_image(session, x.name, x.names); });
  prefetch->add_option("name", f->name)->required();
  prefetch->add_option("--site", f->names, "Which sites; may be repeated")->required();
  auto [inspect, s] =
      command(image, "inspect", "What sites found in an image, and whether servers can be installed from it",
              [](Session& session, const Arguments& x) { return inspect_image(session, x.name); });
  inspect->add_option("name", s->name)->required();
  inspect->footer(
      "A site looks into an image when it has fetched it. Of a file, without any site:\n"
      "metalmesh-agent image inspect FILE. Exit code 1: it cannot be installed from, or nobody looked yet.");

  auto [support, b] =
      command(app_, "support-bundle", "Gather what others need to help; secrets are masked",
              [](Session& session, const Arguments& x) { return make_support_bundle(session, x.support); });
  support->add_option("-o,--output", b->support.output, "The archive; a name with the time if not given")
      ->type_name("FILE");
  support->add_option("--config", b->support.config, "Configuration of the controller on this machine")
      ->type_name("FILE");
  support
      ->add_option("--data", b->support.data,
                   "Folder of metalmesh up, or data folder of a controller that may be down")
      ->type_name("DIR");
  support->footer(
      "Works while the controller is down, as far as its files are here. Look into it before you send it:\n"
      "manifest.json lists every part with its size and SHA-256, and what could not be had.");

  command(app_, "version", "Versions of this program and of the controller",
          [](Session& session, const Arguments&) { return show_version(session); });
}

}  // namespace metalmesh::cli
