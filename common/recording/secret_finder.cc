#include "common/recording/secret_finder.h"

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <string>

#include "common/recording/url_secrets.h"
#include "common/text/letters.h"
#include "schemas/wire/command.pb.h"
#include "schemas/wire/envelope.pb.h"
#include "schemas/wire/frames.pb.h"

namespace metalmesh::recording {
namespace {

namespace json = boost::json;
using google::protobuf::FieldDescriptor;

constexpr std::array<std::string_view, 9> telling = {"password", "passwd", "passphrase", "secret", "token",
                                                     "rootpw",   "psk",    "privatekey", "apikey"};
/// They hold one of the words above, and no secret.
constexpr std::array<std::string_view, 3> harmless = {"tokensfile", "tokenfile", "passwordfile"};
constexpr std::array<std::string_view, 5> templates = {"template", "inline", "pre", "post", "answer"};

/// Lower case, without separators: "rootPassword", "root_password" and "root-password" are one.
std::string plain(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == '_' || c == '-' || c == '.' || c == ' ') continue;
    out += to_lower(c);
  }
  return out;
}

bool tells(std::string_view plain_text) {
  return std::ranges::any_of(telling, [&](auto word) { return plain_text.contains(word); });
}

bool is_template(std::string_view name) { return std::ranges::find(templates, name) != templates.end(); }

bool is_base64(char c) { return is_alnum(c) || c == '+' || c == '/' || c == '='; }
bool is_crypt(char c) { return is_base64(c) || c == '.' || c == '$' || c == ','; }

/// Learns every run of base64 that could be a line of a key.
void find_key_lines(std::string_view body, SecretSet& secrets) {
  while (!body.empty()) {
    const auto* const end = std::ranges::find_if_not(body, is_base64);
    const auto length = static_cast<std::size_t>(end - body.begin());
    secrets.learn(body.substr(0, length));
    body.remove_prefix(std::min(length + 1, body.size()));
  }
}

void find_private_keys(std::string_view text, SecretSet& secrets) {
  constexpr std::string_view mark = "PRIVATE KEY-----";
  for (std::size_t at = text.find(mark); at != std::string_view::npos; at = text.find(mark, at + 1)) {
    const std::string_view body = text.substr(at + mark.size());
    find_key_lines(body.substr(0, body.find("-----END")), secrets);
  }
}

/// "$6$salt$hash": what follows the kind.
void find_crypt_hashes(std::string_view text, SecretSet& secrets) {
  for (std::size_t at = text.find('$'); at != std::string_view::npos; at = text.find('$', at + 1)) {
    const std::size_t kind_end = text.find('$', at + 1);
    if (kind_end == std::string_view::npos) return;
    if (kind_end - at < 2 || kind_end - at > 4) continue;
    std::string_view rest = text.substr(kind_end + 1);
    rest = rest.substr(0, static_cast<std::size_t>(std::ranges::find_if_not(rest, is_crypt) - rest.begin()));
    if (rest.size() >= 20 && rest.find('$') != std::string_view::npos) {
      secrets.learn(rest);
      at = kind_end + rest.size();
    }
  }
}

std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

void find_in_line(std::string_view line, SecretSet& secrets) {
  while (!line.empty()) {
    const std::size_t open = std::min(line.find("{{"), line.size());
    std::string_view literal = line.substr(0, open);
    const auto* const blank = " \t";
    literal.remove_prefix(std::min(literal.find_first_not_of(blank), literal.size()));
    if (literal.size() > SecretSet::shortest) secrets.learn(literal);
    if (open == line.size()) return;
    const std::size_t close = line.find("}}", open);
    if (close == std::string_view::npos) return;
    line.remove_prefix(std::min(close + 2, line.size()));
    while (line.starts_with('}')) line.remove_prefix(1);
  }
}

void find_in_json_value(std::string_view name, bool in_vars, const json::value& value, SecretSet& secrets) {
  if (const auto* object = value.if_object()) {
    for (const auto& [key, member] : *object) find_in_json_value(key, name == "vars", member, secrets);
  } else if (const auto* array = value.if_array()) {
    for (const json::value& item : *array) find_in_json_value(name, in_vars, item, secrets);
  } else if (const auto* text = value.if_string(); text != nullptr && *text != hidden_mark) {
    if (in_vars ? variable_names_a_secret(name) : names_a_secret(name) && plain(name) != "passwordhash")
      secrets.learn(*text);
    if (is_template(name)) find_in_template(*text, secrets);
    find_in_text(*text, secrets);
  }
}

void find_in_field(const google::protobuf::Message& message, const FieldDescriptor& field, int index,
                   SecretSet& secrets) {
  const auto& reflection = *message.GetReflection();
  std::string scratch;
  const std::string& text = field.is_repeated()
                                ? reflection.GetRepeatedStringReference(message, &field, index, &scratch)
                                : reflection.GetStringReference(message, &field, &scratch);
  if (names_a_secret(field.name()) && field.name() != "password_hash") secrets.learn(text);
  if (is_template(field.name())) find_in_template(text, secrets);
  find_in_text(text, secrets);
}

/// An entry of a map of variables, or a wire::Variable: a name, and a value that may be secret by it.
bool find_in_variable(const google::protobuf::Message& message, SecretSet& secrets) {
  const auto* descriptor = message.GetDescriptor();
  const bool entry = descriptor->containing_type() != nullptr && descriptor->name() == "VarsEntry";
  if (!entry && descriptor != wire::Variable::descriptor()) return false;
  const auto* name = descriptor->FindFieldByNumber(1);
  const auto* value = descriptor->FindFieldByNumber(2);
  const std::string text = message.GetReflection()->GetString(message, value);
  if (variable_names_a_secret(message.GetReflection()->GetString(message, name))) secrets.learn(text);
  find_in_text(text, secrets);
  return true;
}

