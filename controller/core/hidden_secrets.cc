#include "controller/core/hidden_secrets.h"

#include <algorithm>
#include <deque>
#include <map>

#include "common/recording/url_secrets.h"

namespace metalmesh::controller::secrets {
namespace {

bool looks_secret(const std::string& text) {
  recording::SecretSet found(0);  // its key makes placeholders, which nobody gets to see
  recording::find_in_text(text, found);
  return found.found_in(text) || !recording::secrets_of_urls(text).empty();
}

bool is_hidden(const std::string& name, const std::string& value) {
  return !value.empty() && (recording::variable_names_a_secret(name) || looks_secret(value));
}

rules::Verdict nothing_to_keep(const std::string& field) {
  return rules::refusal(
      ErrorKind::invalid, field,
      "is " + std::string(hidden_mark) +
          ", which is shown in the place of a secret, and there is none here that could be kept",
      "give the secret itself");
}

void hide_value(std::string& value) {
  if (!value.empty()) value = hidden_mark;
}

rules::Verdict keep_value(std::string& value, const std::string& old, const std::string& field) {
  if (value != hidden_mark) return std::nullopt;
  if (old.empty()) return nothing_to_keep(field);
  value = old;
  return std::nullopt;
}

std::deque<std::string> lines_of(const std::string& text) {
  std::deque<std::string> lines;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

}  // namespace

void hide(rules::StringMap& variables) {
  for (auto& [name, value] : variables) {
    if (is_hidden(name, value)) value = hidden_mark;
  }
}

void hide(wire::Host& host) {
  for (wire::User& user : *host.mutable_users()) hide_value(*user.mutable_password_hash());
  if (host.has_root()) hide_value(*host.mutable_root()->mutable_password_hash());
  if (!host.has_scripts()) return;
  hide_in_text(*host.mutable_scripts()->mutable_pre());
  hide_in_text(*host.mutable_scripts()->mutable_post());
}

void hide_in_text(std::string& text) {
  recording::SecretSet found(0);
  recording::find_in_template(text, found);
  found.mask(text, '*');
  recording::hide_in_urls(text);  // the short ones, too
}

void hide_in_url(std::string& url) { recording::hide_in_urls(url); }

rules::Verdict keep(rules::StringMap& variables, const rules::StringMap& old, const std::string& field) {
  for (auto& [name, value] : variables) {
    const auto before = old.find(name);
    if (auto bad =
            keep_value(value, before == old.end() ? std::string() : before->second, field + "." + name))
      return bad;
  }
  return std::nullopt;
}

rules::Verdict keep(wire::Host& host, const wire::Host& old) {
  for (wire::User& user : *host.mutable_users()) {
    const auto before = std::ranges::find(old.users(), user.name(), &wire::User::name);
    if (auto bad = keep_value(*user.mutable_password_hash(),
                              before == old.users().end() ? std::string() : before->password_hash(),
                              "spec.host.users." + user.name() + ".passwordHash"))
      return bad;
  }
  if (host.has_root()) {
    if (auto bad = keep_value(*host.mutable_root()->mutable_password_hash(), old.root().password_hash(),
                              "spec.host.root.passwordHash"))
      return bad;
  }
  if (host.has_scripts()) {
    keep_in_text(*host.mutable_scripts()->mutable_pre(), old.scripts().pre());
    keep_in_text(*host.mutable_scripts()->mutable_post(), old.scripts().post());
  }
  return std::nullopt;
}

rules::Verdict keep_in_url(std::string& url, const std::vector<std::string>& old, const std::string& field) {
  for (const std::string& before : old) {
    std::string shown = before;
    hide_in_url(shown);
    if (shown != url) continue;
    url = before;
    return std::nullopt;
  }
  const auto parts = recording::secrets_of_urls(url);
  const bool hidden = std::ranges::any_of(
      parts, [](std::string_view part) { return part.find_first_not_of('*') == std::string_view::npos; });
  if (!hidden) return std::nullopt;
  return rules::refusal(ErrorKind::invalid, field,
                        "has stars, which are shown in the place of a secret, and no URL here looks like it",
                        "give the URL with the secret itself");
}

/// Line by line, so that the others may be edited; of lines that look alike the first is the first.
void keep_in_text(std::string& text, const std::string& old) {
  std::string shown = old;
  hide_in_text(shown);
  if (shown == old) return;
  const auto before = lines_of(old), masked = lines_of(shown);
  if (masked.size() != before.size()) return;
  std::map<std::string, std::deque<std::string>> meant;
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (masked[i] != before[i]) meant[masked[i]].push_back(before[i]);
  }
  std::string out;
  for (const std::string& line : lines_of(text)) {
    const auto known = meant.find(line);
    if (known != meant.end() && !known->second.empty()) {
      out += known->second.front();
      if (known->second.size() > 1) known->second.pop_front();
    } else {
      out += line;
    }
    out += '\n';
  }
  out.pop_back();
  text = std::move(out);
}

}  // namespace metalmesh::controller::secrets
