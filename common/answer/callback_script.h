// How a new system tells that it runs: once its network is up, a systemd unit posts to the callback URL until
// that is taken, then removes itself. For templates, as `callback`; common/families/README.md lists the
// names.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>

namespace metalmesh::answer {

/// What a call begins with that comes from the new system: whoever calls from its installer says nothing, or anything else.
inline constexpr std::string_view says_booted = "booted";

struct Callback {
  std::string url;
  std::string ca;  // PEM, what the certificate at `url` is checked with; empty: nothing to check (plain HTTP)
};

/// `url`, `ca`, `program` (a shell program, in the new system at `path`), `unit` (what runs it, `unit_name`),
/// and `script`: shell lines that put both into the root they run in.
/// `shows_key`: the installer leaves a key in the new system (installer_check.h), which is called with.
boost::json::object callback_context(const Callback& callback, bool shows_key);

}  // namespace metalmesh::answer
