#include "controller/state/tables.h"

namespace metalmesh::controller::tables {

std::string row(std::string_view table, std::string_view name) { return std::string(table).append(name); }

std::string end_of(std::string_view table) {
  std::string end(table);
  ++end.back();  // no table ends in 0xff
  return end;
}

std::string command_stream(std::string_view site) { return "s/" + std::string(site) + "/"; }
std::string side_stream(std::string_view site, std::string_view journal) {
  return "r/" + std::string(site) + "/" + std::string(journal);
}
std::string event_stream(std::string_view site) { return "r/" + std::string(site); }

std::string version_name(std::string_view profile, std::uint64_t version) {
  return std::string(profile) + "@" + std::to_string(version);
}

}  // namespace metalmesh::controller::tables
