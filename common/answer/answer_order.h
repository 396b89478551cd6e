// From an order to the files that its installer reads: what is refused, and how all that is not refused looks.
// Pure, and without the image: the agent puts the result onto a medium, the controller shows it.
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <vector>

#include "common/answer/callback_script.h"
#include "common/answer/installer_check.h"
#include "common/answer/text_format.h"
#include "common/base/result.h"
#include "schemas/config/family.pb.h"
#include "schemas/wire/command.pb.h"

namespace metalmesh::answer {

/// The variable by which an order names the boot menu's entry, instead of its family.
inline constexpr char entry_variable[] = "bootEntry";

/// Where packages come from, if not from the medium.
struct PackagesPlace {
  std::string url;    // empty: the medium
  bool site = false;  // of a tree that is served while the installer runs, and not afterwards
};

struct AnswerOrder {
  const config::OsFamily& family;
  std::string profile_template;  // empty: the family's own
  std::vector<wire::Variable> variables;
  wire::Host host;
  PackagesPlace packages;
  std::optional<Callback> callback;                    // the profile's proof: the new system must call
  std::optional<InstallerCheck> check = std::nullopt;  // its installer shows its machine first
};

/// What every order has beside the variables that it was given.
struct Offered {
  std::string server;
  std::string deployment;
  std::string callback_url;
};
/// Adds them, and `hostname`, where no variable of that name is given: the order knows better.
void offer(std::vector<wire::Variable>& variables, const Offered& offered);

struct RenderedFile {
  std::string path;
  std::string text;
  std::string cpio_member;  // if set, the file is an archive with `text` under this name
};

/// Why the order cannot be rendered as it is meant, as a sentence with the way out; it knows without rendering.
/// Normalises the host.
std::optional<std::string> why_refused(AnswerOrder& order);

/// `own_template`: the profile's; empty: the family's own. Its installer runs nothing by which it could show its machine, as a sentence with the way out; nothing if it does.
std::optional<std::string> why_it_cannot_ask(const config::OsFamily& family, const std::string& own_template);

/// What its templates can name. The order was not refused. Fails with `invalid` as order_context does.
Result<boost::json::object> context_of(const AnswerOrder& order, const std::string& volume_id);

/// The family's files in its order; for a prepared placeholder one without a path. Fails with `invalid`: a
/// variable that is missing or does not fit, a result that is malformed.
Result<std::vector<RenderedFile>> render_files(const AnswerOrder& order, const boost::json::object& context);

/// The kernel arguments that `edit` appends.
Result<std::vector<std::string>> render_arguments(const config::BootEdit& edit,
                                                  const boost::json::object& context);

/// A text of `where`, rendered.
Result<std::string> render_text(const std::string& text, const boost::json::object& context,
                                TextFormat format, const std::string& where);

}  // namespace metalmesh::answer
