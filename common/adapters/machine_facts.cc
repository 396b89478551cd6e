#include "common/adapters/machine_facts.h"

#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/utsname.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <ctime>
#include <utility>

#include "common/os/files.h"

namespace metalmesh::adapters {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::size_t most_files = 10'000;

std::string text_of(const char* file) {
  auto text = os::read_file(file, std::size_t{64} << 10U);
  return text ? std::move(*text) : text.error().message;
}

/// Seconds and nanoseconds, as text: JSON numbers would round them.
std::string clock_of(clockid_t clock) {
  timespec time{};
  if (::clock_gettime(clock, &time) != 0) return "unknown";
  std::string nanos = std::to_string(time.tv_nsec);
  return std::to_string(time.tv_sec) + "." + std::string(9 - nanos.size(), '0') + nanos;
}

json::object clocks() {
  timex state{};
  const int verdict = ::adjtimex(&state);
  return {{"realtime", clock_of(CLOCK_REALTIME)},
          {"monotonic", clock_of(CLOCK_MONOTONIC)},
          {"boottime", clock_of(CLOCK_BOOTTIME)},
          {"synchronised", verdict >= 0 && verdict != TIME_ERROR},
          {"offset", state.offset},
          {"offsetUnit", (state.status & STA_NANO) != 0 ? "ns" : "us"},
          {"estimatedErrorUs", state.esterror},
          {"maximumErrorUs", state.maxerror},
          {"taiOffset", state.tai}};
}

json::object limits() {
  json::object out;
  const std::pair<const char*, decltype(RLIMIT_NOFILE)> asked[] = {{"descriptors", RLIMIT_NOFILE},
                                                                   {"addressSpace", RLIMIT_AS},
                                                                   {"fileSize", RLIMIT_FSIZE},
                                                                   {"core", RLIMIT_CORE},
                                                                   {"processes", RLIMIT_NPROC}};
  for (const auto& [name, what] : asked) {
    rlimit limit{};
    if (::getrlimit(what, &limit) != 0) continue;
    const auto shown = [](rlim_t value) {
      return value == RLIM_INFINITY ? json::value("unlimited") : json::value(std::uint64_t{value});
    };
    out[name] = json::object{{"soft", shown(limit.rlim_cur)}, {"hard", shown(limit.rlim_max)}};
  }
  return out;
}

}  // namespace

std::string machine_facts() {
  utsname kernel{};
  ::uname(&kernel);
  const json::object facts = {{"kernel",
                               {{"name", kernel.sysname},
                                {"release", kernel.release},
                                {"version", kernel.version},
                                {"machine", kernel.machine}}},
                              {"host", kernel.nodename},
                              {"os", text_of("/etc/os-release")},
                              {"uptime", text_of("/proc/uptime")},
                              {"load", text_of("/proc/loadavg")},
                              {"memory", text_of("/proc/meminfo")},
                              {"mountsOfThisProcess", text_of("/proc/self/mounts")},
                              {"clocks", clocks()},
                              {"limits", limits()}};
  return json::serialize(facts) + "\n";
}

std::string folder_facts(const fs::path& folder) {
  json::object facts = {{"folder", folder.string()}};
  struct statvfs disk{};
  if (::statvfs(folder.c_str(), &disk) == 0) {
    facts["disk"] = json::object{{"bytes", std::uint64_t{disk.f_blocks} * disk.f_frsize},
                                 {"freeBytes", std::uint64_t{disk.f_bavail} * disk.f_frsize},
                                 {"inodes", std::uint64_t{disk.f_files}},
                                 {"freeInodes", std::uint64_t{disk.f_favail}}};
  }
  json::array files;
  std::error_code wrong;
  for (fs::recursive_directory_iterator at(folder, fs::directory_options::skip_permission_denied, wrong), end;
       at != end && files.size() < most_files; at.increment(wrong)) {
    if (wrong) break;
    if (!at->is_regular_file(wrong)) continue;
    const std::uint64_t size = at->file_size(wrong);
    files.push_back(
        json::object{{"name", fs::relative(at->path(), folder, wrong).string()}, {"bytes", size}});
  }
  if (wrong) facts["wrong"] = wrong.message();
  facts["files"] = std::move(files);
  return json::serialize(facts) + "\n";
}

}  // namespace metalmesh::adapters
