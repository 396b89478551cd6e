// Secrets are written and never read back: whoever gets an object sees a mark in the place of each, and what she applies with
// the mark keeps what is there. What a secret is: by the name of a variable, by its place (password hashes), and by its look in
// templates and scripts (common/recording/secret_finder.h). Pure.
#pragma once

#include <string_view>

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
/// Puts back what was hidden in `old`, where the mark still stands for it.
rules::Verdict keep(rules::StringMap& variables, const rules::StringMap& old, const std::string& field);
rules::Verdict keep(wire::Host& host, const wire::Host& old);
void keep_in_text(std::string& text, const std::string& old);
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
  if constexpr (HasTemplate<T>) return object.spec().has_template_();
  return HasSettings<T>;
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
  if constexpr (HasSettings<T>) {
    bad = secrets::keep(*object.mutable_spec()->mutable_bios(), old.spec().bios(), "spec.bios");
    if (!bad) bad = secrets::keep(*object.mutable_spec()->mutable_bmc(), old.spec().bmc(), "spec.bmc");
  }
  return bad;
}

}  // namespace metalmesh::controller
