#include "agents/bmc/dialogue.h"

#include <utility>

#include "agents/redfish/care.h"
#include "common/base/planted.h"

namespace metalmesh::bmc {

Dialogue::Dialogue(Peer peer, Timing timing, redfish::Identity expected, std::vector<std::string> left_over,
                   std::uint64_t first_number, Known known)
    : sessions_(std::move(left_over), false), expected_(std::move(expected)), known_(known) {
  if (peer.resumed) sessions_.seek_lost();
  line_ = Line(std::move(peer), timing, first_number);
  if (known_.map != nullptr) use_map();
}

void Dialogue::use_map() {
  const record::BmcMap& map = *known_.map;
  by_map_ = true;
  discovery_.follow(map);
  slots_.look_first_at({map.slots().begin(), map.slots().end()});
  std::vector<Interface> interfaces;
  for (const auto& each : map.interfaces())
    interfaces.push_back({each.uri(), {each.macs().begin(), each.macs().end()}});
  identity_.look_first_at(interfaces, expected_.macs);
  if (map.basic()) sessions_.use_basic();
  if (map.closes_connections()) line_.close_connections();
  for (const auto& redirect : map.redirects()) line_.learn_redirect(redirect.from(), redirect.to());
  if (known_.quirks == nullptr) return;
  const auto row = known_.quirks->all().find(map.quirks());
  if (row != known_.quirks->all().end()) follow(row->second);
  row_from_map_ = true;
}

/// It leads nowhere, or to another machine: everything is found out once more.
void Dialogue::drop_map(Turn& turn) {
  turn.notes.emplace_back("the way around its BMC has changed; it is looked for again");
  by_map_ = row_from_map_ = false;
  identified_ = false;
  sessions_.forget_way();
  line_.forget_redirects();
  line_.forget_answers();
  discovery_.forget();
  discovery_.follow(Ways{});
  slots_ = SlotReader{};
  identity_ = IdentityReader{};
  row_.clear();
  ejects_bare_ = false;
  enable_media_.clear();
  screen_action_.reset();
}

record::BmcMap Dialogue::draw_map() const {
  record::BmcMap map;
  map.set_address(line_.bmc().address());
  map.set_key_sha256(line_.peer_key());
  map.set_firmware(traits_.firmware);
  map.set_quirks(row_);
  map.set_sessions(discovery_.root().sessions);
  map.set_basic(sessions_.basic());
  map.set_closes_connections(line_.closes_connections());
  map.set_system(discovery_.system()->uri);
  for (const Interface& each : identity_.interfaces()) {
    auto& added = *map.add_interfaces();
    added.set_uri(each.uri);
    added.mutable_macs()->Assign(each.macs.begin(), each.macs.end());
  }
  // Who needs another kind looks for all of them.
  for (const redfish::Slot& slot : slots_.found())
    if (redfish::holds_cd(slot)) map.add_slots(slot.uri);
  for (const std::string& value : discovery_.system()->reset.allowed) map.add_reset_values(value);
  for (const auto& [from, to] : line_.redirects()) {
    auto& redirect = *map.add_redirects();
    redirect.set_from(from);
    redirect.set_to(to);
  }
  *map.mutable_identity() = redfish::to_wire(identity());
  return map;
}

wire::Inventory Dialogue::inventory() const {
  wire::Inventory out = inventory_.seen();
  for (wire::Inventory::Nic& nic : identity_.nics()) *out.add_nics() = std::move(nic);
  return out;
}

void Dialogue::follow(const config::BmcQuirks& row) {
  row_ = row.name();
  if (row.basic_login()) sessions_.use_basic();
  if (row.closes_connections()) line_.close_connections();
  sessions_.use_domain(row.login_domain());
  discovery_.follow(Ways{.label_is_sku = row.label() == config::BmcQuirks::SKU,
                         .boot_target = row.boot_target(),
                         .boot_in_settings = row.boot_in_settings(),
                         .settings_path = row.settings_path(),
                         .boot_continuous = row.boot_continuous()});
  ejects_bare_ = row.eject_without_body();
  enable_media_ = row.enable_media();
  screen_action_ = row.has_screen() ? std::optional(row.screen()) : std::nullopt;
}

Verdict Dialogue::see_screen(Turn& turn) {
  screen_ = {};
  if (shows_screen() && find_managers(turn) == Verdict::busy) return Verdict::busy;
  if (!shows_screen() || managers().empty()) {
    screen_.why_not = "no way is known by which such a BMC shows it";
    return Verdict::done;
  }
  const HttpReplied* reply = line_.fetch_if_it_can(
      turn, Ask::screen,
      redfish::invoke(managers().front().uri + screen_action_->action(),
                      {screen_action_->arguments().begin(), screen_action_->arguments().end()}));
  if (reply == nullptr) return Verdict::busy;
  screen_.picture = redfish::parse_picture(*reply, screen_action_->picture());
  if (!screen_.picture.empty()) return Verdict::done;
  screen_.why_not = "no picture in its answer (HTTP " + std::to_string(reply->status) + ")";
  screen_.words = redfish::parse_error(reply->body).text();
  return Verdict::done;
}

void Dialogue::match_root() {
  if (known_.quirks == nullptr || row_from_map_ || !traits_.vendor.empty()) return;
  const redfish::ServiceRoot& root = discovery_.root();
  traits_.vendor = root.vendor.empty() ? "unknown" : root.vendor;
  traits_.product = root.product;
  traits_.oem = root.oem;
  if (const auto& row = known_.quirks->match_root(traits_); !row.name().empty()) follow(row);
}

/// Again whenever more is known.
void Dialogue::match_all() {
  const BmcTraits before = traits_;
  if (const auto& system = discovery_.system()) {
    traits_.manufacturer = system->manufacturer;
    traits_.model = system->model;
  }
  if (!discovery_.managers().empty()) {
    traits_.manager = discovery_.managers().front().model;
    traits_.firmware = discovery_.managers().front().firmware;
  }
  if (known_.quirks == nullptr || row_from_map_ || traits_ == before) return;
  if (const auto& row = known_.quirks->match(traits_); row.name() != row_) follow(row);
}

Verdict Dialogue::open(Turn& turn) {
  if (discovery_.read_root(turn, line_) == Verdict::busy) return Verdict::busy;
  match_root();
  if (sessions_.open(turn, line_, discovery_.root()) == Verdict::busy) return Verdict::busy;
  if (!std::exchange(other_key_, false)) return Verdict::done;
  drop_map(turn);  // only now: the session that was just opened must not be lost
  return open(turn);
}

Verdict Dialogue::connect(Turn& turn) {
  if (open(turn) == Verdict::busy) return Verdict::busy;
  if (discovery_.find_system(turn, line_, by_map_ ? redfish::Identity{} : expected_) == Verdict::busy)
    return Verdict::busy;
  match_all();
  return Verdict::done;
}

Verdict Dialogue::find_managers(Turn& turn) {
  if (discovery_.find_managers(turn, line_) == Verdict::busy) return Verdict::busy;
  match_all();
  return Verdict::done;
}

Verdict Dialogue::identify(Turn& turn) {
  if (identified_) return Verdict::done;
  if (identity_.read(turn, line_, discovery_, expected_) == Verdict::busy) return Verdict::busy;
  if (look(turn) == nullptr) return Verdict::busy;
  const redfish::Comparison comparison = redfish::compare(expected_, identity());
  if (comparison.match == redfish::Match::insufficient) {
    return turn.fail(
        {.code = wire::IDENTITY_INSUFFICIENT, .expected = comparison.expected, .seen = comparison.seen});
  }
  if (comparison.match == redfish::Match::unread) return await_identity(turn, comparison);
  if (comparison.match == redfish::Match::different && by_map_) {
    drop_map(turn);
    return turn.wait(turn.now.mono);
  }
  if (comparison.match == redfish::Match::different && !any_will_do()) {
    contradiction_ = comparison;
    return turn.fail(
        {.code = wire::IDENTITY_MISMATCH, .expected = comparison.expected, .seen = comparison.seen});
  }
  identified_ = true;
  by_map_ = false;  // confirmed
  unread_since_.reset();
  return Verdict::done;
}

bool Dialogue::any_will_do() const {
  return planted(Defect::any_machine_will_do) || (planted(Defect::row_skips_identity) && !row_.empty());
}

/// A BMC that starts shows empty fields for a while: that is no reading, and no contradiction.
Verdict Dialogue::await_identity(Turn& turn, const redfish::Comparison& comparison) {
  if (turn.out_of_patience(unread_since_)) {
    return turn.fail({.code = wire::BMC_PROTOCOL,
                      .expected = comparison.expected,
                      .seen = comparison.seen,
                      .span = turn.now.mono - *unread_since_});
  }
  forget_identity();
  return line_.ask_later(turn);
}

void Dialogue::forget_identity() {
  identified_ = false;
  identity_.forget();
  discovery_.stale();
}

void Dialogue::hold_contradicted(std::string expected, std::string seen) {
  contradiction_ = redfish::Comparison{redfish::Match::different, std::move(expected), std::move(seen)};
}

const redfish::System* Dialogue::look(Turn& turn) {
  if (!discovery_.fresh() && turn.now.mono < look_due()) {
    turn.wait(look_due());
    return nullptr;
  }
  const redfish::System* system = discovery_.look(turn, line_);
  if (system == nullptr) return nullptr;
  const auto contradiction = redfish::contradiction(expected_, system->identity);
  const bool believed = !by_map_ && !any_will_do();
  if (!contradiction || !believed) return system;
  contradiction_ = contradiction;
  forget_identity();
  turn.fail(
      {.code = wire::IDENTITY_MISMATCH, .expected = contradiction->expected, .seen = contradiction->seen});
  return nullptr;
}

const redfish::Slot* Dialogue::look_at_slot(Turn& turn, const std::string& uri) {
  if (!slots_.fresh(uri) && turn.now.mono < look_due()) {
    turn.wait(look_due());
    return nullptr;
  }
  return slots_.look(turn, line_, uri);
}

Verdict Dialogue::look_again(Turn& turn, Duration gap) {
  // Three quarters to five quarters, so that a rack of hosts is not asked in step.
  const auto jitter = turn.random.below(static_cast<std::uint64_t>(gap.count() / 2) + 1);
  discovery_.stale();
  slots_.stale();
  hurry_ = MonoTime::max();
  next_look_ = turn.now.mono + gap * 3 / 4 + Duration(static_cast<std::int64_t>(jitter));
  return turn.wait(next_look_);
}

Verdict Dialogue::act(Turn& turn, Ask ask, redfish::Request request) {
  if (contradiction_) {
    return turn.fail({.code = wire::IDENTITY_MISMATCH,
                      .expected = contradiction_->expected,
                      .seen = contradiction_->seen});
  }
  return line_.act(turn, ask, std::move(request));
}

Verdict Dialogue::follow_task(Turn& turn) {
  const Verdict verdict = line_.follow_task(turn);
  after(turn);
  return verdict;
}

/// What a changing call changed is to be read again; the other resource stands as it was read.
void Dialogue::after(Turn& turn) {
  if (turn.settled) {
    // Not writable here; perhaps where changes of it are to go.
    const Answer& answer = *turn.settled;
    const bool elsewhere = (answer.ask == Ask::boot || answer.ask == Ask::unboot) &&
                           answer.kind == Answer::Kind::refused &&
                           answer.refusal == redfish::Refusal::for_good;
    if (elsewhere && discovery_.boot_in_settings()) {
      Answer again = answer;
      again.kind = Answer::Kind::unsent;
      line_.correct(turn, std::move(again));
    }
    const bool of_slot = turn.settled->ask == Ask::insert || turn.settled->ask == Ask::eject ||
                         turn.settled->ask == Ask::enable;
    if (of_slot)
      slots_.stale();
    else
      discovery_.stale();
  }
  if (line_.take_lost() && !planted(Defect::identity_not_read_again)) forget_identity();
}

void Dialogue::take(Turn& turn, const HttpReplied& reply) {
  const auto ask = line_.asked_by(reply.id);
  const bool leads = ask == Ask::login || ask == Ask::system;
  const bool misled = by_map_ && leads && (reply.status == 404 || reply.status == 405);
  line_.take(turn, reply);
  const bool other_key = by_map_ && !line_.peer_key().empty() && line_.peer_key() != known_.map->key_sha256();
  if (misled)
    drop_map(turn);
  else if (other_key)
    other_key_ = true;
  after(turn);
}

void Dialogue::take(Turn& turn, const HttpFailed& failure) {
  line_.take(turn, failure);
  after(turn);
}

}  // namespace metalmesh::bmc
