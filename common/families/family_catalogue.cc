#include "common/families/family_catalogue.h"

#include <algorithm>
#include <array>
#include <utility>

#include "common/base/digest.h"
#include "common/families/template_tokens.h"
#include "common/text/glob.h"
#include "common/text/letters.h"
#include "common/text/near_miss.h"

namespace metalmesh::families {
namespace {

constexpr std::array<std::string_view, 2> tiers = {"verified", "documented"};
constexpr std::array<std::string_view, 2> completions = {"poweroff", "reboot"};
constexpr std::uint32_t most_restarts = 8;
constexpr std::array<std::string_view, 8> formats = {"verbatim", "kickstart", "yaml",    "json",
                                                     "xml",      "toml",      "preseed", "shell"};
constexpr std::array<std::string_view, 2> syntaxes = {"grub", "keyvalue"};
constexpr std::array<std::string_view, 5> types = {"string", "number", "bool", "list", "object"};
constexpr std::array<std::string_view, 7> disk_keys = {"path",  "serial", "wwn",     "size",
                                                       "model", "media",  "protocol"};
constexpr std::array<std::string_view, 3> origins = {"static", "dhcp", "default"};
constexpr std::array<std::string_view, 4> needs = {"domain", "rootPassword", "gateway", "dns"};
constexpr std::array<std::string_view, 4> package_forms = {"group", "environment", "without", "glob"};
constexpr std::array<std::string_view, 2> locales = {"any", "language"};
constexpr std::array<std::string_view, 2> zones = {"any", "city"};
constexpr std::array<std::string_view, 2> media = {"iso", "fat"};

using Fault = std::optional<FamilyFault>;

std::string numbered(const std::string& list, int index) { return list + "[" + std::to_string(index) + "]"; }

template <std::size_t N>
Fault outside(std::string path, const std::string& value, const std::array<std::string_view, N>& allowed) {
  if (std::ranges::find(allowed, value) != allowed.end()) return std::nullopt;
  std::string list;
  for (const std::string_view word : allowed) list += (list.empty() ? "" : " | ") + std::string(word);
  return FamilyFault{std::move(path), "\"" + value + "\" is not one of " + list};
}

/// A mistake in a template would otherwise show only when a server is to be installed.
Fault wrong_with_template(std::string path, const std::string& text) {
  if (auto tokens = template_tokens(text); !tokens)
    return FamilyFault{std::move(path), std::move(tokens.error().message)};
  return std::nullopt;
}

bool is_family_name(const std::string& name) {
  return !name.empty() && name.size() <= 63 && std::ranges::all_of(name, [](char c) {
    return is_lower(c) || is_digit(c) || c == '-' || c == '_' || c == '.';
  });
}

Fault first_of(std::initializer_list<Fault> findings) {
  const auto found = std::ranges::find_if(findings, [](const Fault& fault) { return fault.has_value(); });
  return found == findings.end() ? std::nullopt : *found;
}

Fault wrong_with_file(const std::string& at, const config::AnswerFile& file) {
  if (!file.path().starts_with("/") && !file.path().starts_with("{{"))
    return FamilyFault{at + ".path", "\"" + file.path() + "\" must begin with /"};
  return first_of({outside(at + ".format", file.format(), formats),
                   wrong_with_template(at + ".path", file.path()),
                   wrong_with_template(at + ".template", file.template_())});
}

Fault wrong_with_edit(const std::string& at, const config::BootEdit& edit) {
  if (edit.paths().empty()) return FamilyFault{at + ".paths", "at least one is required"};
  if (edit.syntax() == "keyvalue" && (!edit.initrd().empty() || !edit.entry().empty()))
    return FamilyFault{at + ".syntax", "initrd and entry need syntax grub"};
  for (int i = 0; i < edit.append_size(); ++i) {
    if (auto wrong = wrong_with_template(numbered(at + ".append", i), edit.append(i))) return wrong;
  }
  return outside(at + ".syntax", edit.syntax(), syntaxes);
}

Fault wrong_with_files(const config::OsFamily& family) {
  for (int i = 0; i < family.files_size(); ++i) {
    if (auto wrong = wrong_with_file(numbered("files", i), family.files(i))) return wrong;
  }
  const auto mains = std::ranges::count_if(family.files(), [](const auto& file) { return file.main(); });
  if (family.placeholder() ? family.files_size() == 0 : (family.files_size() == 0 || mains == 1))
    return std::nullopt;
  return FamilyFault{"files", "exactly one is the main one, or none at all with placeholder: true"};
}

Fault wrong_with_answer_medium(const config::OsFamily& family) {
  if (!family.has_answer_medium()) return std::nullopt;
  const config::AnswerMedium& medium = family.answer_medium();
  if (family.files_size() == 0) return FamilyFault{"answerMedium", "there are no files to go onto it"};
  if (medium.label().empty()) return FamilyFault{"answerMedium.label", "is what the installer finds it by"};
  if (medium.format().empty()) return std::nullopt;
  return outside("answerMedium.format", medium.format(), media);
}

template <std::size_t N>
Fault any_outside(const std::string& field, const google::protobuf::RepeatedPtrField<std::string>& words,
                  const std::array<std::string_view, N>& allowed) {
  for (int i = 0; i < words.size(); ++i) {
    if (auto wrong = outside(numbered(field, i), words[i], allowed)) return wrong;
  }
  return std::nullopt;
}

Fault wrong_with_abilities(const config::Abilities& can) {
  return first_of({any_outside("can.disk", can.disk(), disk_keys), any_outside("can.dns", can.dns(), origins),
                   any_outside("can.search", can.search(), origins),
                   any_outside("can.needs", can.needs(), needs),
                   any_outside("can.packageForms", can.package_forms(), package_forms),
                   can.locale().empty() ? std::nullopt : outside("can.locale", can.locale(), locales),
                   can.timezone().empty() ? std::nullopt : outside("can.timezone", can.timezone(), zones)});
}

bool any_matches(const std::string& glob, const google::protobuf::RepeatedPtrField<std::string>& files) {
  return std::ranges::any_of(
      files, [&](const std::string& file) { return glob_matches(glob, file, LetterCase::ignored); });
}

bool bears_marks(const config::Recognise& marks, const wire::ImageFacts& facts) {
  const auto& files = facts.survey().files();
  const bool labelled =
      marks.volume_ids().empty() || std::ranges::any_of(marks.volume_ids(), [&](const std::string& glob) {
        return glob_matches(glob, facts.volume_id(), LetterCase::ignored);
      });
  return labelled &&
         std::ranges::all_of(marks.files(), [&](const auto& glob) { return any_matches(glob, files); }) &&
         std::ranges::none_of(marks.absent(), [&](const auto& glob) { return any_matches(glob, files); });
}

}  // namespace

std::optional<FamilyFault> check_family(const config::OsFamily& family) {
  if (!is_family_name(family.name())) return FamilyFault{"name", "must consist of a-z 0-9 - _ ."};
  if (auto wrong = wrong_with_files(family)) return wrong;
  if (auto wrong = wrong_with_answer_medium(family)) return wrong;
  for (int i = 0; i < family.boot_size(); ++i) {
    if (auto wrong = wrong_with_edit(numbered("boot", i), family.boot(i))) return wrong;
  }
  for (int i = 0; i < family.variables_size(); ++i) {
    if (auto wrong = outside(numbered("variables", i) + ".type", family.variables(i).type(), types))
      return wrong;
  }
  if (auto wrong = wrong_with_abilities(family.can())) return wrong;
  return first_of(
      {wrong_with_template("volumeId", family.volume_id()),
       family.tier().empty() ? std::nullopt : outside("tier", family.tier(), tiers),
       family.tier() == "verified" && family.verified_by().empty()
           ? std::optional<FamilyFault>({"verifiedBy", "must say what was booted, in tier verified"})
           : std::nullopt,
       family.completion().empty() ? std::nullopt : outside("completion", family.completion(), completions),
       family.restarts() > most_restarts
           ? std::optional<FamilyFault>({"restarts", "no installer restarts more than 8 times"})
           : std::nullopt});
}

std::string family_sha256(const config::OsFamily& family) {
  return to_hex(sha256(family.SerializeAsString()));  // there are no maps in it
}

FamilyCatalogue::FamilyCatalogue() {
  config::OsFamily prepared;
  prepared.set_name(placeholder_family);
  prepared.set_title("Image prepared with room for the answer file");
  prepared.set_tier("verified");
  prepared.add_verified_by("a UEFI machine is installed and proves itself (tests/e2e/install_test.py)");
  prepared.set_completion("poweroff");
  prepared.set_placeholder(true);
  families_.emplace(placeholder_family, std::move(prepared));
}

Status FamilyCatalogue::add(config::OsFamily family) {
  if (family.tier().empty()) family.set_tier("documented");
  if (family.completion().empty()) family.set_completion("poweroff");
  if (const auto wrong = check_family(family))
    return fail(ErrorKind::invalid, "family " + family.name() + ": " + wrong->field + ": " + wrong->message);
  families_[family.name()] = std::move(family);
  return {};
}

const config::OsFamily* FamilyCatalogue::find(const std::string& name) const {
  const auto found = families_.find(name);
  return found == families_.end() ? nullptr : &found->second;
}

std::string FamilyCatalogue::unknown(const std::string& name) const {
  std::vector<std::string> names;
  std::string list;
  for (const auto& [known, family] : families_) {
    names.push_back(known);
    list += (list.empty() ? "" : ", ") + known;
  }
  const std::string near = near_miss(name, names);
  return "OS family \"" + name + "\" is not known here" +
         (near.empty() ? "; there are " + list : "; did you mean \"" + near + "\"?");
}

std::vector<std::string> FamilyCatalogue::recognise(const wire::ImageFacts& facts) const {
  std::vector<std::string> found;
  for (const auto& [name, family] : families_) {
    if (std::ranges::any_of(family.recognise(), [&](const auto& marks) { return bears_marks(marks, facts); }))
      found.push_back(name);
  }
  return found;
}

}  // namespace metalmesh::families
