// Text into a protobuf message, every value read by the type of *our* field and never by what the notation
// would make of it. One reading for YAML and JSON: durations are written `30m`, sizes `400GB` or as numbers,
// enum values in any case, null and nothing mean "absent". Keys are the JSON names. What a notation does say
// counts: where JSON has a number, a text field refuses it.
//
// An unknown field, a wrong type, a number out of range are refused with the path and, where one is close,
// the name that was probably meant.
#pragma once

#include <google/protobuf/message.h>

#include <span>
#include <string>
#include <string_view>

#include "common/text/filler/text_node.h"

namespace metalmesh {

/// Why a tree does not fit a message.
struct Misfit {
  std::string field;    // "spec.iso.urls[1]", or the name of the whole; empty: it could not be parsed
  std::string message;  // begins with the field, names what was expected and what was there
  std::string next;     // "did you mean ..."; may be empty
  std::size_t line = 0;
  std::size_t column = 0;
};

struct FillOptions {
  std::string_view whole = "document";  // what messages call the root
  /// Paths that are skipped with all that is below them, whatever they hold: read-only parts that people send
  /// back after reading them.
  std::span<const std::string_view> ignored = {};
};

/// `message` must be empty; after a misfit its content is unspecified.
std::expected<void, Misfit> fill(const TextNode& node, google::protobuf::Message& message,
                                 const FillOptions& options = {});

/// The same for a node of the file `name`; errors read `name:line:column: path: what is wrong; what was
/// meant`.
Status fill_message(const TextNode& node, std::string_view name, google::protobuf::Message& message,
                    std::span<const std::string_view> ignored = {});

/// A text of exactly one YAML document.
Status read_yaml_into(std::string_view text, std::string_view name, google::protobuf::Message& message);

template <class Message>
Result<Message> read_yaml(std::string_view text, std::string_view name) {
  Message message;
  if (auto status = read_yaml_into(text, name, message); !status) return std::unexpected(status.error());
  return message;
}

/// A JSON text; `whole` is what messages call it.
std::expected<void, Misfit> read_json_into(std::string_view text, google::protobuf::Message& message,
                                           const FillOptions& options = {});

}  // namespace metalmesh
