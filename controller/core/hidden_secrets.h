// Secrets are written and never read back: whoever gets an object sees a mark in the place of each, and what she applies with
// the mark keeps what is there. What a secret is: by the name of a variable, by its place (password hashes, passwords and signatures
// of URLs), and by its look in templates and scripts (common/recording/secret_finder.h). Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/recording/secret_finder.h"
#include "controller/core/field_rules.h"
#include "schemas/wire/host.pb.h"

namespace metalmesh::controller {

/// In templates and scripts, which are shown line by line, stars stand for a secret, as many as it is long.
using recording::hidden_mark;

namespace secrets {
void hide(rules::StringMap& variables);
void hide(wire::Host& host);
void hide_in_text(std::string& text);
void hide_in_url(std::string& url);
/// Puts back what was hidden in `old`, where the mark still stands for it.
rules::Verdict keep(rules::StringMap& variables, const rules::StringMap& old, const std::string& field);
rules::Verdict keep(wire::Host& host, const wire::Host& old);
void keep_in_text(std::string& text, const std::string& old);
rules::Verdict keep_in_url(std::string& url, const std::vector<std::string>& old, const std::string& field);
}  // namespace secrets

template <class T>
concept HasVariables = requires(const T& object) {
  object.spec().vars();
  object.spec().host();
};
template <class T>
concept HasSettings = requires(const T& object) { object.spec().bios(); };
template <class T>
concept HasTemplate = requires(const T& object) { object.spec().template_(); };
/// Images, and profiles whose installers take packages from a mirror.
template <class T>
concept HasSources = requires(const T& object) { object.spec().iso(); };
template <class T>
concept HasMirror = requires(const T& object) { object.spec().packages(); };

/// In what is shown of an object.
template <class T>
void hide_secrets(T& object) {
  if constexpr (HasVariables<T>) {
    secrets::hide(*object.mutable_spec()->mutable_vars());
    if (object.spec().has_host()) secrets::hide(*object.mutable_spec()->mutable_host());
  }
  if constexpr (HasTemplate<T>) {
    if (object.spec().has_template_())
      secrets::hide_in_text(*object.mutable_spec()->mutable_template_()->mutable_inline_());
  }
  if constexpr (HasSources<T>) {
    for (std::string& url : *object.mutable_spec()->mutable_iso()->mutable_urls()) secrets::hide_in_url(url);
  }
  if constexpr (HasMirror<T>) secrets::hide_in_url(*object.mutable_spec()->mutable_packages());
  if constexpr (HasSettings<T>) {
    secrets::hide(*object.mutable_spec()->mutable_bios());
    secrets::hide(*object.mutable_spec()->mutable_bmc());
  }
}

/// Whether hide_secrets has anything to look at.
template <class T>
bool may_hold_secrets(const T& object) {
  if constexpr (HasVariables<T>) {
    if (!object.spec().vars().empty() || object.spec().has_host()) return true;
  }
  if constexpr (HasMirror<T>) {
    if (!object.spec().packages().empty()) return true;
  }
  if constexpr (HasTemplate<T>) return object.spec().has_template_();
  return HasSettings<T> || HasSources<T>;
}

/// In what a person applies over `old` (which may be a new, empty one).
template <class T>
rules::Verdict keep_hidden(T& object, const T& old) {
  rules::Verdict bad;
  if constexpr (HasVariables<T>) {
    bad = secrets::keep(*object.mutable_spec()->mutable_vars(), old.spec().vars(), "spec.vars");
    if (!bad && object.spec().has_host())
      bad = secrets::keep(*object.mutable_spec()->mutable_host(), old.spec().host());
  }
  if constexpr (HasTemplate<T>) {
    if (object.spec().has_template_())
      secrets::keep_in_text(*object.mutable_spec()->mutable_template_()->mutable_inline_(),
                            old.spec().template_().inline_());
  }
  if constexpr (HasSources<T>) {
    const std::vector<std::string> before(old.spec().iso().urls().begin(), old.spec().iso().urls().end());
    int number = 0;
    for (std::string& url : *object.mutable_spec()->mutable_iso()->mutable_urls()) {
      if (!bad) bad = secrets::keep_in_url(url, before, "spec.iso.urls[" + std::to_string(number++) + "]");
    }
  }
  if constexpr (HasMirror<T>) {
    if (!bad)
      bad = secrets::keep_in_url(*object.mutable_spec()->mutable_packages(), {old.spec().packages()},
                                 "spec.packages");
  }
  if constexpr (HasSettings<T>) {
    bad = secrets::keep(*object.mutable_spec()->mutable_bios(), old.spec().bios(), "spec.bios");
    if (!bad) bad = secrets::keep(*object.mutable_spec()->mutable_bmc(), old.spec().bmc(), "spec.bmc");
  }
  return bad;
}

}  // namespace metalmesh::controller
