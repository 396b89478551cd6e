#include "controller/cli/grammar.h"

namespace metalmesh::cli {

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

}  // namespace metalmesh::cli
