#include "controller/cli/grammar.h"

namespace metalmesh::cli {

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

void Grammar::controller() {
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
}

void Grammar::support() {
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
