// Where secrets are: by the name of what holds them, by the place in a message, and by their look.
//
// BMC passwords are not among them because no core ever holds one. What is found: values whose name says so
// ("root_password", "joinToken", "luks_key"), private keys in PEM, password hashes (crypt), lines of
// templates and scripts that speak of a password, session tokens of BMCs, bearer tokens, tokens of media.
#pragma once

#include <google/protobuf/message.h>

#include <string_view>

#include "common/ports/input.h"
#include "common/recording/secret_set.h"

namespace metalmesh::recording {

/// "password", "adminToken", "luks_key": what is called so is nobody's business. Names of credentials are
/// none, nor are digests, public and SSH keys.
bool names_a_secret(std::string_view name);

/// What an API shows in the place of a secret is none.
inline constexpr std::string_view hidden_mark = "(hidden)";
/// The same of variables, which people name: there a "luks_key" is a secret, while fields that end so hold public keys.
bool variable_names_a_secret(std::string_view name);

/// By their look, in text of any kind.
void find_in_text(std::string_view text, SecretSet& secrets);
/// Text that becomes part of an installed system; its lines about passwords count as a whole, apart from
/// their
/// {{variables}}.
void find_in_template(std::string_view text, SecretSet& secrets);
void find_in_json(std::string_view json, SecretSet& secrets);
/// All fields at any depth.
void find_in_message(const google::protobuf::Message& message, SecretSet& secrets);
void find_in_input(const Input& input, SecretSet& secrets);

/// Overwrites fields of a serialised message with 'x', as many as they are long: `paths` are field numbers
/// from the outermost message inwards. Bytes that are no message stay as they are.
using FieldPath = std::vector<std::uint32_t>;
void blank_fields(std::string& message, const std::vector<FieldPath>& paths);

}  // namespace metalmesh::recording
