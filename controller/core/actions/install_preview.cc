#include "controller/core/actions/install_preview.h"

#include <utility>

#include "common/answer/answer_order.h"
#include "common/base/command_words.h"
#include "common/families/family_catalogue.h"
#include "common/recording/secret_finder.h"
#include "controller/core/actions/install_order.h"
#include "controller/core/actions/install_roles.h"
#include "controller/core/field_rules.h"

namespace metalmesh::controller {
namespace {

constexpr char star = '*';

class Masked {
 public:
  explicit Masked(const answer::AnswerOrder& order) {
    for (const wire::Variable& variable : order.variables) recording::find_in_message(variable, secrets_);
    recording::find_in_message(order.host, secrets_);
    recording::find_in_template(order.profile_template, secrets_);
  }
  std::string text(std::string text) {
    recording::find_in_text(text, secrets_);
    secrets_.mask(text, star);
    return text;
  }

 private:
  recording::SecretSet secrets_{0};  // its key makes placeholders, which nobody gets to see
};

std::unexpected<Refusal> refused(const Error& error) {
  return std::unexpected(Refusal{error.kind, error.message, {}, {}});
}

void add_notes(const MeshState& mesh, const rest::Server& server, const config::OsFamily& family,
               rest::Rendering& out) {
  out.add_notes("words in [] stand for what only the site knows; stars are secrets");
  if (!family.boot().empty())
    out.add_notes(
        "the boot entry of the image is chosen at the site: its own kernel line gets these arguments in "
        "place of "
        "what the family drops");
  if (family.has_answer_medium())
    out.add_notes("the files are on a medium of their own, labelled " + family.answer_medium().label());
  const std::string& site = server.spec().site();
  if (site_has_another(mesh, site, family))
    out.add_notes("site " + site + " renders by a file of family " + family.name() +
                  " of its own, or has not told by which: what it writes may differ");
}

/// What is rendered once for each file, and once for each boot configuration.
Status render(const answer::AnswerOrder& order, Masked& masked, rest::Rendering& out) {
  auto context = answer::context_of(order, "[volume-id]");
  if (!context) return std::unexpected(context.error());
  (*context)["volume_label"] = "[volume-id]";  // and not as udev writes it
  auto files = answer::render_files(order, *context);
  if (!files) return std::unexpected(files.error());
  for (answer::RenderedFile& file : *files) {
    rest::RenderedFile& shown = *out.add_files();
    shown.set_path(std::move(file.path));
    shown.set_text(masked.text(std::move(file.text)));
    shown.set_cpio_member(std::move(file.cpio_member));
  }
  for (const config::BootEdit& edit : order.family.boot()) {
    auto arguments = answer::render_arguments(edit, *context);
    if (!arguments) return std::unexpected(arguments.error());
    rest::BootArguments& boot = *out.add_boot();
    *boot.mutable_paths() = edit.paths();
    for (std::string& argument : *arguments) boot.add_arguments(masked.text(std::move(argument)));
  }
  return {};
}

}  // namespace

std::expected<rest::Rendering, Refusal> preview_install(const MeshState& mesh,
                                                        const rest::ServerHardware& hardware,
                                                        const rest::Profile& profile,
                                                        const std::string& image,
                                                        const rest::Server& server) {
  if (!image.empty()) {
    if (auto bad = check_image(mesh, profile, image)) return std::unexpected(std::move(*bad));
  }
  const std::string& name = profile.spec().family();
  const config::OsFamily* family = mesh.catalogue == nullptr ? nullptr : mesh.catalogue->find(name);
  if (family == nullptr)
    return std::unexpected(Refusal{
        ErrorKind::not_found, "this controller has no file of family " + name + ", which a site may have",
        "spec.family", commands::list("families")});
  rest::RolloutSpec spec;  // of a rollout that has nothing of its own
  OrderedHost ordered = ordered_host(mesh, hardware, profile, spec, server);
  const auto refuse = [](std::string why) {
    return std::unexpected(Refusal{ErrorKind::invalid, std::move(why), {}, {}});
  };
  if (ordered.twice) return refuse(std::move(*ordered.twice));
  if (ordered.unresolved) return refuse(std::move(*ordered.unresolved));
  auto order = answer_order(mesh, profile, spec, server, *family, std::move(ordered.host));
  if (auto reason = answer::why_refused(order)) return refuse(std::move(*reason));
  Masked masked(order);
  rest::Rendering out;
  out.set_profile(version_of(profile));
  out.set_server(server.metadata().name());
  out.set_image(image);
  out.set_family(name);
  if (auto done = render(order, masked, out); !done) return refused(done.error());
  add_notes(mesh, server, *family, out);
  return out;
}

}  // namespace metalmesh::controller
