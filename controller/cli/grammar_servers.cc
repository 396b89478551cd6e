#include "controller/cli/grammar.h"

namespace metalmesh::cli {
namespace {

void add_identity(CLI::App& app, IdentityOrder& order) {
  app.add_option("name", order.server)->required();
  CLI::Option* confirm = app.add_option("--confirm", order.confirm,
                                        "The serial that its BMC reports now; without it both are shown");
  CLI::Option* reason = app.add_option("--reason", order.reason, "For the audit log");
  confirm->needs(reason);
}

}  // namespace

void Grammar::servers() {
  CLI::App& server = group("server", "Identity, use and protection");
  // Both spellings: it is typed most, and the mesh's own messages use the short one.
  inspect(app_);
  inspect(server);

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

}  // namespace metalmesh::cli
