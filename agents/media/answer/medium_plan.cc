#include "agents/media/answer/medium_plan.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "agents/media/answer/cpio_archive.h"
#include "agents/media/menu/boot_menu.h"
#include "agents/media/menu/module_options.h"
#include "common/text/letters.h"

namespace metalmesh::media {
namespace {

namespace json = boost::json;

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
  auto files = answer::render_files(order.answer, context);
  if (!files) return std::unexpected(files.error());
  for (answer::RenderedFile& file : *files) {
    wire::FileChange& change = plan.second ? *plan.second->add_files() : plan.changes.emplace_back();
    write(change, std::move(file.path),
          file.cpio_member.empty() ? std::move(file.text) : cpio_of_one_file(file.cpio_member, file.text));
  }
  return {};
}

std::string list_of(const google::protobuf::RepeatedPtrField<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

/// The arguments as words: GRUB's quoting is understood in them, as family files have it.
Result<MenuLine> words_of(const config::BootEdit& edit, const json::object& context) {
  const auto arguments = answer::render_arguments(edit, context);
  if (!arguments) return std::unexpected(arguments.error());
  MenuLine line;
  for (const std::string& argument : *arguments) {
    auto words = menu_words(argument, "kernel argument " + argument);
    if (!words) return std::unexpected(words.error());
    line.insert(line.end(), words->begin(), words->end());
  }
  return line;
}

/// The family's pattern, unless the order names an entry.
std::string entry_of(const config::BootEdit& edit, const MediumOrder& order) {
  std::string entry = edit.entry();
  for (const wire::Variable& variable : order.answer.variables) {
    if (variable.name() == answer::entry_variable) entry = variable.value();
  }
  return entry;
}

/// Nothing: the image has no such configuration, and need not have one.
Result<std::optional<BootChoice>> choose(const config::BootEdit& edit, const std::string& entry,
                                         const MenuLine& arguments, const wire::ImageFacts& facts) {
  auto choice = edit.syntax() == "keyvalue" ? change_options(facts, edit, arguments)
                                            : choose_entry(MenuMedium(facts), edit, entry, arguments);
  if (choice) return std::move(*choice);
  if (choice.error().kind != ErrorKind::not_found) return std::unexpected(choice.error());
  if (edit.optional()) return std::nullopt;
  return fail(ErrorKind::unsupported, "the image has no boot configuration at " + list_of(edit.paths()));
}

Status add_boot_edit(const config::BootEdit& edit, const MediumOrder& order, const json::object& context,
                     const wire::ImageFacts& facts, MediumPlan& plan) {
  const auto arguments = words_of(edit, context);
  if (!arguments) return std::unexpected(arguments.error());
  auto choice = choose(edit, entry_of(edit, order), *arguments, facts);
  if (!choice) return std::unexpected(choice.error());
  if (!*choice) return {};
  plan.changes.insert(plan.changes.end(), (*choice)->changes.begin(), (*choice)->changes.end());
  plan.boots.push_back(std::move(**choice));
  return {};
}

/// An image that clearly is another system must not be edited by this family's rules.
Status check_recognised(const config::OsFamily& family, const std::vector<std::string>& seen) {
  const bool can_tell = !family.recognise().empty();
  if (!can_tell || seen.empty() || std::ranges::find(seen, family.name()) != seen.end()) return {};
  return fail(ErrorKind::unsupported, "it looks like " + seen.front() + ", not like " + family.name());
}

/// Some installers look for their answer by the medium's label.
Status check_label(const config::OsFamily& family, const json::object& context,
                   const wire::ImageFacts& facts) {
  const auto label =
      answer::render_text(family.volume_id(), context, answer::TextFormat::verbatim, "volumeId");
  if (!label) return std::unexpected(label.error());
  if (label->empty() || *label == facts.volume_id()) return {};
  return fail(ErrorKind::unsupported, "its label is \"" + facts.volume_id() + "\", and installers of " +
                                          family.name() + " look for \"" + *label +
                                          "\": make the image anew with that label");
}

Status check_patchable(const wire::ImageFacts& facts) {
  if (facts.patchable()) return {};
  return fail(ErrorKind::unsupported,
              "its files cannot be changed: " +
                  (facts.patch_obstacle().empty() ? "it was not probed for that" : facts.patch_obstacle()));
}

Result<MediumPlan> plan_placeholder(const MediumOrder& order, const json::object& context,
                                    std::uint64_t room) {
  auto files = answer::render_files(order.answer, context);
  if (!files) return std::unexpected(files.error());
  std::string& text = files->front().text;
  if (room == 0) {
    return fail(ErrorKind::unsupported, "it has no answer placeholder, so an answer file of " +
                                            std::to_string(text.size()) +
                                            " bytes has no place: prepare the image with a placeholder file");
  }
  if (text.size() > room) {
    return fail(ErrorKind::unsupported,
                "the answer file has " + std::to_string(text.size()) +
                    " bytes, the image's placeholder has room for " + std::to_string(room) +
                    ": shorten the template or prepare the image with a larger placeholder");
  }
  MediumPlan plan;
  plan.answer = std::move(text);
  return plan;
}

}  // namespace

Result<MediumPlan> plan_medium(MediumOrder order, const wire::ImageFacts& facts) {
  if (auto fits = check_recognised(order.answer.family, order.recognised); !fits)
    return std::unexpected(fits.error());
  if (const auto reason = answer::why_refused(order.answer)) return fail(ErrorKind::invalid, *reason);
  const auto context = answer::context_of(order.answer, facts.volume_id());
  if (!context) return std::unexpected(context.error());
  const config::OsFamily& family = order.answer.family;
  if (family.placeholder()) return plan_placeholder(order, *context, facts.placeholder().length());

  MediumPlan plan;
  if (family.has_answer_medium()) plan.second = answer_medium(family.answer_medium());
  if (auto done = add_files(order, *context, plan); !done) return std::unexpected(done.error());
  for (const config::BootEdit& edit : family.boot()) {
    if (auto done = add_boot_edit(edit, order, *context, facts, plan); !done)
      return std::unexpected(done.error());
  }
  if (auto borne = check_label(family, *context, facts); !borne) return std::unexpected(borne.error());
  if (!plan.changes.empty()) {
    if (auto can = check_patchable(facts); !can) return std::unexpected(can.error());
  }
  return plan;
}

Result<std::vector<BootChoice>> judge_image(const config::OsFamily& family,
                                            const std::vector<std::string>& recognised,
                                            const wire::ImageFacts& facts) {
  if (auto fits = check_recognised(family, recognised); !fits) return std::unexpected(fits.error());
  std::vector<BootChoice> boots;
  if (family.placeholder()) {
    if (facts.placeholder().length() > 0) return boots;
    return fail(ErrorKind::unsupported,
                "it has no answer placeholder: prepare the image with a placeholder file");
  }
  for (const config::BootEdit& edit : family.boot()) {
    auto choice = choose(edit, edit.entry(), {}, facts);
    if (!choice) return std::unexpected(choice.error());
    if (*choice) boots.push_back(std::move(**choice));
  }
  // A label that an order's variables make is for that order to know.
  const auto borne = check_label(family, {}, facts);
  if (!borne && borne.error().kind == ErrorKind::unsupported) return std::unexpected(borne.error());
  if (!boots.empty() || (!family.files().empty() && !family.has_answer_medium())) {
    if (auto can = check_patchable(facts); !can) return std::unexpected(can.error());
  }
  return boots;
}

}  // namespace metalmesh::media
