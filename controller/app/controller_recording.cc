#include "controller/app/controller_recording.h"

#include <google/protobuf/util/json_util.h>

#include <array>
#include <utility>

#include "common/base/digest_tap.h"
#include "common/recording/secret_finder.h"
#include "controller/api/controller_node.h"
#include "controller/state/event_log.h"
#include "controller/state/kinds.h"
#include "controller/state/row_codec.h"
#include "controller/state/tables.h"
#include "schemas/record/controller.pb.h"
#include "schemas/wire/command.pb.h"

namespace metalmesh::controller {
namespace {

constexpr std::uint64_t events_kept = 2000;  // what callers page through; no decision rests on them
constexpr std::size_t chain_bytes = 32;      // in front of an entry of a stream

Duration length_of(const google::protobuf::Duration& duration, Duration otherwise) {
  const Duration given = std::chrono::seconds(duration.seconds()) + Duration(duration.nanos());
  return given > Duration::zero() ? given : otherwise;
}

template <class Message>
void find_as(std::string_view value, recording::SecretSet& secrets) {
  Message message;
  if (decode_row(value, message)) recording::find_in_message(message, secrets);
}

/// A stream's entry: no row of ours, but what goes over the wire, behind its place in the chain.
void find_in_command(std::string_view value, recording::SecretSet& secrets) {
  if (value.size() <= chain_bytes) return;
  const std::string_view entry = value.substr(chain_bytes);
  wire::Command command;
  if (command.ParseFromArray(entry.data(), static_cast<int>(entry.size())))
    recording::find_in_message(command, secrets);
}

/// Of any kind: its key says which.
void find_in_applied(std::string_view key, std::string_view value, recording::SecretSet& secrets) {
  with_object_kind(key.substr(key.rfind('/') + 1), [&]<class T>() {
    find_as<T>(value, secrets);
    return true;
  });
}

struct Table {
  std::string_view prefix;
  void (*find)(std::string_view value, recording::SecretSet& secrets);
};
/// Beside the objects, any of which may hold what people call a variable.
const std::array tables_with_secrets = {
    Table{tables::versions, find_as<rest::Profile>}, Table{tables::orders, find_as<record::Order>},
    Table{tables::answers, recording::find_in_template}, Table{tables::blobs, recording::find_in_template},
    Table{"s/", find_in_command}};

void find_in_row(std::string_view key, std::string_view value, recording::SecretSet& secrets) {
  const auto is_object = with_kind_that(
      ObjectKinds{}, [&]<class T>() { return key.starts_with(Kind<T>::table); },
      [&]<class T>() {
        find_as<T>(value, secrets);
        return true;
      });
  if (is_object) return;
  if (key.starts_with(tables::applied)) return find_in_applied(key, value, secrets);
  for (const Table& table : tables_with_secrets) {
    if (key.starts_with(table.prefix)) return table.find(value, secrets);
  }
}

/// Old events, for which a caller may ask, what was found where a row was damaged, and transcripts, on which nothing
/// rests but whether they are whole.
std::vector<recording::KeyRange> left_out(const RowReader& rows) {
  record::Controller controller;
  std::vector<recording::KeyRange> ranges = {
      {std::string(tables::found), tables::end_of(tables::found)},
      {std::string(tables::transcripts), tables::end_of(tables::transcripts)}};
  const auto row = rows.get(tables::controller);
  if (!row || !*row || !decode_row(**row, controller) || controller.last_event() <= events_kept)
    return ranges;
  const std::uint64_t kept_from = controller.last_event() - events_kept;
  ranges.push_back({event_key(0), event_key(kept_from), kept_from - 1});
  return ranges;
}

/// The authenticator of a replay, and the core that asks it.
class RecordedController final : public DecisionCore, Authenticator {
 public:
  RecordedController(const RowReader& rows, recording::Oracles& oracles, ControllerLimits limits,
                     ApiSettings settings)
      : oracles_(oracles), node_(rows, oracles, oracles, oracles, *this, limits, std::move(settings)) {}

  Outcome handle(const Input& input, const Now& now) override { return node_.handle(input, now); }

