#include "controller/cli/grammar.h"

namespace metalmesh::cli {

void Grammar::sites() {
  CLI::App& site = group("site", "Sites");
  auto [clear, c] = command(site, "clear-quarantine", "Vouch for a site's agent after a quarantine",
                            [](Session& session, const Arguments& x) {
                              return clear_quarantine(session, x.name, x.note, x.journal);
                            });
  clear->add_option("name", c->name)->required();
  clear->add_option(
      "--journal", c->journal,
      "Of two agents under one name: the journal of the one to go on with (default: the one that lives)");
  clear->add_option("--note", c->note, "Why it is safe; goes into the audit log")->required();

  auto [open, o] =
      command(site, "first-contact", "Let a delivery in: log in to BMCs by the key that they show",
              [](Session& session, const Arguments& x) {
                return open_first_contact(session, x.name, x.as, x.duration, x.note);
              });
  open->add_option("name", o->name)->required();
  open->add_option("--network", o->as, "Where they stand, e.g. 10.20.0.0/24")->required()->type_name("CIDR");
  open->add_option("--for", o->duration, "How long, at most 24h; 4h if not given; 0s closes it");
  open->add_option("--reason", o->note, "Which delivery; goes into the audit log")->required();
  open->footer(
      "Elsewhere a BMC whose key nobody has approved is only looked at: \"metalmesh inspect NAME\" shows the "
      "key, "
      "and\n"
      "\"metalmesh server accept NAME\" approves it. Keys that are known ahead: spec.bmc.keySha256 of the "
      "server.");

  auto [revoke, r] = command(
      site, "revoke", "Hear nothing any more of whoever has a site's key, for good",
      [](Session& session, const Arguments& x) { return revoke_site(session, x.name, x.as, x.note); });
  revoke->add_option("name", r->name)->required();
  revoke->add_option("--confirm", r->as, "Its name once more: this cannot be taken back")->required();
  revoke->add_option("--reason", r->note, "For the audit log")->required();
}

void Grammar::pki() {
  CLI::App& pki = group("pki", "Keys and certificates of a mesh");
  auto [init, i] = command(pki, "init", "Create what is missing; existing files are kept",
                           [](Session& session, const Arguments& x) { return make_pki(session, x.pki); });
  init->add_option("--dir", i->pki.folder, "Folder, e.g. ./pki")->required();
  init->add_option("--site", i->pki.sites, "name[=host,...]; hosts are what its BMCs dial");
  init->add_option("--tool", i->pki.tools, "A user that asks over the broker; its name begins with tool-")
      ->type_name("NAME")
      ->allow_extra_args(false);
  init->add_option("--host", i->pki.hosts, "Names and addresses of broker and controller, besides localhost");
  init->add_option("--api-url", i->pki.api_url, "For config.yaml; default https://localhost:8443");

  auto [revoke, r] = command(
      pki, "revoke", "Put the certificate of a site or a tool on the list that the broker reads (crl.pem)",
      [](Session& session, const Arguments& x) { return revoke_certificate(session, x.pki.folder, x.name); });
  revoke->add_option("--dir", r->pki.folder, "Folder of \"pki init\", with ca.key")->required();
  auto* whose = revoke->add_option_group("whose");
  whose->add_option("--site", r->name, "The site's");
  whose->add_option("--tool", r->name, "The tool's");
  whose->require_option(1);

  auto [renew, n] = command(
      pki, "renew-list", "Write the list of revoked certificates (crl.pem) anew, good for longer",
      [](Session& session, const Arguments& x) { return renew_list(session, x.pki.folder, x.duration); });
  renew->add_option("--dir", n->pki.folder, "Folder of \"pki init\", with ca.key")->required();
  renew->add_option("--for", n->duration, "How long, e.g. 90d; as long as the authority if not given");
}

}  // namespace metalmesh::cli
