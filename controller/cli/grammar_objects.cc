#include "controller/cli/grammar.h"
#include "controller/cli/server_csv.h"

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

}  // namespace

void Grammar::applies() {
  constexpr char what[] =
      "File with any number of objects, YAML or JSON (also one a line); - is standard input";
  auto [apply, a] = command(app_, "apply", "Create or change objects; starts nothing",
                            [](Session& s, const Arguments& x) { return apply_files(s, x.apply); });
  apply->add_option("-f,--file", a->apply.files, what)->required()->type_name("FILE");
  apply->add_flag("--dry-run", a->apply.dry_run, "Only tell what would be created, changed or refused");
  apply->add_flag("--atomic", a->apply.atomic, "All of them or none");
  apply->footer(
      "Without --atomic what is right is taken, and the rest is told, with file and line; exit code 1 then. "
      "The same "
      "again\nchanges nothing. What get -o json and -o yaml print may be applied: an object that has a "
      "version is refused "
      "when\nit has changed since.");

  auto [diff, d] = command(app_, "diff", "What an apply would change, field by field",
                           [](Session& s, const Arguments& x) { return diff_files(s, x.apply); });
  diff->add_option("-f,--file", d->apply.files, what)->required()->type_name("FILE");
  diff->footer("Exit code 0: nothing would change; 4: something would; 1: something is refused.");

  auto [import, i] = command(app_, "import", "Register servers from a CSV file; starts nothing",
                             [](Session& s, const Arguments& x) { return import_servers(s, x.apply); });
  import->add_option("file", i->apply.files, "CSV file; - is standard input")->required()->type_name("FILE");
  import->add_flag("--dry-run", i->apply.dry_run, "Only tell what would become of each row");
  import->add_flag("--atomic", i->apply.atomic, "All rows or none");
  import->add_flag("--without-passwords", i->apply.without_passwords, "Pass over column bmc_password");
  import->footer(
      "The first line names the columns, of these: " + csv_column_words() +
      "\nlabels: key=value, with ; between. state: new, or inUse (nothing: what the site says). A cell that "
      "is "
      "empty\nchanges nothing of a server that is registered. Passwords of BMCs stay at their site: a "
      "column bmc_password is\nrefused, or passed over.");
}

void Grammar::objects() {
  applies();
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
                  "Conditions joined by and, e.g. 'firmware.bmc < 2.60 and ipmi = on', 'any ~ *web*'");
  get->add_option_function<std::vector<std::string>>(
         "--field",
         [where = &g->query["where"]](const std::vector<std::string>& fields) {
           for (const std::string& each : fields)
             *where += (where->empty() ? "" : " and ") + field_condition(each);
         },
         "A field that is to have this value: spec.site=par1, status.phase!=ready; may be repeated")
      ->type_name("PATH=VALUE")
      ->trigger_on_parse(false);
  get->add_option("--sort", session_.view.sort,
                  "By a column or a path; with a dash in front from the last on")
      ->type_name("COLUMN");
  get->add_option("--columns", session_.view.columns,
                  "Only these: headings or paths, e.g. name,site,metadata.labels.role")
      ->type_name("LIST");
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

void Grammar::images() {
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
}

}  // namespace metalmesh::cli
