// What the detail of HttpFailure::tls_refused says for people.
#pragma once

namespace metalmesh {

/// The peer speaks nothing newer than TLS 1.1.
inline constexpr char only_old_tls[] = "it offers TLS 1.0 or 1.1 only, TLS 1.2 or newer is needed";

}  // namespace metalmesh
