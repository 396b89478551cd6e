// Idempotency-Key: the same key with the same request is not carried out again: it is answered with the
// object as it is by then. The same key with another request is a conflict. Only what succeeded is stored: a
// refusal changed nothing, so repeating the request is safe and may succeed.
#pragma once

#include <string>

#include "controller/core/operator_request.h"
#include "schemas/record/controller.pb.h"

namespace metalmesh::controller {

inline constexpr std::size_t idempotency_key_limit = 255;

/// Row key of an answer: keys of different people do not meet.
std::string answer_key(const OperatorRequest& request);
/// Equal requests have equal digests.
std::string request_digest(const OperatorRequest& request);
/// "apply", "start", ...: for the audit log.
std::string verb_of(const OperatorRequest& request);

/// Which object it is about; not the object: 10,000 of them would be as large as people make them.
record::IdempotentAnswer to_record(const Answer& answer, std::string digest);

}  // namespace metalmesh::controller
