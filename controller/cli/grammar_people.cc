#include "controller/cli/grammar.h"

namespace metalmesh::cli {
namespace {

void add_token_options(CLI::App& app, TokenOrder& order) {
  app.add_option("name", order.user)->required();
  app.add_option("--for", order.duration, "How long the token is good; 90d if not given, 366d at most")
      ->type_name("DURATION");
  app.add_option("--keep-in", order.file, "File (0600) for the token, instead of showing it")
      ->type_name("FILE");
  app.add_option("--note", order.note, "Whose, what for");
}

}  // namespace

void Grammar::people() {
  CLI::App& user = group("user", "Who may call the controller, and do what");
  auto [create, c] = command(user, "create", "A person or a tool, with a first token",
                             [](Session& s, const Arguments& x) { return create_user(s, x.user); });
  add_token_options(*create, c->user.token);
  create->add_option("--role", c->user.role, "viewer reads, operator acts, approver lifts limits, admin all")
      ->required()
      ->check(CLI::IsMember({"viewer", "operator", "approver", "admin"}));
  create
      ->add_option("--site", c->user.sites, "Sees and changes what is of these sites alone; may be repeated")
      ->allow_extra_args(false);
  create->add_option("--action", c->user.actions, "Orders these alone, e.g. inspect; may be repeated")
      ->allow_extra_args(false);

  command(user, "list", "Users and their tokens",
          [](Session& s, const Arguments&) { return get_objects(s, *find_kind("User"), {}, {}); });

  auto [disable, d] = command(user, "disable", "No token of a user is good from now on; streams end",
                              [](Session& s, const Arguments& x) { return disable_user(s, x.name, true); });
  disable->add_option("name", d->name)->required();
  auto [enable, e] = command(user, "enable", "Undo a disable",
                             [](Session& s, const Arguments& x) { return disable_user(s, x.name, false); });
  enable->add_option("name", e->name)->required();

  auto [token, t] = command(user, "token", "Give a user one more token",
                            [](Session& s, const Arguments& x) { return give_token(s, x.user.token); });
  add_token_options(*token, t->user.token);
  auto [revoke, r] = command(user, "revoke", "Take a token back; its streams end",
                             [](Session& s, const Arguments& x) { return revoke_token(s, x.name, x.note); });
  revoke->add_option("name", r->name)->required();
  revoke->add_option("token", r->note, "Its digits, as metalmesh user list shows them")->required();
  user.footer(
      "Tokens of the controller's tokens file are not listed here: they are its host's to give and to take.");
}

void Grammar::limits() {
  CLI::App& limits = group("limits", "How many machines may be wiped within an hour");
  command(limits, "list",
          "What was started within the hour, of which sites and by whom; what an approver has to look at",
          [](Session& s, const Arguments&) { return show_limits(s); });
  auto [widen, w] = command(limits, "widen", "Another ceiling for a time; for approvers",
                            [](Session& s, const Arguments& x) { return widen_limit(s, x.widen); });
  widen->add_option("kind", w->widen.kind)->required()->check(CLI::IsMember({"site", "actor"}));
  widen->add_option("name", w->widen.name)->required();
  widen
      ->add_option(
          "--to", w->widen.per_hour,
          "Starts within an hour; of an actor it may be left out: what failed of hers is forgiven then")
      ->type_name("NUMBER");
  widen->add_option("--for", w->widen.duration, "How long; 2h if not given, 24h at most")
      ->type_name("DURATION");
  widen->add_option("--reason", w->widen.reason, "For the audit log")->required();

  CLI::App& server = *app_.get_subcommand("server");
  auto [approve, a] =
      command(server, "approve", "You looked at a server that was unprotected by --break-glass",
              [](Session& s, const Arguments& x) { return approve_server(s, x.name, x.note); });
  approve->add_option("name", a->name)->required();
  approve->add_option("--note", a->note, "What you saw; goes into the audit log")->required();
}

}  // namespace metalmesh::cli