 private:
  [[nodiscard]] std::optional<Principal> authenticate(std::string_view) const override {
    return next_caller();
  }
  [[nodiscard]] std::optional<Principal> known(const std::string&) const override { return next_caller(); }
  [[nodiscard]] std::optional<Principal> next_caller() const {
    const record::RecordedCaller caller = oracles_.caller();
    if (!caller.known()) return std::nullopt;
    Principal principal{.name = caller.name(),
                        .role = static_cast<Role>(caller.role()),
                        .sites = {caller.sites().begin(), caller.sites().end()},
                        .actions = {caller.actions().begin(), caller.actions().end()},
                        .token = caller.token()};
    if (caller.expires()) principal.until = WallTime(Duration(caller.until()));
    return principal;
  }

  recording::Oracles& oracles_;
  ControllerNode node_;
};

}  // namespace

ControllerLimits limits_of(const config::Controller& config, zones::ZoneBook zones) {
  ControllerLimits limits;
  limits.zones = std::make_shared<const zones::ZoneBook>(std::move(zones));
  limits.site_silent_after = length_of(config.site_silent_after(), limits.site_silent_after);
  limits.twin_settle = length_of(config.twin_settle(), limits.twin_settle);
  const config::StartLimits& starts = config.limits();
  PaceLimits& pace = limits.pace;
  if (starts.per_site() > 0) pace.per_site = starts.per_site();
  if (starts.per_actor() > 0) pace.per_actor = starts.per_actor();
  if (starts.failures() > 0) pace.failures = starts.failures();
  pace.break_glass_every = length_of(starts.break_glass_every(), pace.break_glass_every);
  return limits;
}

ApiSettings api_settings_of(const config::Controller& config, const std::string& version,
                            families::FamilyCatalogue families) {
  ApiSettings settings{.version = version, .families = std::move(families), .configuration = {}};
  const auto written = google::protobuf::util::MessageToJsonString(config, &settings.configuration);
  if (!written.ok()) settings.configuration.clear();
  return settings;
}

recording::NodeTraits recording_traits(const config::Controller& config, const std::string& version,
                                       const families::FamilyCatalogue& families,
                                       const zones::ZoneBook& zones) {
  recording::NodeTraits traits;
  traits.head.set_zones(zones.text());
  traits.head.set_node("controller");
  traits.head.set_version(version);
  traits.head.set_config(config.SerializeAsString());
  for (const auto& [name, family] : families.all()) *traits.head.add_families() = family;
  traits.find_in_row = find_in_row;
  traits.left_out = left_out;
  return traits;
}

Result<std::unique_ptr<DecisionCore>> recorded_controller(const record::RecordingHead& head,
                                                          const RowReader& rows,
                                                          recording::Oracles& oracles) {
  config::Controller config;
  if (head.node() != "controller" || !config.ParseFromString(head.config()))
    return fail(ErrorKind::corrupt, "this recording is of no controller");
  families::FamilyCatalogue families;
  for (const config::OsFamily& family : head.families()) {
    if (auto added = families.add(family); !added) return std::unexpected(added.error());
  }
  auto zones = zones::ZoneBook::from(head.zones());
  if (!zones) return std::unexpected(std::move(zones.error()).with("the time zones of a recording"));
  return std::make_unique<RecordedController>(rows, oracles, limits_of(config, std::move(*zones)),
                                              api_settings_of(config, head.version(), std::move(families)));
}

std::optional<Principal> RecordedAuthenticator::told(std::optional<Principal> answer) const {
  if (recorder_ == nullptr) return answer;
  record::RecordedCaller caller;
  caller.set_known(answer.has_value());
  if (answer) {
    caller.set_name(answer->name);
    caller.set_role(static_cast<std::uint32_t>(answer->role));
    caller.set_token(answer->token);
    caller.mutable_sites()->Assign(answer->sites.begin(), answer->sites.end());
    caller.mutable_actions()->Assign(answer->actions.begin(), answer->actions.end());
    caller.set_expires(answer->until.has_value());
    if (answer->until) caller.set_until(answer->until->time_since_epoch().count());
  }
  recorder_->called(std::move(caller));
  return answer;
}

std::optional<Principal> RecordedAuthenticator::authenticate(std::string_view token) const {
  const DigestTapScope unwatched(nullptr);  // a replay is told the answer
  return told(real_.authenticate(token));
}

std::optional<Principal> RecordedAuthenticator::known(const std::string& sha256) const {
  return told(real_.known(sha256));
}

}  // namespace metalmesh::controller
