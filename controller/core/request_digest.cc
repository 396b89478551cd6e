#include "controller/core/request_digest.h"

#include <array>

#include "common/base/digest.h"
#include "controller/state/row_codec.h"

namespace metalmesh::controller {
namespace {

constexpr std::array<const char*, std::variant_size_v<decltype(OperatorRequest::body)>> verbs = {
    "apply",
    "delete",
    "plan",
    "start",
    "stop",
    "resolve",
    "inspect",
    "accept",
    "protect",
    "retire",
    "clear quarantine",
    "prefetch",
    "adopt",
    "release for install",
    "reidentify",
    "replace",
    "move",
    "cancel",
    "continue",
    "clean",
    "settle",
    "backup",
    "diagnose",
    "discover",
    "stop discovery",
    "add token",
    "revoke token",
    "widen",
    "approve",
    "first contact",
    "revoke",
    "apply",
    "pause",
    "continue rollout",
    "skip",
    "set"};

/// Fields with their lengths, so that no two lists of fields give one text.
class Fields {
 public:
  Fields& operator<<(const std::string& value) {
    text_ += std::to_string(value.size()) + ":" + value;
    return *this;
  }
  Fields& operator<<(std::uint64_t value) { return *this << std::to_string(value); }
  Fields& operator<<(const std::optional<std::uint64_t>& value) {
    return *this << (value ? std::to_string(*value) : std::string("-"));
  }
  Fields& operator<<(const Object& object) {
    *this << static_cast<std::uint64_t>(object.index());
    return std::visit([this](const auto& one) -> Fields& { return *this << canonical_bytes(one); }, object);
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

void add(Fields& f, const Apply& r) { f << r.object << r.if_version; }
void add(Fields& f, const Delete& r) { f << r.kind << r.name << r.if_version << r.confirm; }
void add(Fields& f, const PlanRollout& r) { f << r.rollout; }
void add(Fields& f, const StartRollout& r) {
  f << r.rollout << r.plan << std::uint64_t{r.confirm}
    << (r.until ? std::to_string(r.until->time_since_epoch().count()) : std::string("-"));
}
void add(Fields& f, const PauseRollout& r) { f << r.rollout << r.reason; }
void add(Fields& f, const ContinueRollout& r) {
  f << r.rollout << std::uint64_t{r.wave} << std::uint64_t{r.confirm} << std::uint64_t{r.accept_failures}
    << r.reason;
}
void add(Fields& f, const StopRollout& r) { f << r.rollout << r.reason; }
void add(Fields& f, const SkipServers& r) {
  f << r.rollout << std::uint64_t{r.servers.size()};
  for (const std::string& server : r.servers) f << server;
  for (const std::string& site : r.sites) f << site;
  f << r.reason;
}
void add(Fields& f, const SetRollout& r) {
  f << r.rollout << (r.until ? std::to_string(r.until->time_since_epoch().count()) : std::string("-"))
    << std::uint64_t{r.total} << std::uint64_t{r.per_site} << r.reason;
}
void add(Fields& f, const ResolveDeployment& r) { f << r.id << r.as << r.note; }
void add(Fields& f, const InspectServer& r) { f << r.server; }
void add(Fields& f, const AcceptServer& r) { f << r.server; }
void add(Fields& f, const ProtectServer& r) {
  f << r.server << std::uint64_t{r.protect} << r.reason << std::to_string(r.for_seconds)
    << std::uint64_t{r.break_glass};
}
void add(Fields& f, const ApproveUnprotect& r) { f << r.server << r.note; }
void add(Fields& f, const WidenPace& r) {
  f << r.kind << r.name << std::uint64_t{r.per_hour} << std::to_string(r.for_seconds) << r.reason;
}
void add(Fields& f, const AddToken& r) { f << r.user << r.sha256 << std::to_string(r.for_seconds) << r.note; }
void add(Fields& f, const RevokeToken& r) { f << r.user << r.id; }
void add(Fields& f, const RetireServer& r) { f << r.server; }
void add(Fields& f, const ClearSiteQuarantine& r) { f << r.site << r.note << r.journal; }
void add(Fields& f, const DiagnoseSite& r) { f << r.site; }
void add(Fields& f, const DiscoverBmcs& r) {
  f << r.site << std::uint64_t{r.port};
  for (const std::string& range : r.ranges) f << range;
}
void add(Fields& f, const StopDiscovery& r) { f << r.site; }
void add(Fields& f, const OpenFirstContact& r) {
  f << r.site << r.network << r.reason << std::to_string(r.for_seconds.value_or(-1));
}
void add(Fields& f, const RevokeSite& r) { f << r.site << r.confirm << r.reason; }
void add(Fields& f, const AdoptServer& r) { f << r.server << r.reason; }
void add(Fields& f, const ReleaseServer& r) { f << r.server << r.reason; }
void add(Fields& f, const ReidentifyServer& r) { f << r.server << r.confirm << r.reason; }
void add(Fields& f, const ReplaceServer& r) { f << r.server << r.confirm << r.reason; }
void add(Fields& f, const MoveServer& r) { f << r.server << r.site << r.address << r.credential; }
void add(Fields& f, const PrefetchImage& r) {
  f << r.image;
  for (const std::string& site : r.sites) f << site;
}

void add(Fields& f, const CancelDeployment& r) { f << r.id << r.reason; }
void add(Fields& f, const ContinueController& r) { f << r.reason; }
void add(Fields& f, const CleanServer& r) { f << r.server << r.reason; }
void add(Fields& f, const SettleDamage& r) { f << r.row << r.reason; }
void add(Fields& f, const StartBackup& r) { f << r.folder; }
void add(Fields& f, const ApplyMany& r) {
  f << std::uint64_t{r.atomic} << std::uint64_t{r.dry_run};
  for (const Wish& wish : *r.wishes) {
    f << wish.kind << wish.row << wish.if_version;
    for (const std::string& field : wish.fields) f << field;
  }
}

}  // namespace

std::string answer_key(const OperatorRequest& request) {
  return request.actor + "/" + request.idempotency_key;
}

std::string request_digest(const OperatorRequest& request) {
  Fields fields;
  fields << static_cast<std::uint64_t>(request.body.index());
  std::visit([&](const auto& body) { add(fields, body); }, request.body);
  return sha256(fields.text());
}

std::string verb_of(const OperatorRequest& request) { return verbs[request.body.index()]; }

record::IdempotentAnswer to_record(const Answer& answer, std::string digest) {
  record::IdempotentAnswer stored;
  stored.set_request_sha256(std::move(digest));
  stored.set_created(answer.created);
  if (const auto* object = std::get_if<Object>(&answer.object)) {
    std::visit(
        [&](const auto& one) {
          stored.set_kind(one.kind());
          stored.set_name(one.metadata().name());
          stored.set_version(one.metadata().version());
        },
        *object);
  } else if (const auto* deployment = std::get_if<rest::Deployment>(&answer.object)) {
    stored.set_kind("Deployment");
    stored.set_name(deployment->id());
  }
  return stored;
}

}  // namespace metalmesh::controller
