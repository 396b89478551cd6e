#include "controller/core/apply_act.h"

#include <google/protobuf/util/field_mask_util.h>

#include <algorithm>
#include <map>
#include <utility>

#include "common/ports/row_walk.h"
#include "controller/core/audit_line.h"
#include "controller/core/field_changes.h"
#include "controller/core/field_rules.h"
#include "controller/core/hidden_secrets.h"
#include "controller/core/store_damage.h"
#include "controller/state/row_codec.h"
#include "controller/state/tables.h"

namespace metalmesh::controller {
namespace {

constexpr std::size_t kinds_end = ObjectKinds::size;

/// By what others may refer to; what is no kind comes last.
std::size_t rank_of(const std::string& kind) {
  std::size_t rank = 0;
  std::size_t found = kinds_end;
  for_each_kind(ObjectKinds{}, [&]<class T>() {
    if (Kind<T>::word == kind) found = rank;
    ++rank;
  });
  return found;
}

/// All that an object may refer to; of servers and rollouts nothing refers to any.
std::unique_ptr<MeshState> referable(const MeshState& mesh) {
  auto copy = std::make_unique<MeshState>();
  copy->sites = mesh.sites;
  copy->credentials = mesh.credentials;
  copy->images = mesh.images;
  copy->profiles = mesh.profiles;
  copy->profile_versions = mesh.profile_versions;
  copy->settings = mesh.settings;
  copy->exceptions = mesh.exceptions;
  copy->hardware_types = mesh.hardware_types;
  copy->users = mesh.users;
  copy->families = mesh.families;
  copy->catalogue = mesh.catalogue;
  copy->zones = mesh.zones;
  copy->pace_limits = mesh.pace_limits;
  return copy;
}

template <class T>
void add_to(MeshState& references, const T& object) {
  (references.*Kind<T>::objects)[object.metadata().name()] = object;
}
void add_to(MeshState&, const rest::Server&) {}
void add_to(MeshState&, const rest::Rollout&) {}

/// Of one that is there all stays but these fields.
template <class T>
void keep_unsaid(const MeshState& mesh, const std::vector<std::string>& fields, T& object) {
  const auto& objects = mesh.*Kind<T>::objects;
  const auto old = objects.find(object.metadata().name());
  if (old == objects.end()) return;
  T whole;
  whole.set_api_version(object.api_version());
  whole.set_kind(object.kind());
  whole.mutable_metadata()->set_name(object.metadata().name());
  *whole.mutable_metadata()->mutable_labels() = old->second.metadata().labels();
  *whole.mutable_spec() = old->second.spec();
  google::protobuf::FieldMask mask;
  mask.mutable_paths()->Assign(fields.begin(), fields.end());
  google::protobuf::util::FieldMaskUtil::MergeOptions replace;
  replace.set_replace_message_fields(true);
  replace.set_replace_repeated_fields(true);
  google::protobuf::util::FieldMaskUtil::MergeMessageTo(object, mask, replace, &whole);
  object = std::move(whole);
}

template <class T>
void find_changes(const T* old, const T& object, std::vector<FieldChange>& changes) {
  T from;
  T to;
  if (old != nullptr) from = *old;
  to = object;
  hide_secrets(from);
  hide_secrets(to);
  rest::Metadata labels_from;
  rest::Metadata labels_to;
  *labels_from.mutable_labels() = from.metadata().labels();
  *labels_to.mutable_labels() = to.metadata().labels();
  find_changes(labels_from, labels_to, "metadata", changes);
  find_changes(from.spec(), to.spec(), "spec", changes);
  if (old != nullptr && changes.empty()) changes.push_back({"spec", "(hidden)", "(hidden)"});
}

std::string counted(std::size_t count, const char* what) {
  return count == 0 ? std::string() : ", " + std::to_string(count) + " " + what;
}

}  // namespace

std::optional<Object> object_of(const std::string& kind, const std::string& row) {
  const auto object = with_object_kind(kind, [&]<class T>() -> std::optional<Object> {
    T read;
    if (!decode_row(row, read)) return std::nullopt;
    return Object(std::move(read));
  });
  return object ? *object : std::nullopt;
}

std::size_t ApplyReport::count(Standing standing) const {
  return static_cast<std::size_t>(std::ranges::count(results, standing, &WishResult::standing));
}

ApplyAct::ApplyAct(ApplyMany request, Applicant who) : request_(std::move(request)), who_(std::move(who)) {}

std::unique_ptr<ApplyAct> ApplyAct::left_over(Work& work) {
  rest::LogEvent decided;
  const auto row = work.rows.get(tables::applying);
  const bool was_decided = row && *row && decode_row(**row, decided);
  auto wishes = std::make_shared<std::vector<Wish>>();
  std::vector<std::string> rows;
  // What cannot be read is damage, and told as such (store_damage.h).
  static_cast<void>(walk_rows(
      work.rows, std::string(tables::applied), tables::end_of(tables::applied),
      [&](const Row& each) -> Status {
        const std::size_t slash = each.key.rfind('/');
        if (!was_decided || !each.value) {
          work.out.rows.push_back({each.key, std::nullopt});
          return {};
        }
        rows.push_back(each.key);
        wishes->push_back(
            {.line = wishes->size() + 1, .kind = each.key.substr(slash + 1), .name = {}, .row = *each.value});
        return {};
      }));
  if (!was_decided) return nullptr;
  auto act =
      std::make_unique<ApplyAct>(ApplyMany{std::move(wishes)}, Applicant{decided.actor(), decided.token()});
  act->phase_ = Phase::carry_out;
  act->rows_ = std::move(rows);
  act->report_->taken = true;
  for (std::size_t i = 0; i < act->request_.wishes->size(); ++i) {
    const Wish& wish = (*act->request_.wishes)[i];
    act->wanted_.push_back(i);
    act->report_->results.push_back({.line = wish.line, .kind = wish.kind, .name = wish.name});
  }
  return act;
}

std::shared_ptr<const ApplyReport> ApplyAct::go_on(Work& work, std::size_t objects) {
  if (phase_ == Phase::begin) begin(work);
  const auto slice = [&](const std::vector<std::size_t>& all, const auto& each) {
    for (std::size_t i = 0; i < objects && next_ < all.size(); ++i) each(next_++);
    return next_ == all.size();
  };
  switch (phase_) {
    case Phase::weigh:
      if (slice(order_, [&](std::size_t place) { weigh(work, order_[place]); })) judge(objects);
      if (phase_ != Phase::carry_out) break;
      [[fallthrough]];
    case Phase::carry_out:
      if (!slice(wanted_, [&](std::size_t place) { carry_out(work, place); })) break;
      if (!rows_.empty()) work.out.rows.push_back({std::string(tables::applying), std::nullopt});
      phase_ = Phase::done;
      break;
    case Phase::write:
      if (slice(wanted_, [&](std::size_t place) { write(work, place); })) phase_ = Phase::decide;
      break;
    case Phase::decide:
      decide(work);
      next_ = 0;
      phase_ = Phase::carry_out;
      break;
    case Phase::begin:
    case Phase::done:
      break;
  }
  return phase_ == Phase::done ? report_ : nullptr;
}

void ApplyAct::begin(const Work& work) {
  const std::vector<Wish>& wishes = *request_.wishes;
  report_->dry_run = request_.dry_run;
  order_.resize(wishes.size());
  bool brings_references = false;
  for (std::size_t i = 0; i < wishes.size(); ++i) {
    order_[i] = i;
    report_->results.push_back({.line = wishes[i].line, .kind = wishes[i].kind, .name = wishes[i].name});
    report_->results.back().refusal = wishes[i].refused;
    brings_references |= wishes[i].kind != Kind<rest::Server>::word;
  }
  std::ranges::sort(order_, {}, [&](std::size_t at) { return std::pair(rank_of(wishes[at].kind), at); });
  refuse_twins();
  if (brings_references) references_ = referable(work.mesh());
  phase_ = Phase::weigh;
}

/// The last one would win, and nobody would see it.
void ApplyAct::refuse_twins() {
  std::map<std::pair<std::string, std::string>, std::size_t> first;
  for (std::size_t i = 0; i < report_->results.size(); ++i) {
    WishResult& result = report_->results[i];
    if (result.kind.empty() || result.name.empty()) continue;
    const auto [at, fresh] = first.try_emplace({result.kind, result.name}, i);
    if (fresh) continue;
    WishResult& other = report_->results[at->second];
    const Refusal twice =
        rules::refusal(ErrorKind::invalid, "metadata.name",
                       result.kind + " " + result.name.substr(0, 80) + " is given twice: lines " +
                           std::to_string(other.line) + " and " + std::to_string(result.line),
                       "leave one of them out");
    if (!other.refusal) other.refusal = twice;
    if (!result.refusal) result.refusal = twice;
  }
}

void ApplyAct::weigh(const Work& work, std::size_t index) {
  Wish& wish = (*request_.wishes)[index];
  WishResult& result = report_->results[index];
  if (result.refusal) return;
  auto object = object_of(wish.kind, wish.row);
  if (object && !wish.fields.empty()) {
    std::visit([&](auto& said) { keep_unsaid(work.mesh(), wish.fields, said); }, *object);
    std::visit([&](const auto& whole) { wish.row = encode_row(whole); }, *object);
  }
  if (!object) {
    result.refusal = rules::refusal(ErrorKind::internal, "kind", "the object cannot be read");
    return;
  }
  const Apply apply{std::move(*object), wish.if_version};
  auto weighed = weigh_object(work, apply, {references_ ? *references_ : work.mesh(), to_be_});
  if (!weighed) {
    result.refusal = std::move(weighed.error());
    return;
  }
  result.standing = weighed->standing;
  if (result.standing != Standing::unchanged) {
    wanted_.push_back(index);
    look_at_change(work, *weighed, result);
  }
}

/// What others of the request find, and what people are told of it.
void ApplyAct::look_at_change(const Work& work, const Weighed& weighed, WishResult& result) {
  std::visit(
      [&]<class T>(const T& object) {
        if (references_) add_to(*references_, object);
        if constexpr (std::is_same_v<T, rest::Server>) {
          for (const auto& shared : work.ledger.identities().shared_host(object, &to_be_))
            result.warnings.push_back(shared.field + " " + shared.value + " is also that of " +
                                      shared.owner(object.spec().site()) +
                                      ": neither is installed as long as both have it");
          to_be_.servers.insert(object.metadata().name());
          to_be_.index.add(object);
        }
        if (!request_.dry_run) return;
        const auto& objects = work.mesh().*Kind<T>::objects;
        const auto old = objects.find(object.metadata().name());
        find_changes(old == objects.end() ? nullptr : &old->second, object, result.changes);
      },
      weighed.object);
}

void ApplyAct::judge(std::size_t objects) {
  next_ = 0;
  to_be_ = {};
  references_ = nullptr;
  const bool any_refused =
      std::ranges::any_of(report_->results, [](const auto& result) { return result.refusal.has_value(); });
  phase_ = Phase::done;
  if (request_.dry_run) return;
  if (request_.atomic && any_refused) {
    for (const std::size_t at : wanted_) report_->results[at].standing = Standing::fitting;
    return;
  }
  report_->taken = true;
  if (!wanted_.empty()) phase_ = wanted_.size() <= objects ? Phase::carry_out : Phase::write;
}

void ApplyAct::write(Work& work, std::size_t place) {
  const Wish& wish = (*request_.wishes)[wanted_[place]];
  constexpr std::size_t digits = 8;
  std::string number = std::to_string(place);
  number.insert(0, digits - std::min(digits, number.size()), '0');
  rows_.push_back(tables::row(tables::applied, number + "/" + wish.kind));
  work.out.rows.push_back({rows_.back(), wish.row});
}

void ApplyAct::decide(Work& work) const {
  rest::LogEvent decided;
  decided.set_actor(who_.actor);
  decided.set_token(who_.token);
  work.out.rows.push_back({std::string(tables::applying), encode_row(decided)});
}

void ApplyAct::carry_out(Work& work, std::size_t place) {
  const Wish& wish = (*request_.wishes)[wanted_[place]];
  WishResult& result = report_->results[wanted_[place]];
  if (!rows_.empty()) work.out.rows.push_back({rows_[place], std::nullopt});
  auto object = object_of(wish.kind, wish.row);
  if (!object) return;
  // It was compared when it was weighed, since when nothing but what sites told has changed anything.
  OperatorRequest one{who_.actor, {}, Apply{std::move(*object), std::nullopt}, who_.token};
  const ActResult acted = apply_decided(work, std::get<Apply>(one.body));
  if (!acted) {
    result.standing = Standing::refused;
    result.refusal = acted.error();
    work.ledger.note(audit_line(one, acted), work.now.wall());
    return;
  }
  if (acted->audit.empty()) return;
  result.standing = acted->created ? Standing::created : Standing::changed;
  work.ledger.note(audit_line(one, acted), work.now.wall());
  lift_damage(work, one);
}

std::string ApplyAct::audit() const {
  const std::size_t created = report_->count(Standing::created);
  const std::size_t changed = report_->count(Standing::changed);
  const std::size_t refused = report_->count(Standing::refused);
  const std::string all = std::to_string(report_->results.size()) + " objects at once: ";
  if (report_->dry_run || created + changed + refused == 0) return {};
  if (!report_->taken)
    return "refused: apply " + all + std::to_string(refused) + " are refused, and none was taken";
  return "applied " + all + std::to_string(created) + " created, " + std::to_string(changed) + " changed" +
         counted(report_->count(Standing::unchanged), "unchanged") + counted(refused, "refused");
}

}  // namespace metalmesh::controller
