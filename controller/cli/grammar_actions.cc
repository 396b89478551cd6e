#include "controller/cli/grammar.h"

namespace metalmesh::cli {
namespace {

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

}  // namespace

void Grammar::add_order(CLI::App& app, FleetOrder& order) {
  app.add_option("server", order.options.servers, "Servers by name");
  add_fleet(app, order);
  app.callback([this, &order] {
    if (selects_none(order.options)) throw CLI::RequiredError(needs_selection);
    chosen = [this, &order] { return order_fleet(session_, order); };
  });
}

void Grammar::power() {
  auto [app, a] = command(app_, "power", "Switch servers, their lights or their BMCs: a rollout", {});
  FleetOrder& order = a->fleet;
  order.options.action = "power";
  app->add_option("change", order.options.change, "What to do")
      ->required()
      ->check(CLI::IsMember(power_changes()));
  add_order(*app, order);
  app->add_option("--within", order.options.within, "What was ordered must show by then; 10m if not given")
      ->type_name("DURATION");
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
  add_order(*app, order);
  app->add_option("--max-run", options.max_run, "Then it is ended; 4h if not given")->type_name("DURATION");
  app->add_option("--afterwards", options.afterwards, "The host, once it has ended; stay if not given")
      ->check(CLI::IsMember({"stay", "off", "restart"}));
  app->add_option("--powered-on", options.powered_on, "What to do with a host that is on")
      ->check(CLI::IsMember({"refuse", "graceful", "force"}));
  app->add_flag("--replace-foreign-media", options.replace_foreign_media, "Eject media that is not ours");
  app->add_flag("--in-use", options.in_use, "Also servers in use: what is booted can write their disks");
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
    add_order(*app, order);
    if (deed == "end-sessions") app->add_flag("--all", order.options.all, "Those of every account");
    if (deed == "eject") app->add_flag("--all", order.options.all, "Whosever medium it is");
  }
  auto [reset, r] = command(parent, "reset", "Restart the BMC; its host runs on: a rollout", {});
  FleetOrder& restart = r->fleet;
  restart.options.action = "power";
  restart.options.change = "bmc-reset";
  add_order(*reset, restart);

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

void Grammar::inspect(CLI::App& parent) {
  auto [inspect, i] = command(parent, "inspect", "Ask servers' BMCs who they are; reads only", {});
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

}  // namespace metalmesh::cli
