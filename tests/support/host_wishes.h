// Every wish that a host can hold, one by one, as two values that an answer must tell apart.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "schemas/wire/command.pb.h"
#include "schemas/wire/host.pb.h"

namespace metalmesh::answer {

struct HostWish {
  std::string field;  // as the schema names it: "network.links.mtu"
  std::string form;   // which of its forms; empty: the plain one
  /// Sets it to the first or the second value, and what it cannot be without.
  std::function<void(wire::Host&, bool second)> set;
};

const std::vector<HostWish>& host_wishes();

/// What a family's own template needs beside the host.
std::vector<wire::Variable> needed_variables(const std::string& family);

/// The names of all fields of the schema that hold a value.
std::vector<std::string> leaves_of_host();

}  // namespace metalmesh::answer
