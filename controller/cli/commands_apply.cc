// apply, diff, import: many objects in one request, or in a few.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "common/os/files.h"
#include "controller/cli/apply_report.h"
#include "controller/cli/commands.h"
#include "controller/cli/json_text.h"
#include "controller/cli/next_step.h"
#include "controller/cli/server_csv.h"

namespace metalmesh::cli {
namespace {

constexpr std::size_t at_once = 5'000;       // objects of a request, so that people see how far it is
constexpr std::size_t atomic_most = 20'000;  // the controller decides that much at once
constexpr std::size_t request_bytes = std::size_t{32} << 20;

/// An object as one line; of a server that is registered already only what it says.
std::string line_of(const ReadObject& object) {
  std::string json = to_json(*object.manifest.object);
  if (!object.fields.empty()) json = fmt::format("{{\"fields\":\"{}\",{}", object.fields, json.substr(1));
  return json + "\n";
}

AppliedObject misfit_of(const Error& error) {
  // "file:line: what" or "file:line:column: what"
  const auto end = error.message.find(": ");
  AppliedObject out;
  out.result = "refused";
  out.where = end == std::string::npos ? std::string() : error.message.substr(0, end);
  out.message = end == std::string::npos ? error.message : error.message.substr(end + 2);
  return out;
}

/// Of two rows of one name nobody knows which is meant.
void leave_out_twins(ReadObjects& read) {
  std::map<std::string, std::vector<std::string>> places;
  for (const ReadObject& object : read.objects) places[object.manifest.name].push_back(object.manifest.where);
  std::erase_if(read.objects, [&](const ReadObject& object) {
    const auto& where = places.at(object.manifest.name);
    if (where.size() < 2) return false;
    read.misfits.push_back(
        {ErrorKind::invalid, fmt::format("{}: Server {} is given twice: {}", object.manifest.where,
                                         object.manifest.name, fmt::join(where, " and "))});
    return true;
  });
}

class Progress {
 public:
  Progress(Session& session, std::size_t of)
      : session_(session),
        of_(of),
        shown_(session.format == Format::table && session.console().is_terminal()) {}
  void at(std::size_t done) {
    if (shown_ && of_ > at_once) session_.console().draw({fmt::format("{} of {} objects", done, of_)});
  }
  ~Progress() { session_.console().finish_frame(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

 private:
  Session& session_;
  std::size_t of_;
  bool shown_;
};

Result<AppliedObjects> send(Session& session, const ApplyOrder& order, const ReadObjects& read) {
  AppliedObjects all;
  all.dry_run = order.dry_run;
  for (const Error& error : read.misfits) all.objects.push_back(misfit_of(error));
  if (order.atomic && !order.dry_run && !read.misfits.empty()) {
    all.taken = false;
    return all;
  }
  if (order.atomic && read.objects.size() > atomic_most)
    return fail(
        ErrorKind::invalid,
        fmt::format(
            "{} objects: at most {} are taken by one decision\n  next: give fewer at a time, or leave out "
            "--atomic",
            read.objects.size(), atomic_most));
  auto api = session.api();
  if (!api) return std::unexpected(api.error());
  const std::string path = fmt::format("/api/v1/apply?dryRun={}&atomic={}", order.dry_run, order.atomic);
  // What comes later may refer to what a request before it would have made: a dry run is one request, too.
  const bool in_one = order.atomic || order.dry_run;
  Progress progress(session, read.objects.size());
  for (std::size_t next = 0; next < read.objects.size();) {
    progress.at(next);
    std::string lines;
    std::vector<std::string> where;
    const std::size_t most = in_one ? atomic_most : at_once;
    while (next < read.objects.size() && where.size() < most && lines.size() < request_bytes) {
      where.push_back(read.objects[next].manifest.where);
      lines += line_of(read.objects[next++]);
    }
    auto reply = (*api)->post_lines(path, lines);
    if (!reply) {
      Error error = std::move(reply.error());
      if (!all.objects.empty())
        error.message +=
            fmt::format("\n  before that: {}; the same again changes nothing of it", summary_of(all));
      return std::unexpected(std::move(error));
    }
    if (auto status = read_applied(*reply, where, all); !status) return std::unexpected(status.error());
  }
  return all;
}

void tell(Session& session, const AppliedObjects& all, const std::string& text) {
  if (session.format == Format::table) {
    session.console().print(text);
  } else {
    session.console().print(applied_json(all));
  }
  session.console().complain(refused_text(all));
  if (!all.dry_run && !all.taken)
    session.console().complain("error: nothing was taken: all or nothing was asked for (--atomic)\n");
}

/// After a dry run it is the same without it.
void suggest_next(Session& session, const ReadObjects& read, const AppliedObjects& all) {
  if (all.count("refused") > 0 || all.dry_run || read.objects.empty()) return;
  std::vector<std::pair<const Kind*, std::string>> done;
  done.emplace_back(read.objects.back().manifest.kind, read.objects.back().manifest.name);
  const NextStep next = next_after_apply(done);
  session.suggest(next.command, next.first);
}

CommandResult apply(Session& session, const ApplyOrder& order, const ReadObjects& read) {
  const auto all = send(session, order, read);
  if (!all) return std::unexpected(all.error());
  tell(session, *all, applied_text(*all));
  suggest_next(session, read, *all);
  return all->count("refused") > 0 ? ExitCode::refused : ExitCode::ok;
}

}  // namespace

CommandResult apply_files(Session& session, const ApplyOrder& order) {
  const auto read = read_objects(order.files);
  if (!read) return std::unexpected(read.error());
  return apply(session, order, *read);
}

CommandResult diff_files(Session& session, const ApplyOrder& order) {
  const auto read = read_objects(order.files);
  if (!read) return std::unexpected(read.error());
  ApplyOrder dry = order;
  dry.dry_run = true;
  const auto all = send(session, dry, *read);
  if (!all) return std::unexpected(all.error());
  tell(session, *all, diff_text(*all));
  if (all->count("refused") > 0) return ExitCode::refused;
  return all->count("created") + all->count("changed") > 0 ? ExitCode::differs : ExitCode::ok;
}

CommandResult import_servers(Session& session, const ApplyOrder& order) {
  ReadObjects read;
  for (const std::string& file : order.files) {
    constexpr std::size_t most = std::size_t{64} << 20;
    const auto text = os::read_file(file == "-" ? "/dev/stdin" : file, most);
    if (!text) return std::unexpected(text.error());
    auto rows = servers_of_csv(*text, file == "-" ? "stdin" : file, order.without_passwords);
    if (!rows) return std::unexpected(rows.error());
    std::ranges::move(rows->objects, std::back_inserter(read.objects));
    std::ranges::move(rows->misfits, std::back_inserter(read.misfits));
  }
  leave_out_twins(read);
  return apply(session, order, read);
}

}  // namespace metalmesh::cli
