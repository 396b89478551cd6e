#include "agents/media/answer/medium_plan.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "agents/media/answer/boot_config.h"
#include "agents/media/answer/cpio_archive.h"
#include "common/answer/answer_check.h"
#include "common/answer/order_context.h"
#include "common/answer/template_renderer.h"
#include "common/families/abilities.h"
#include "common/families/family_catalogue.h"
#include "common/hosts/host_rules.h"
#include "common/text/hex.h"
#include "common/text/letters.h"

namespace metalmesh::media {
namespace {

namespace json = boost::json;
using answer::TextFormat;

/// udev's form of a label (systemd, udev_util_encode_string), as inst.ks=hd:LABEL= is compared with it: what
/// is outside of a small set becomes \xHH. So nothing in it has a meaning to a boot loader either.
std::string udev_label(std::string_view label) {
  constexpr std::string_view safe = "#+-.:=@_";
  std::string out;
  for (const char c : label) {
    if (is_alnum(c) || safe.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += "\\x";
      out += to_hex({&c, 1});
    }
  }
  return out;
}

/// The URL, and its parts for installers that want them one by one.
json::value packages_context(const PackagesPlace& place) {
  if (place.url.empty()) return nullptr;
  const std::string& url = place.url;
  const std::size_t scheme = std::min(url.find("://"), url.size());
  const std::size_t host = std::min(scheme + 3, url.size());
  const std::size_t directory = std::min(url.find('/', host), url.size());
  return json::object{{"url", url},
                      {"scheme", url.substr(0, scheme)},
                      {"tls", url.starts_with("https:")},
                      {"host", url.substr(host, directory - host)},
                      {"directory", directory < url.size() ? url.substr(directory) : std::string("/")},
                      {"site", place.site}};
}

Result<std::string> render_text(const std::string& text, const json::object& context, TextFormat format,
                                const std::string& where) {
  auto rendered = answer::render_template(text, context, format);
  if (!rendered) return std::unexpected(std::move(rendered.error()).with(where));
  return rendered;
}

Result<std::string> render_file(const config::AnswerFile& file, const MediumOrder& order,
                                const json::object& context) {
  const bool from_profile = file.main() && !order.profile_template.empty();
  const std::string& tmpl = from_profile ? order.profile_template : file.template_();
  const std::string where =
      from_profile ? "answer template" : "family " + order.family.name() + ", " + file.path();
  if (tmpl.empty() && file.main()) {
    return fail(ErrorKind::invalid,
                "family " + order.family.name() +
                    " has no answer template of its own: give the profile one (spec.template)");
  }
  const auto format = answer::text_format(file.format());
  if (!format) return fail(ErrorKind::invalid, where + ": format \"" + file.format() + "\" is unknown");
  auto text = render_text(tmpl, context, *format, where);
  if (!text) return text;
  if (auto well = answer::check_syntax(*text, *format); !well)
    return std::unexpected(std::move(well.error()).with(where));
  return text;
}

wire::SecondMedium answer_medium(const config::AnswerMedium& rule) {
  wire::SecondMedium medium;
  medium.set_label(rule.label());
  medium.set_format(rule.format() == "fat" ? wire::SecondMedium::FAT : wire::SecondMedium::ISO);
  return medium;
}

void write(wire::FileChange& change, std::string path, std::string content) {
  change.set_path(std::move(path));
  change.set_content(std::move(content));
}

Status add_files(const MediumOrder& order, const json::object& context, MediumPlan& plan) {
  for (const config::AnswerFile& file : order.family.files()) {
    auto text = render_file(file, order, context);
    if (!text) return std::unexpected(text.error());
    auto path = render_text(file.path(), context, TextFormat::verbatim, "path " + file.path());
    if (!path) return std::unexpected(path.error());
    if (!path->starts_with('/')) return fail(ErrorKind::invalid, "path \"" + *path + "\" must begin with /");
    wire::FileChange& change = plan.second ? *plan.second->add_files() : plan.changes.emplace_back();
    write(change, std::move(*path),
          file.cpio_member().empty() ? std::move(*text) : cpio_of_one_file(file.cpio_member(), *text));
  }
  return {};
}

std::string list_of(const google::protobuf::RepeatedPtrField<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

Result<std::vector<std::string>> render_arguments(const config::BootEdit& edit, const json::object& context) {
  std::vector<std::string> arguments;
  for (const std::string& argument : edit.append()) {
    auto text = render_text(argument, context, TextFormat::kernel, "kernel argument " + argument);
    if (!text) return std::unexpected(text.error());
    if (const auto argument_text = trimmed(*text, " ");
        !argument_text.empty())  // a section may leave nothing
      arguments.emplace_back(argument_text);
  }
  return arguments;
}

Status add_boot_edit(const config::BootEdit& edit, const json::object& context, const wire::ImageFacts& facts,
                     MediumPlan& plan) {
  const auto arguments = render_arguments(edit, context);
  if (!arguments) return std::unexpected(arguments.error());
  bool found = false;
  for (const wire::FileChange& text : facts.survey().texts()) {
    const bool meant = std::ranges::any_of(
        edit.paths(), [&](const std::string& path) { return same_letters(path, text.path()); });
    if (!meant) continue;
    auto edited = edit_boot_config(text.content(), edit, *arguments);
    if (!edited) return std::unexpected(std::move(edited.error()).with(text.path()));
    write(plan.changes.emplace_back(), text.path(), std::move(*edited));
    found = true;
  }
  if (!found && !edit.optional())
    return fail(ErrorKind::unsupported, "the image has no boot configuration at " + list_of(edit.paths()));
  return {};
}

/// An image that clearly is another system must not be edited by this family's rules.
Status check_recognised(const MediumOrder& order) {
  const auto& seen = order.recognised;
  const bool can_tell = !order.family.recognise().empty();
  if (!can_tell || seen.empty() || std::ranges::find(seen, order.family.name()) != seen.end()) return {};
  return fail(ErrorKind::unsupported, "it looks like " + seen.front() + ", not like " + order.family.name());
}

/// Some installers look for their answer by the medium's label.
Status check_label(const config::OsFamily& family, const json::object& context,
                   const wire::ImageFacts& facts) {
  const auto label = render_text(family.volume_id(), context, TextFormat::verbatim, "volumeId");
  if (!label) return std::unexpected(label.error());
  if (label->empty() || *label == facts.volume_id()) return {};
  return fail(ErrorKind::unsupported, "its label is \"" + facts.volume_id() + "\", and installers of " +
                                          family.name() + " look for \"" + *label +
                                          "\": make the image anew with that label");
}

Result<MediumPlan> plan_placeholder(const MediumOrder& order, const json::object& context,
                                    std::uint64_t room) {
  auto answer = render_text(order.profile_template, context, TextFormat::verbatim, "answer template");
  if (!answer) return std::unexpected(answer.error());
  if (room == 0) {
    return fail(ErrorKind::unsupported, "it has no answer placeholder, so an answer file of " +
                                            std::to_string(answer->size()) +
                                            " bytes has no place: prepare the image with a placeholder file");
  }
  if (answer->size() > room) {
    return fail(ErrorKind::unsupported,
                "the answer file has " + std::to_string(answer->size()) +
                    " bytes, the image's placeholder has room for " + std::to_string(room) +
                    ": shorten the template or prepare the image with a larger placeholder");
  }
  MediumPlan plan;
  plan.answer = std::move(*answer);
  return plan;
}

/// Whether the call that the profile wants as proof can come.
Status check_callback(const MediumOrder& order) {
  if (!order.callback) return {};
  if (order.profile_template.empty()) {
    if (order.family.can().callback()) return {};
    return fail(ErrorKind::invalid,
                "family " + order.family.name() +
                    " does not make its systems call back, which spec.proof.minimum wants: ask for another "
                    "proof, or give the profile a template of its own that posts to {{callback_url}}");
  }
  if (order.profile_template.find("callback") != std::string::npos) return {};
  return fail(
      ErrorKind::invalid,
      "spec.proof.minimum wants the new system to call back, and the template names neither callback_url "
      "nor callback.script: name one, or ask for another proof");
}

Status check_wishes(MediumOrder& order) {
  if (const auto wrong = hosts::check_host(order.host))
    return fail(ErrorKind::invalid, "host." + wrong->field + ": " + wrong->message);
  if (auto fine = check_callback(order); !fine) return fine;
  if (!order.profile_template.empty() || order.family.placeholder())
    return {};  // the template is the user's own
  if (!order.packages.url.empty() && !order.family.can().package_source()) {
    return fail(ErrorKind::invalid,
                "installers of family " + order.family.name() +
                    " are not known to take packages from elsewhere than their medium: say "
                    "packages: media, or give the profile a template of its own");
  }
  if (auto reason = families::why_not(order.family, order.host)) {
    return fail(ErrorKind::invalid, *reason + "; leave it out, or give the profile a template of its own");
  }
  return {};
}

}  // namespace

Result<MediumPlan> plan_medium(MediumOrder order, const wire::ImageFacts& facts) {
  if (auto fits = check_recognised(order); !fits) return std::unexpected(fits.error());
  if (auto fine = check_wishes(order); !fine) return std::unexpected(fine.error());
  auto context = answer::order_context(order.variables, order.host, order.family);
  if (!context) return std::unexpected(context.error());
  (*context)["volume_id"] = facts.volume_id();
  (*context)["volume_label"] = udev_label(facts.volume_id());
  (*context)["packages"] = packages_context(order.packages);
  (*context)["callback"] =
      order.callback ? json::value(answer::callback_context(*order.callback)) : json::value(nullptr);
  if (order.family.placeholder()) return plan_placeholder(order, *context, facts.placeholder().length());

  MediumPlan plan;
  if (order.family.has_answer_medium()) plan.second = answer_medium(order.family.answer_medium());
  if (auto done = add_files(order, *context, plan); !done) return std::unexpected(done.error());
  for (const config::BootEdit& edit : order.family.boot()) {
    if (auto done = add_boot_edit(edit, *context, facts, plan); !done) return std::unexpected(done.error());
  }
  if (auto borne = check_label(order.family, *context, facts); !borne) return std::unexpected(borne.error());
  if (!plan.changes.empty() && !facts.patchable()) {
    return fail(ErrorKind::unsupported,
                "its files cannot be changed: " +
                    (facts.patch_obstacle().empty() ? "it was not probed for that" : facts.patch_obstacle()));
  }
  return plan;
}

}  // namespace metalmesh::media
