// What a person puts right of a damaged store: by settling the row, or by doing what it says (store_damage.h).
#include "common/ports/row_seal.h"
#include "controller/core/field_rules.h"
#include "controller/core/object_apply.h"
#include "controller/core/operator_acts.h"
#include "controller/core/store_damage.h"
#include "controller/state/kinds.h"
#include "controller/state/tables.h"

namespace metalmesh::controller {
namespace {

void lift_object(Work& work, std::string_view kind, const std::string& name) {
  const auto table = with_object_kind(kind, []<class T>() { return Kind<T>::table; });
  if (table) work.ledger.erase_damage(printable_key(tables::row(*table, name)));
}

void lift_machine(Work& work, const std::string& server) {
  const auto found = work.mesh().servers.find(server);
  if (found != work.mesh().servers.end())
    work.ledger.erase_damage(printable_key(tables::row(tables::machines, found->second.status().machine())));
}

}  // namespace

void lift_damage(Work& work, const OperatorRequest& request) {
  if (work.mesh().damage.empty()) return;
  if (const auto* apply = std::get_if<Apply>(&request.body)) {
    const auto [kind, name] = kind_and_name(apply->object);
    lift_object(work, kind, name);
  } else if (const auto* gone = std::get_if<Delete>(&request.body)) {
    lift_object(work, gone->kind, gone->name);
  } else if (const auto* stop = std::get_if<StopRollout>(&request.body)) {
    lift_object(work, "Rollout", stop->rollout);
  } else if (const auto* clear = std::get_if<ClearSiteQuarantine>(&request.body)) {
    work.ledger.erase_damage(printable_key(tables::row(tables::links, clear->site)));
  } else if (const auto* release = std::get_if<ReleaseServer>(&request.body)) {
    lift_machine(work, release->server);
  }
}

ActResult act(Work& work, const SettleDamage& request, const std::string&) {
  using rules::refusal;
  if (!work.mesh().damage.contains(request.row)) {
    return std::unexpected(refusal(ErrorKind::not_found, "row",
                                   "no damaged row " + request.row.substr(0, 80) + " is listed",
                                   "metalmesh controller status"));
  }
  if (request.reason.empty() || request.reason.size() > rules::note_limit) {
    return std::unexpected(
        refusal(ErrorKind::invalid, "reason", "a reason of 1 to 1024 bytes says what was put right"));
  }
  work.ledger.erase_damage(request.row);
  return Acted{false, "Controller", "",
               "settled damaged row " + request.row + " of the controller's store: " + request.reason};
}

}  // namespace metalmesh::controller
