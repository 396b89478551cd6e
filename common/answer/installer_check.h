// How an installer shows which machine it runs on and gets its go before it touches a disk: shell lines that stand in front of
// those that choose the disk, which all installers with such a step run first. A machine without a go stops there for good:
// it neither goes off, which would look like an installer's end, nor restarts.
//
// It posts lines "uuid=", "serial=" (of system, board and chassis), "mac=" (of each card) and "asker=", the SHA-256 of a key
// that it has drawn; "calls=yes" says that the installed system is given that key and calls back with it. The answer is "go", or
// "no: " and a reason; anything else is none.
#pragma once

#include <string>

#include "schemas/wire/host.pb.h"

namespace metalmesh::answer {

/// Where the installer keeps the key, and the installed system has it from its installer.
inline constexpr char installer_key_path[] = "/tmp/metalmesh-key";
inline constexpr char system_key_path[] = "/etc/metalmesh-key";

struct InstallerCheck {
  std::string url;
  std::string ca;         // PEM, what the certificate at `url` is checked with; empty: nothing to check
  bool required = false;  // otherwise it goes on where nobody answers
};

/// `network`: of the host, whose address it takes for the while where the installer has no way to the site. `calls`: the
/// installed system will be given the key.
std::string check_script(const InstallerCheck& check, const wire::Network& network, bool calls);

}  // namespace metalmesh::answer
