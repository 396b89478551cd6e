// `apply` and `delete`: specs come in, nothing ever starts. An object that is applied unchanged stays as it
// is.
#pragma once

#include <expected>
#include <string>

#include "controller/core/operator_request.h"
#include "controller/core/work.h"

namespace metalmesh::controller {

/// What an act changed; the core turns it into an Answer after the rows are made.
struct Acted {
  bool created = false;
  std::string kind;  // "Site", ..., "Deployment"; empty: nothing to show
  std::string name;
  std::string audit;  // one sentence; empty: nothing changed, and nothing is told
};
using ActResult = std::expected<Acted, Refusal>;

ActResult apply_object(Work& work, const Apply& request);
/// The same of what was decided before: it is carried out, whatever room there is by now.
ActResult apply_decided(Work& work, const Apply& request);

/// What an object is weighed against, beside the mesh as it is: those of the same request that come before it.
struct AppliedBefore {
  const MeshState& references;  // what objects may refer to
  const IdentitiesToBe& to_be;
};
struct Weighed {
  Standing standing = Standing::unchanged;
  Object object;  // with its defaults
};
/// What it would be; nothing changes.
std::expected<Weighed, Refusal> weigh_object(const Work& work, const Apply& request,
                                             const AppliedBefore& before);
ActResult delete_object(Work& work, const Delete& request);

/// The kind and name of an object, for audit and answers.
std::pair<std::string, std::string> kind_and_name(const Object& object);

/// Who wants an inspection. What nobody but a plan asked for must not hold a site's credential.
enum class AskedBy : std::uint8_t { person, plan };
/// Wants `server` inspected; sent as soon as its site takes commands.
void wish_inspection(Work& work, const std::string& server, AskedBy asked_by);

}  // namespace metalmesh::controller
