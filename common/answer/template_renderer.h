// Fills a template with a context of typed values. Mustache's tags, with three differences that matter when
// the result installs a server: an unknown name is an error instead of nothing, values are written in the
// file's own syntax (text_format.h), and a value is never expanded again.
//
//   {{name}}            the value, written for the format; blanks inside the braces do not count; "a.b" looks
//   into
//                       objects, "." is the current item of a list
//   {{name | filter}}   written for another format (shell, xml, ...) or as base64 of the text
//   {{{name}}}          the text as it is; the only way to insert raw
//   {{#name}}..{{/name}}  once per item of a list; once with the object's names; once if true, a number or a
//   text that is
//                       not empty; else left out
//   {{^name}}..{{/name}}  the other way round
//   {{! remark}}
//   {{{{                two literal opening braces
// A line that holds nothing but section tags and remarks disappears as a whole.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>

#include "common/answer/text_format.h"
#include "common/base/result.h"

namespace metalmesh::answer {

/// Fails with `invalid` and a message that names the line: unknown name, value that does not fit the format,
/// section that is not closed; with `exhausted` beyond 16 MiB.
Result<std::string> render_template(std::string_view tmpl, const boost::json::object& context,
                                    TextFormat format);

}  // namespace metalmesh::answer