/// What was agreed to is carried as bytes; URLs of images are beside it.
void find_in_order(const google::protobuf::Message& message, SecretSet& secrets) {
  wire::Order order;
  order.CopyFrom(message);
  wire::Agreed agreed;
  if (agreed.ParseFromString(order.agreed())) find_in_message(agreed, secrets);
  find_in_message(order.issue(), secrets);
}

/// Commands travel down; events hold no secrets.
void find_in_frame(const MessageArrived& message, SecretSet& secrets) {
  wire::Envelope envelope;
  if (!message.topic.ends_with("/down") || !envelope.ParseFromString(message.payload)) return;
  if (envelope.kind() == "blob_chunk") {
    wire::BlobChunk chunk;
    if (chunk.ParseFromString(envelope.payload())) find_in_template(chunk.bytes(), secrets);
  } else if (envelope.kind() == "data") {
    wire::Data data;
    if (!data.ParseFromString(envelope.payload())) return;
    for (const std::string& entry : data.entries()) {
      wire::Command command;
      if (command.ParseFromString(entry)) find_in_message(command, secrets);
    }
  }
}

void find_in_headers(const Headers& headers, SecretSet& secrets) {
  for (const auto& [name, value] : headers) {
    if (name == "x-auth-token") secrets.learn(value);
    if (name == "authorization") {
      const std::size_t blank = value.find(' ');
      secrets.learn(std::string_view(value).substr(blank == std::string::npos ? 0 : blank + 1));
    }
  }
}

bool is_lines(const Headers& headers) {
  return std::ranges::any_of(headers, [](const auto& header) {
    return header.first == "content-type" && to_lower(header.second).contains("ndjson");
  });
}

bool read_varint(std::string_view bytes, std::size_t& at, std::uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; shift < 64 && at < bytes.size(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes[at++]);
    value |= std::uint64_t{byte & 0x7fU} << shift;
    if ((byte & 0x80U) == 0) return true;
  }
  return false;
}

void blank_path(std::string& bytes, std::size_t at, std::size_t end, const FieldPath& path,
                std::size_t depth) {
  const std::string_view all(bytes.data(), end);
  while (at < end) {
    std::uint64_t tag = 0;
    std::uint64_t length = 0;
    if (!read_varint(all, at, tag)) return;
    switch (tag & 7U) {
      case 0:
        if (!read_varint(all, at, length)) return;
        continue;
      case 1:
        at += 8;
        continue;
      case 5:
        at += 4;
        continue;
      case 2:
        break;
      default:
        return;
    }
    if (!read_varint(all, at, length) || length > end - at) return;
    if (tag >> 3U == path[depth]) {
      if (depth + 1 == path.size()) {
        std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), length, 'x');
      } else {
        blank_path(bytes, at, at + length, path, depth + 1);
      }
    }
    at += length;
  }
}

}  // namespace

bool names_a_secret(std::string_view name) {
  const std::string word = plain(name);
  return tells(word) && std::ranges::find(harmless, std::string_view(word)) == harmless.end();
}

bool variable_names_a_secret(std::string_view name) {
  const std::string word = plain(name);
  return names_a_secret(name) || (word.ends_with("key") && !word.contains("ssh") && !word.contains("public"));
}

void find_in_text(std::string_view text, SecretSet& secrets) {
  find_private_keys(text, secrets);
  find_crypt_hashes(text, secrets);
  for (const std::string_view part : secrets_of_urls(text)) secrets.learn(part);
}

void find_in_template(std::string_view text, SecretSet& secrets) {
  find_in_text(text, secrets);
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (tells(plain(line))) find_in_line(line, secrets);
  }
}

void find_in_json(std::string_view text, SecretSet& secrets) {
  boost::system::error_code wrong;
  const json::value value = json::parse(text, wrong);
  if (wrong) return find_in_template(text, secrets);
  find_in_json_value("", false, value, secrets);
}

void find_in_message(const google::protobuf::Message& message, SecretSet& secrets) {
  if (find_in_variable(message, secrets)) return;
  if (message.GetDescriptor() == wire::Order::descriptor()) return find_in_order(message, secrets);
  const auto& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    const int count = field->is_repeated() ? reflection.FieldSize(message, field) : 1;
    for (int i = 0; i < count; ++i) {
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
        find_in_field(message, *field, i, secrets);
      } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        find_in_message(field->is_repeated() ? reflection.GetRepeatedMessage(message, field, i)
                                             : reflection.GetMessage(message, field),
                        secrets);
      }
    }
  }
}

void find_in_input(const Input& input, SecretSet& secrets) {
  if (const auto* message = std::get_if<MessageArrived>(&input)) {
    find_in_frame(*message, secrets);
  } else if (const auto* reply = std::get_if<HttpReplied>(&input)) {
    find_in_headers(reply->headers, secrets);
    // Some name the token in the body only.
    if (reply->body.contains("X-Auth-Token")) find_in_json(reply->body, secrets);
  } else if (const auto* exchange = std::get_if<ExchangeOpened>(&input)) {
    find_in_headers(exchange->headers, secrets);
    if (!is_lines(exchange->headers)) return find_in_json(exchange->body, secrets);
    for (std::string_view rest = exchange->body; !rest.empty();) find_in_json(take_line(rest), secrets);
  }
}

void blank_fields(std::string& message, const std::vector<FieldPath>& paths) {
  for (const FieldPath& path : paths) blank_path(message, 0, message.size(), path, 0);
}

}  // namespace metalmesh::recording
