#include "controller/api/admission.h"

#include <algorithm>
#include <utility>

#include "common/base/digest.h"
#include "controller/api/problem.h"
#include "controller/api/request_target.h"
#include "controller/api/routes.h"

namespace metalmesh::controller {
namespace {

constexpr unsigned most_doublings = 16;

bool is_urgent(const ExchangeGate::Head& head) {
  const auto target = parse_target(std::string(head.target));
  if (!target) return false;
  const auto match = match_route(head.method, target->segments);
  const auto* matched = std::get_if<Matched>(&match);
  return matched != nullptr && stops_something(matched->route->endpoint);
}

ExchangeReply come_later(Duration wait, std::string_view target) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(wait).count();
  Problem problem{
      429,
      "too many tokens that nobody knows came from this address",
      {},
      "try again in " + std::to_string(seconds) +
          " s; what stops something is heard at once, and on the controller's host its admin socket answers",
      {{"retry-after", std::to_string(seconds)}}};
  ApiReply reply = to_reply(problem, std::string(target.substr(0, target.find('?'))));
  ExchangeReply answer;
  answer.status = reply.status;
  answer.headers = std::move(reply.headers);
  answer.headers.emplace_back("content-type", std::move(reply.content_type));
  answer.body = std::move(reply.body);
  return answer;
}

}  // namespace

Admission::Neighbour& Admission::neighbour(std::string_view peer, MonoTime now) {
  const std::string address(peer.substr(0, peer.rfind(':')));
  if (const auto known = neighbours_.find(address); known != neighbours_.end()) {
    known->second.seen = now;
    return known->second;
  }
  if (neighbours_.size() >= limits_.addresses) {
    neighbours_.erase(
        std::ranges::min_element(neighbours_, {}, [](const auto& entry) { return entry.second.seen; }));
  }
  return neighbours_.emplace(address, Neighbour{now, 0, now, {}, {}}).first->second;
}

void Admission::guessed_wrong(Neighbour& from, MonoTime now) const {
  const auto forgiven = static_cast<unsigned>(
      std::min<std::int64_t>((now - from.forgiven) / limits_.forgiven_after, from.guesses));
  from.guesses -= forgiven;
  from.forgiven = from.guesses == 0 ? now : from.forgiven + forgiven * limits_.forgiven_after;
  if (++from.guesses <= limits_.free_guesses) return;
  const unsigned doublings = std::min(from.guesses - limits_.free_guesses - 1, most_doublings);
  from.until = now + std::min<Duration>(std::chrono::seconds(1) * (1U << doublings), limits_.longest_wait);
}

ExchangeGate::Verdict Admission::judge(const Head& head, MonoTime now) {
  Verdict verdict;
  const auto token = bearer_token(head.authorization);
  if (!token) return verdict;
  Neighbour& from = neighbour(head.peer, now);
  const std::string digest = sha256(*token);
  const bool urgent = is_urgent(head);
  if (now < from.until && !urgent && !from.right.contains(digest)) {
    verdict.refusal = come_later(from.until - now, head.target);
    return verdict;
  }
  const auto principal = tokens_.authenticate(*token);
  if (!principal) {
    from.right.erase(digest);
    guessed_wrong(from, now);
    return verdict;
  }
  if (from.right.size() >= limits_.tokens_of_address) from.right.clear();
  from.right.insert(digest);
  verdict.caller = principal->name;
  verdict.urgent = urgent;
  return verdict;
}

}  // namespace metalmesh::controller
