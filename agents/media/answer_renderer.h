// Fills an answer-file template (kickstart, preseed, autoinstall, ...) with the variables of an order.
//
//   {{name}}   the variable's value, verbatim; blanks inside the braces are ignored. Values are never
//              expanded again. Names consist of letters, digits, '_', '.' and '-'.
//   {{{{       two literal opening braces, for formats that use them themselves (Jinja, Go templates).
//   }}         outside a placeholder stands for itself.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "schemas/wire/command.pb.h"

namespace metalmesh::media {

/// Fails with `invalid` and a message that names the line: unknown variable, malformed or unclosed
/// placeholder, a variable given twice.
Result<std::string> render_answer(std::string_view tmpl, const std::vector<wire::Variable>& variables);

/// Whether the answer fits the image's placeholder of `room` bytes; the error names both sizes.
Status check_answer_fits(std::string_view answer, std::uint64_t room);

}  // namespace metalmesh::media
