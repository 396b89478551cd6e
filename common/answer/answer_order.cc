#include "common/answer/answer_order.h"

#include <algorithm>
#include <utility>

#include "common/answer/answer_check.h"
#include "common/answer/order_context.h"
#include "common/answer/template_renderer.h"
#include "common/families/abilities.h"
#include "common/hosts/host_rules.h"
#include "common/text/hex.h"
#include "common/text/letters.h"

namespace metalmesh::answer {
namespace {

namespace json = boost::json;

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

Result<std::string> render_one(const config::AnswerFile& file, const AnswerOrder& order,
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
  const auto format = text_format(file.format());
  if (!format) return fail(ErrorKind::invalid, where + ": format \"" + file.format() + "\" is unknown");
  auto text = render_text(tmpl, context, *format, where);
  if (!text) return text;
  if (auto well = check_syntax(*text, *format); !well)
    return std::unexpected(std::move(well.error()).with(where));
  return text;
}

/// Whether the call that the profile wants as proof can come.
std::optional<std::string> no_callback(const AnswerOrder& order) {
  if (!order.callback) return std::nullopt;
  if (order.profile_template.empty()) {
    if (order.family.can().callback()) return std::nullopt;
    return "family " + order.family.name() +
           " does not make its systems call back, which spec.proof.minimum wants: ask for another "
           "proof, or give the profile a template of its own that posts to {{callback_url}}";
  }
  if (order.profile_template.find("callback") != std::string::npos) return std::nullopt;
  return "spec.proof.minimum wants the new system to call back, and the template names neither callback_url "
         "nor callback.script: name one, or ask for another proof";
}

/// Whether a text that the installer is given names this.
bool is_named(const config::OsFamily& family, const std::string& own_template, std::string_view what) {
  if (own_template.find(what) != std::string::npos) return true;
  return std::ranges::any_of(family.files(), [&](const config::AnswerFile& file) {
    const bool replaced = file.main() && !own_template.empty();
    return !replaced && file.template_().find(what) != std::string::npos;
  });
}

/// The installed system is given the key that its installer has drawn.
bool keeps_key(const AnswerOrder& order) {
  return order.check && order.callback && is_named(order.family, order.profile_template, "check.calls");
}

/// What stands in front of the lines that choose the disk.
void put_check(const AnswerOrder& order, json::object& context) {
  context["check"] = json::object{{"script", ""}, {"calls", false}};
  if (!order.check) return;
  const bool calls = keeps_key(order);
  const std::string script = check_script(*order.check, order.host.network(), calls);
  context["check"] = json::object{{"script", script}, {"calls", calls}};
  json::object& disk = context["host"].as_object()["disk"].as_object();
  const std::string both = script + std::string(disk["script"].as_string());
  disk["script"] = both;
  disk["script_base64"] = base64(both);
}

/// What the family's own template cannot do.
std::optional<std::string> beyond_the_family(const AnswerOrder& order) {
  const auto hostname = std::ranges::find(order.variables, "hostname", &wire::Variable::name);
  if (!order.packages.url.empty() && !order.family.can().package_source()) {
    return "installers of family " + order.family.name() +
           " are not known to take packages from elsewhere than their medium: say "
           "packages: media, or give the profile a template of its own";
  }
  auto reason = families::why_not(order.family, order.host,
                                  hostname == order.variables.end() ? std::string() : hostname->value());
  if (!reason) reason = families::unnamed(order.family, "", order.host);
  if (reason) *reason += "; change that, or give the profile a template of its own";
  return reason;
}

}  // namespace

void offer(std::vector<wire::Variable>& variables, const Offered& offered) {
  const auto add = [&](const char* name, const std::string& value) {
    if (std::ranges::find(variables, name, &wire::Variable::name) != variables.end()) return;
    wire::Variable& variable = variables.emplace_back();
    variable.set_name(name);
    variable.set_value(value);
  };
  add("server", offered.server);
  add("hostname", offered.server);
  add("deployment", offered.deployment);
  add("callback_url", offered.callback_url);
}

std::optional<std::string> why_refused(AnswerOrder& order) {
  if (const auto wrong = hosts::check_host(order.host)) return "host." + wrong->field + ": " + wrong->message;
  for (const wire::Link& link : order.host.network().links()) {
    if (!link.role().empty())
      return "host.network: link " + link.name() + " is the role " + link.role() +
             " of a hardware type, of which no plan made a card";
  }
  if (auto reason = no_callback(order)) return reason;
  if (order.check && order.check->required)
    if (auto reason = why_it_cannot_ask(order.family, order.profile_template)) return reason;
  const bool own = !order.profile_template.empty() || order.family.placeholder();
  return own ? families::unnamed(order.family, order.profile_template, order.host) : beyond_the_family(order);
}

std::optional<std::string> why_it_cannot_ask(const config::OsFamily& family,
                                             const std::string& own_template) {
  if (is_named(family, own_template, "host.disk.script") || is_named(family, own_template, "check.script"))
    return std::nullopt;
  return "its installer cannot show its machine before it touches a disk: family " + family.name() +
         " runs nothing so early; say verifyInInstaller: off, or give the profile a template of its own that "
         "runs {{{check.script}}} first";
}

Result<json::object> context_of(const AnswerOrder& order, const std::string& volume_id) {
  auto context = order_context(order.variables, order.host, order.family);
  if (!context) return context;
  (*context)["volume_id"] = volume_id;
  (*context)["volume_label"] = udev_label(volume_id);
  (*context)["packages"] = packages_context(order.packages);
  (*context)["callback"] = order.callback ? json::value(callback_context(*order.callback, keeps_key(order)))
                                          : json::value(nullptr);
  put_check(order, *context);
  return context;
}

Result<std::vector<RenderedFile>> render_files(const AnswerOrder& order, const json::object& context) {
  std::vector<RenderedFile> files;
  if (order.family.placeholder()) {
    auto text = render_text(order.profile_template, context, TextFormat::verbatim, "answer template");
    if (!text) return std::unexpected(text.error());
    files.push_back({"", std::move(*text), ""});
  }
  for (const config::AnswerFile& file : order.family.files()) {
    auto text = render_one(file, order, context);
    if (!text) return std::unexpected(text.error());
    auto path = render_text(file.path(), context, TextFormat::verbatim, "path " + file.path());
    if (!path) return std::unexpected(path.error());
    if (!path->starts_with('/')) return fail(ErrorKind::invalid, "path \"" + *path + "\" must begin with /");
    files.push_back({std::move(*path), std::move(*text), file.cpio_member()});
  }
  return files;
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

Result<std::string> render_text(const std::string& text, const json::object& context, TextFormat format,
                                const std::string& where) {
  auto rendered = render_template(text, context, format);
  if (!rendered) return std::unexpected(std::move(rendered.error()).with(where));
  return rendered;
}

}  // namespace metalmesh::answer
