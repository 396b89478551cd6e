// File descriptors, of which each process has a bounded number: what it may hold is reckoned at its start, so
// that strangers' connections and slow peers never take what the store, the broker and a person's command
// need.
#pragma once

#include <cstddef>
#include <string>

#include "common/base/result.h"

namespace metalmesh::adapters {

/// Raises the soft limit of this process to its hard limit. Returns what it may open from now on.
std::size_t raise_descriptor_limit();

/// Whether `os_error` (an errno) says that this process or machine, and not its peer, has no descriptor left.
bool is_out_of_descriptors(int os_error);
/// Whether this process could open nothing more right now.
bool out_of_descriptors();
/// "this process has 256 descriptors and all are in use; next: raise LimitNOFILE of its unit (ulimit -n)"
std::string no_descriptor_left();

/// How a program divides its descriptors.
struct DescriptorNeeds {
  std::size_t own = 64;    // store, broker, log, listeners, epoll, files it reads: kept free for them
  std::size_t least = 16;  // connections without which it is of no use
  std::size_t most = 512;  // connections that it ever wants
};

/// How many connections fit beside what the process needs itself. `exhausted`, naming limit and need, when
/// not even the least do.
Result<std::size_t> connections_within(std::size_t limit, const DescriptorNeeds& needs);

}  // namespace metalmesh::adapters
