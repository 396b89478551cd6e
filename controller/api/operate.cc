#include "controller/api/operate.h"

#include <algorithm>
#include <utility>

#include "controller/core/user_tokens.h"

namespace metalmesh::controller {
namespace {

constexpr std::size_t longest_key = 128;

bool usable_key(const std::string& key) {
  return !key.empty() && key.size() <= longest_key &&
         std::ranges::all_of(key, [](char c) { return c > ' ' && c <= '~'; });
}

}  // namespace

std::expected<void, Problem> check_idempotency_key(const ApiRequest& request) {
  const std::string* key = request.header("idempotency-key");
  if (key == nullptr || usable_key(*key)) return {};
  return refuse(400, "Idempotency-Key must be 1 to 128 printable characters without blanks",
                "Idempotency-Key");
}

Problem to_problem(Refusal refusal) {
  return {status_of(refusal.kind),
          std::move(refusal.message),
          std::move(refusal.field),
          std::move(refusal.next),
          {}};
}

std::expected<Answer, Problem> ask(const ApiRequest& request, const Operate& operate, OperatorBody body) {
  OperatorRequest asked;
  asked.actor = request.principal.name;
  asked.token = token_id(request.principal.token);
  if (const std::string* key = request.header("idempotency-key")) asked.idempotency_key = *key;
  asked.body = std::move(body);
  auto result = operate(std::move(asked));
  if (!result) return std::unexpected(to_problem(std::move(result.error())));
  return std::move(*result);
}

}  // namespace metalmesh::controller
