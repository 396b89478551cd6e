// How a value is written into a file of a given syntax, so that no value can end its own place and become
// syntax.
//
//   yaml, json   a complete literal: a string with its quotes, a number, true, a list, an object (JSON is
//   YAML) toml         the same as a TOML value xml          text, with entities; lists and objects need a
//   section kickstart    one word of the line (POSIX quoting, which pykickstart's parser follows); a list
//   becomes words shell        one word of a POSIX shell; a list becomes words preseed      the rest of the
//   line: one line of text; a list becomes words kernel       one argument of a kernel command line in GRUB
//   or boot.cfg, of characters without a meaning there; a list
//                becomes arguments
//   verbatim     as it is
// A value that cannot be written safely is an error; nothing is dropped or replaced.
#pragma once

#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace metalmesh::answer {

enum class TextFormat { verbatim, yaml, json, toml, xml, kickstart, shell, preseed, kernel };

std::optional<TextFormat> text_format(std::string_view name);

Result<std::string> write_value(const boost::json::value& value, TextFormat format);

/// One word of a POSIX shell, in quotes where it needs them. `text` has no zero byte.
std::string shell_word(std::string_view text);

/// RFC 4648 with padding: carries any text through any syntax.
std::string base64(std::string_view bytes);

}  // namespace metalmesh::answer
