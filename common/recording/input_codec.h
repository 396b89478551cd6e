// Inputs as records, and back. What comes back compares equal to what went in.
#pragma once

#include "common/base/result.h"
#include "common/ports/input.h"
#include "schemas/record/recording.pb.h"

namespace metalmesh::recording {

void to_record(const Input& input, record::RecordedInput& out);
/// Fails with `corrupt` for a kind that this version does not know.
Result<Input> from_record(const record::RecordedInput& record);

}  // namespace metalmesh::recording
