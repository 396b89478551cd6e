#include "agents/redfish/error_info.h"

#include <algorithm>
#include <array>

#include "agents/redfish/json_view.h"
#include "common/text/letters.h"
#include "common/text/utf8.h"

namespace metalmesh::redfish {
namespace {

constexpr std::size_t longest_line = 400;
constexpr std::size_t most_messages = 16;

std::string last_part(std::string_view id) {
  const auto dot = id.rfind('.');
  return std::string(dot == std::string_view::npos ? id : id.substr(dot + 1));
}

std::string one_line(std::string_view text) {
  std::string out = Utf8(text).cut(longest_line).str();
  std::ranges::replace_if(
      out, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }, ' ');
  return out;
}

void add_messages(ErrorInfo& out, View list) {
  for (const View& item : list.one_or_more(most_messages)) {
    Message message{last_part(item["MessageId"].text()), one_line(item["Message"].text()),
                    item["MessageArgs"].texts()};
    if (!message.id.empty() || !message.text.empty()) out.messages.push_back(std::move(message));
  }
}

struct Meaning {
  std::string_view word;
  Refusal refusal;
};

// The first word found decides; words are matched in ids and texts, in lower case.
constexpr std::array<Meaning, 37> meanings = {{
    {"passwordchangerequired", Refusal::password_change},
    {"password change required", Refusal::password_change},
    {"unauthorizedloginattempt", Refusal::login},
    {"invalid username", Refusal::login},
    {"invalid user name", Refusal::login},
    {"username or password", Refusal::login},
    {"user name or password", Refusal::login},
    {"authentication failed", Refusal::login},
    {"authenticationfailed", Refusal::login},
    {"licensekeyrequired", Refusal::licence},
    {"license", Refusal::licence},
    {"licence", Refusal::licence},
    {"sessionlimitexceeded", Refusal::sessions_full},
    {"rac0218", Refusal::sessions_full},
    {"maximum number of user sessions", Refusal::sessions_full},
    {"maximum number of sessions", Refusal::sessions_full},
    {"sys518", Refusal::busy},
    {"swc0700", Refusal::busy},
    {"is not ready", Refusal::busy},
    {"resourceexhaustion", Refusal::busy},
    {"resourceinuse", Refusal::busy},
    {"invalidoperationforsystemstate", Refusal::busy},
    {"unabletomodifyduringsystempost", Refusal::busy},
    {"operationavailableaftersystempost", Refusal::busy},
    {"novalidsession", Refusal::login},
    {"actionparametermissing", Refusal::missing_parameter},
    {"requires the parameter", Refusal::missing_parameter},
    {"propertymissing", Refusal::missing_parameter},
    {"is missing in the request body", Refusal::missing_parameter},
    {"servicetemporarilyunavailable", Refusal::busy},
    {"propertynotwritable", Refusal::for_good},
    {"propertyunknown", Refusal::for_good},
    {"propertyvaluenotinlist", Refusal::for_good},
    {"actionparametervaluenotinlist", Refusal::for_good},
    {"sourcedoesnotsupportprotocol", Refusal::for_good},
    {"insufficientprivilege", Refusal::denied},
    {"accessdenied", Refusal::denied},
}};

}  // namespace

std::string ErrorInfo::text() const {
  std::string out;
  for (const Message& message : messages) {
    if (!out.empty()) out += "; ";
    out += message.text.empty() ? message.id : message.text;
    if (!message.id.empty() && !message.text.empty()) out += " (" + message.id + ")";
    if (out.size() >= longest_line) break;
  }
  return Utf8(std::move(out)).cut(longest_line).str();
}

bool ErrorInfo::mentions(std::string_view word) const {
  const std::string wanted = to_lower(word);
  const auto has = [&](const std::string& text) { return to_lower(text).find(wanted) != std::string::npos; };
  return std::any_of(messages.begin(), messages.end(), [&](const Message& message) {
    return has(message.id) || has(message.text) || std::any_of(message.args.begin(), message.args.end(), has);
  });
}

ErrorInfo parse_error(std::string_view body) {
  ErrorInfo out;
  const auto document = Document::parse_object(body);
  if (!document) {
    if (std::string line = one_line(body); line.find_first_not_of(' ') != std::string::npos)
      out.messages.push_back({"", std::move(line), {}});
    return out;
  }
  const View root = document->root();
  const View error = root["error"];
  add_messages(out, error["@Message.ExtendedInfo"]);
  add_messages(out, root["@Message.ExtendedInfo"]);
  add_messages(out, root["Messages"]);
  if (out.messages.empty()) {
    Message message{last_part(error["code"].text()), one_line(error["message"].text()), {}};
    if (!message.id.empty() || !message.text.empty()) out.messages.push_back(std::move(message));
  }
  return out;
}

bool says_wrong_password(const ErrorInfo& error) {
  return std::ranges::any_of(meanings, [&](const Meaning& meaning) {
    return meaning.refusal == Refusal::login && meaning.word != "novalidsession" &&
           error.mentions(meaning.word);
  });
}

Refusal classify(int status, const ErrorInfo& error) {
  for (const Meaning& meaning : meanings)
    if (error.mentions(meaning.word)) return meaning.refusal;
  switch (status) {
    case 401:
      return Refusal::login;
    case 409:
      return Refusal::conflict;
    case 412:
    case 428:
      return Refusal::precondition;
    case 408:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504:
      return Refusal::busy;
    default:
      return Refusal::other;
  }
}

}  // namespace metalmesh::redfish
