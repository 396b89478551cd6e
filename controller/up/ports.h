// TCP ports of this machine: which are free, and who has one that is not.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/os/files.h"

namespace metalmesh::up {

/// Ports nobody listens on. They stay reserved as long as this lives, so that each is given once.
class FreePorts {
 public:
  /// 0 when the machine has none left.
  std::uint16_t take();

 private:
  std::vector<os::Fd> held_;
};

/// Kind conflict, naming the process that listens there, where it can be seen. `purpose` is for people.
Status check_port_free(std::uint16_t port, std::string_view purpose);

/// Somebody accepts connections on it, on this machine.
bool port_answers(std::uint16_t port);

/// The inode of the listening socket in the text of /proc/net/tcp or tcp6; empty if there is none. Pure.
std::string listener_inode(std::string_view table, std::uint16_t port);

}  // namespace metalmesh::up
