#include "tests/bmcsim/model/bmc_model.h"

#include <algorithm>
#include <utility>

#include "tests/bmcsim/model/replies.h"
#include "tests/bmcsim/model/service_tree.h"
#include "tests/bmcsim/model/timer_host.h"

namespace metalmesh::bmcsim {
namespace {

constexpr std::size_t most_asked = 256;  // requests remembered one by one

constexpr std::string_view op_names[] = {"read",  "login",      "logout", "insert",
                                         "eject", "patch_boot", "reset",  "manager_reset"};

Op op_of(const RedfishRequest& request) {
  const auto ends = [&](std::string_view suffix) { return request.path.ends_with(suffix); };
  if (request.method == "POST" && ends("/Sessions")) return Op::login;
  if (request.method == "DELETE") return Op::logout;
  if (request.method == "POST" && ends("VirtualMedia.InsertMedia")) return Op::insert;
  if (request.method == "POST" && ends("VirtualMedia.EjectMedia")) return Op::eject;
  if (request.method == "POST" && ends("ComputerSystem.Reset")) return Op::reset;
  if (request.method == "POST" && ends("Manager.Reset")) return Op::manager_reset;
  if (request.method == "PATCH" && ends("/Systems/1")) return Op::patch_boot;
  return Op::read;
}

}  // namespace

std::string_view to_string(Op op) { return op_names[static_cast<std::size_t>(op)]; }

bool parse_op(std::string_view text, Op& op) {
  const auto* found = std::ranges::find(op_names, text);
  if (found == std::end(op_names)) return false;
  op = static_cast<Op>(found - std::begin(op_names));
  return true;
}

BmcModel::BmcModel(BmcOptions options)
    : BmcModel(std::move(options), [](const BmcOptions& kept) { return std::make_unique<TimerHost>(kept); }) {
}

BmcModel::BmcModel(BmcOptions options, const MakeHost& make_host)
    : options_(std::move(options)),
      host_(make_host(options_)),
      sessions_(options_),
      slots_(options_, *host_, tasks_),
      system_(options_, *host_),
      was_on_(host_->on()) {}

void BmcModel::take_note(MonoTime now) {
  if (const auto result = host_->insert_result()) tasks_.end(Task::Ends::with_host, *result, now);
  if (was_on_ != host_->on()) {
    was_on_ = host_->on();
    power_changed_ = now;
    if (was_on_) {
      tasks_.end(Task::Ends::at_reset, {}, now);
      system_.started(now);
    }
  }
  if (had_medium_ == host_->media_url()) return;
  had_medium_ = host_->media_url();
  medium_changed_ = now;
}

std::vector<HostWish> BmcModel::advance(MonoTime now) {
  slots_.advance(now);
  auto wishes = host_->advance(now);
  take_note(now);
  return wishes;
}

std::optional<MonoTime> BmcModel::next_due() const {
  const auto host = host_->next_due();
  const auto slot = slots_.next_due();
  if (host && slot) return std::min(*host, *slot);
  return host ? host : slot;
}

void BmcModel::answered(std::uint64_t ticket, int status, std::string_view bytes, std::uint64_t size,
                        MonoTime now) {
  host_->answered(ticket, status, bytes, size, now);
  take_note(now);
}

void BmcModel::restart(MonoTime now, bool drops_media) {
  host_->note(now, "BMC restarts");
  sessions_.end_all();
  tasks_.forget_all();
  slots_.restart(now);
  if (drops_media) host_->lose_medium(now);
  take_note(now);
}

bool BmcModel::set_fault(std::string_view name) {
  const Fault* fault = fault_named(name);
  if (fault == nullptr) return false;
  clear_fault(name);
  if (fault->knob != nullptr) fault->knob(options_, true);
  active_.push_back({fault, {}});
  // In the order of the tables: what is done to the text of a reply comes after what it says.
  const auto place = [](const Active& each) { return std::ranges::find(all_faults(), each.fault); };
  std::ranges::sort(active_, {}, place);
  return true;
}

void BmcModel::clear_fault(std::string_view name) {
  const auto found = std::ranges::find(active_, name, [](const Active& each) { return each.fault->name; });
  if (found == active_.end()) return;
  if (found->fault->knob != nullptr) found->fault->knob(options_, false);
  active_.erase(found);
}

void BmcModel::clear_faults() {
  while (!active_.empty()) clear_fault(active_.back().fault->name);
}

std::vector<std::string_view> BmcModel::faults() const {
  std::vector<std::string_view> names;
  for (const Active& each : active_) names.push_back(each.fault->name);
  return names;
}

FaultRule* BmcModel::match(Op op, const RedfishRequest& request, FaultRule::When when) {
  for (auto& rule : rules_) {
    if (rule.op != op || rule.when != when || rule.times == 0) continue;
    if (!rule.reset_type.empty() && string_at(parse_body(request.body), "ResetType") != rule.reset_type)
      continue;
    if (rule.nth > 1) {
      --rule.nth;
      continue;
    }
    --rule.times;
    return &rule;
  }
  return nullptr;
}

RedfishReply BmcModel::disturbed(const FaultRule& rule, Op op, MonoTime now) {
  host_->note(now, "fault",
              std::string(to_string(op)) + (rule.when == FaultRule::When::before ? " before" : " after"));
  if (rule.action == FaultRule::Action::status)
    return error_reply(rule.status, "GeneralError", "simulated fault");
  RedfishReply reply;
  reply.drop = true;
  reply.kill = rule.action == FaultRule::Action::kill;
  return reply;
}

void BmcModel::wear(std::shared_ptr<const Personality> personality) {
  apply_options(*personality, options_);
  costume_.emplace(std::move(personality), options_);
  if (!costume_->personality().tree.empty()) {
    options_.media_under_systems = true;
    options_.has_virtual_media = costume_->has_slot();
    options_.slot_has_certificates = costume_->has_certificates();
    options_.boot_progress = costume_->tells_progress();
    // What no reply tells: its host started from something else than it was told to.
    if (costume_->personality().tree.fault() == "BOOT_IGNORED") {
      options_.once_ignored = true;
      options_.falls_back_to_cd = false;
    }
  }
  for (const std::string& fault : costume_->personality().faults) set_fault(fault);
}

BmcModel::KnownBy BmcModel::known_by() const {
  if (!costume_ || costume_->tells_number()) return {options_.uuid, options_.serial, {}};
  return {options_.uuid, {}, costume_->mac()};
}

RedfishReply BmcModel::handle(const RedfishRequest& asked, MonoTime now) {
  ++requests_;
  take_note(now);
  if (asked_.size() < most_asked) asked_.push_back({now, asked.method + " " + asked.path});
  if (now < away_until_) {
    RedfishReply gone;
    gone.drop = true;
    return gone;
  }
  RedfishRequest known = asked;
  if (costume_) {
    if (auto at_once = costume_->inward(known, host_->on())) return *std::move(at_once);
  }
  const Op op = op_of(known);
  if (const auto* rule = match(op, known, FaultRule::When::before)) return disturbed(*rule, op, now);
  RedfishRequest request = known;
  auto reply = answer(request, now);
  if (costume_) costume_->outward(asked, known, reply);
  take_note(now);
  if (const auto* rule = match(op, known, FaultRule::When::after)) {
    if (rule->action != FaultRule::Action::hold) return disturbed(*rule, op, now);
    host_->note(now, "holds its answer", asked.method + " " + asked.path);
    reply.held = true;
  }
  return reply;
}

RedfishReply BmcModel::answer(RedfishRequest& request, MonoTime now) {
  const std::string path = without_slashes(request.path);
  const std::string slots = slots_.root();
  const auto scene = [&](Active& each) {
    return Scene{options_,        *host_,  sessions_, tasks_, slots,      power_changed_,
                 medium_changed_, request, path,      now,    each.memory};
  };
  met_.clear();
  std::optional<RedfishReply> reply;
  for (Active& each : active_) {
    if (each.fault->instead == nullptr || reply) continue;
    Scene seen = scene(each);
    const RedfishRequest given = request;
    reply = each.fault->instead(seen);
    const bool rewritten = given.path != request.path || given.body != request.body;
    if (reply || rewritten || std::exchange(each.memory.acted, false)) met_.push_back(each.fault->name);
  }
  if (!reply) reply = dispatch(request, now);
  for (Active& each : active_) {
    if (each.fault->alter == nullptr) continue;
    Scene seen = scene(each);
    const RedfishReply given = *reply;
    each.fault->alter(seen, *reply);
    if (given != *reply || std::exchange(each.memory.acted, false)) met_.push_back(each.fault->name);
  }
  return *std::move(reply);
}

std::string BmcModel::media_link(bool under_systems) const {
  const bool here = options_.has_virtual_media && options_.media_under_systems == under_systems;
  return here ? slots_.root() : std::string();
}

RedfishReply BmcModel::reset_manager(const RedfishRequest& request, MonoTime now) {
  const auto type = string_at(parse_body(request.body), "ResetType");
  if (type != "GracefulRestart" && type != "ForceRestart")
    return error_reply(400, "ActionParameterNotSupported", "ResetType: " + type);
  restart(now, false);
  away_until_ = now + options_.restart_time;
  return no_content();
}

RedfishReply BmcModel::dispatch(const RedfishRequest& request, MonoTime now) {
  const std::string path = without_slashes(request.path);
  const bool get = reads(request);
  if (get) {
    if (auto open = public_resource(options_, path)) return *std::move(open);
  }
  if (request.method == "POST" && path == sessions_path) {
    auto reply = sessions_.log_in(request);
    if (reply.status == 401)
      host_->note(now, "login refused", string_at(parse_body(request.body), "UserName"));
    return reply;
  }
  if (!path.starts_with("/redfish/v1/")) return no_such_resource();
  if (!sessions_.authorized(request))
    return error_reply(401, "NoValidSession", "a session or credentials are needed");
  if (path.starts_with("/redfish/v1/SessionService")) {
    if (request.method == "DELETE") return sessions_.log_out(path.substr(path.rfind('/') + 1));
    return get ? sessions_.read(path) : no_such_resource();
  }
  if (request.method == "POST" && path == reset_path) return system_.reset(request, now);
  if (request.method == "POST" && path == manager_reset_path) return reset_manager(request, now);
  if (path == system_path) return system_.answer(request, media_link(true), now);
  if (options_.has_virtual_media && path.starts_with(slots_.root())) return slots_.answer(request, path, now);
  if (path.starts_with("/redfish/v1/TaskService")) return tasks_.read(path, now);
  if (get) {
    // The manager tells of the slots wherever they are.
    const std::string media = options_.has_virtual_media ? slots_.root() : std::string();
    if (auto listed = listed_resource(options_, path, media)) return *std::move(listed);
  }
  return no_such_resource();
}

}  // namespace metalmesh::bmcsim
