#include "controller/core/request_desk.h"

#include <chrono>
#include <string>
#include <tuple>
#include <type_traits>
#include <variant>

#include "common/base/planted.h"
#include "controller/core/audit_line.h"
#include "controller/core/field_rules.h"
#include "controller/core/operator_acts.h"
#include "controller/core/request_digest.h"
#include "controller/core/settle.h"
#include "controller/core/site_care.h"
#include "controller/core/store_damage.h"

namespace metalmesh::controller {
namespace {

constexpr Duration while_applying = std::chrono::milliseconds(5);

Answer answer_of(const MeshState& mesh, const Acted& acted) {
  Answer answer;
  answer.created = acted.created;
  with_kind_that(
      FeedKinds{}, [&]<class T>() { return Kind<T>::word == acted.kind; },
      [&]<class T>() {
        const T& object = (mesh.*Kind<T>::objects).at(acted.name);
        if constexpr (std::is_same_v<T, rest::Deployment>) {
          answer.object = object;
        } else {
          answer.object = Object(object);
        }
        return true;
      });
  return answer;
}

/// To a request that was carried out before.
OperatorResult answer_again(const MeshState& mesh, const record::IdempotentAnswer& before) {
  const auto& [kind, name] = std::tie(before.kind(), before.name());
  const auto there = with_kind_that(
      FeedKinds{}, [&]<class T>() { return Kind<T>::word == kind; },
      [&]<class T>() { return (mesh.*Kind<T>::objects).contains(name); });
  if (kind.empty() || there.value_or(false)) return answer_of(mesh, {before.created(), kind, name, {}});
  return std::unexpected(rules::refusal(
      ErrorKind::conflict, "Idempotency-Key",
      "the request of this key was carried out before, and " + kind + " " + name + " has been deleted since",
      "use a new key to make it again"));
}

}  // namespace

OperatorResult RequestDesk::decide(Work& work, const OperatorRequest& request) {
  ++work.metrics.operator_requests;
  if (!applies_.holds(request)) return decide_now(work, request);
  OperatorRequest held = request;
  if (std::holds_alternative<ApplyMany>(held.body))
    held.idempotency_key.clear();  // applied twice is applied once
  const auto number = applies_.enqueue(work, std::move(held));
  if (!number)
    return std::unexpected(rules::refusal(
        ErrorKind::unavailable, "", "many objects are being applied, and too many requests wait for that",
        "try again in a moment"));
  settle(work);
  return Answer{.object = {}, .later = *number};
}

OperatorResult RequestDesk::decide_now(Work& work, const OperatorRequest& request) {
  if (!request.idempotency_key.empty()) {
    if (request.idempotency_key.size() > idempotency_key_limit) {
      return std::unexpected(rules::refusal(ErrorKind::invalid, "Idempotency-Key", "longer than 255 bytes"));
    }
    const std::string digest = request_digest(request);
    const auto stored = work.ledger.inner().answers.find(answer_key(request));
    if (stored != work.ledger.inner().answers.end() && !planted(Defect::repeats_act_again)) {
      if (stored->second.request_sha256() == digest) return answer_again(work.mesh(), stored->second);
      return std::unexpected(rules::refusal(ErrorKind::conflict, "Idempotency-Key",
                                            "this key was used for another request",
                                            "use a new key for a new request"));
    }
  }
  if (auto body = PlanAct::body_of(request)) return begin(work, request, std::move(*body));
  return conclude(work, request,
                  std::visit(
                      [&](const auto& body) -> ActResult {
                        using Body = std::decay_t<decltype(body)>;
                        if constexpr (std::is_same_v<Body, Apply>) {
                          return apply_object(work, body);
                        } else if constexpr (std::is_same_v<Body, Delete>) {
                          return delete_object(work, body);
                        } else if constexpr (std::is_constructible_v<PlanAct::Body, Body> ||
                                             std::is_same_v<Body, ApplyMany>) {
                          std::unreachable();
                        } else {
                          return act(work, body, request.actor);
                        }
                      },
                      request.body));
}

OperatorResult RequestDesk::begin(Work& work, const OperatorRequest& request, PlanAct::Body body) {
  auto begun = plans_.begin(work, request, std::move(body), limits_.planned_at_once);
  if (const auto* result = std::get_if<ActResult>(&begun)) return conclude(work, request, *result);
  settle(work);
  return Answer{.object = {}, .later = std::get<std::uint64_t>(begun)};
}

void RequestDesk::started(Work& work) {
  PlansUnderWay::started(work);
  applies_.started(work);
}

void RequestDesk::go_on(Work& work) {
  if (applies_.is_busy()) {  // a plan holds for servers as they are by then
    work.out.emit(TimerArm{PlansUnderWay::token, work.now.mono + while_applying});
    return;
  }
  if (auto done = plans_.go_on(work, limits_.planned_at_once))
    answers_.emplace_back(done->number, conclude(work, done->request, done->result));
}

void RequestDesk::go_on_applying(Work& work) {
  constexpr std::size_t at_once = 8;  // of those that waited
  if (auto done = applies_.go_on(work, limits_.applied_at_once)) {
    OperatorResult result = conclude(work, done->request, Acted{false, {}, {}, std::move(done->audit)});
    if (result) result->applied = std::move(done->report);
    if (done->number != 0) answers_.emplace_back(done->number, std::move(result));
  }
  for (std::size_t i = 0; i < at_once; ++i) {
    auto waiting = applies_.next();
    if (!waiting) break;
    answers_.emplace_back(waiting->number, decide_now(work, waiting->request));
  }
  applies_.carry_on(work);
  settle(work);
}

OperatorResult RequestDesk::conclude(Work& work, const OperatorRequest& request, const ActResult& result) {
  if (!result || !result->audit.empty()) work.ledger.note(audit_line(request, result), work.now.wall());
  if (!result) {
    ++work.metrics.operator_refusals;
    settle(work);
    return std::unexpected(result.error());
  }
  lift_damage(work, request);
  ensure_links(work, work.rows, limits_);
  for (auto& [name, link] : work.links) {
    serve_site(work, name);
    refresh_site(work, name);
  }
  settle(work);
  owes_word_ = true;
  Answer answer = answer_of(work.mesh(), *result);
  if (!request.idempotency_key.empty()) {
    work.ledger.put_answer(answer_key(request), to_record(answer, request_digest(request)));
    work.ledger.flush(work.out.rows, work.now.wall());
  }
  return answer;
}

}  // namespace metalmesh::controller
