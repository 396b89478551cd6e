#include "controller/core/row_care.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "common/delivery/stream_rows.h"
#include "common/ports/row_walk.h"
#include "controller/state/event_log.h"
#include "controller/state/profile_blob.h"
#include "controller/state/row_codec.h"
#include "controller/state/tables.h"
#include "schemas/record/controller.pb.h"
#include "schemas/record/damage.pb.h"
#include "schemas/record/stream.pb.h"

namespace metalmesh::controller {
namespace {

/// What follows `table` in `key`; nothing when it lies elsewhere.
std::optional<std::string> name_in(std::string_view table, std::string_view key) {
  if (!key.starts_with(table) || key.size() == table.size()) return std::nullopt;
  return std::string(key.substr(table.size()));
}

class Caretaker {
 public:
  explicit Caretaker(const RowReader& rows) : rows_(rows) {}

  Status look();
  Result<RowCare> care(const std::vector<std::string>& losses);

 private:
  void see_event(const Row& row);
  void place_stray_events();
  void tell_missing_events();
  /// True when other rows prove what it was.
  [[nodiscard]] bool mend(const Row& row);
  [[nodiscard]] bool mend_profile(const std::string& name);
  [[nodiscard]] bool mend_version(const std::string& name);
  [[nodiscard]] bool mend_blob(const std::string& sha256);
  [[nodiscard]] bool mend_cursor(const std::string& key);
  void drop_commands(const std::string& key);
  void put_aside(const Row& row);
  void keep(record::DamagedRow damage);
  template <class Message>
  std::optional<Message> whole(const std::string& key) const;
  [[nodiscard]] record::Controller controller_row() const;

  const RowReader& rows_;
  std::vector<Row> damaged_;
  std::uint64_t last_event_ = 0;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> missing_;  // numbers, both ends included
  std::map<std::uint64_t, std::string> strays_;                   // whole events that lay under other keys
  std::set<std::string> dropped_;                                 // prefixes of command journals
  RowCare out_;
};

template <class Message>
std::optional<Message> Caretaker::whole(const std::string& key) const {
  const auto row = rows_.get(key);
  Message message;
  if (!row || !*row || !decode_row(**row, message)) return std::nullopt;
  return message;
}

Status Caretaker::look() {
  return walk_rows(rows_, {}, {}, [&](Row& row) -> Status {
    if (row.key.starts_with(tables::events)) see_event(row);
    if (!row.value) damaged_.push_back(std::move(row));
    return {};
  });
}

void Caretaker::see_event(const Row& row) {
  rest::LogEvent event;
  const bool readable =
      row.value ? decode_row(*row.value, event).has_value()
                : row.value.error().value_whole && decode_row(row.value.error().bytes, event).has_value();
  if (!row.value && readable) {
    strays_[event.number()] = row.value.error().bytes;
    return;
  }
  const auto number = event_number(row.key);
  if (!number || !row.value || *number <= last_event_) return;
  if (*number > last_event_ + 1) missing_.emplace_back(last_event_ + 1, *number - 1);
  last_event_ = *number;
  if (readable && is_lost(event) && event.has_gap()) last_event_ = std::max(last_event_, event.gap().to());
}

void Caretaker::place_stray_events() {
  for (const auto& [number, bytes] : strays_) {
    const auto hole = std::ranges::find_if(
        missing_, [&](const auto& range) { return range.first <= number && number <= range.second; });
    if (hole == missing_.end()) continue;
    out_.batch.push_back({event_key(number), bytes});
    out_.lines.push_back("event " + std::to_string(number) +
                         " lay under another key and is back in its place");
    const auto [first, last] = *hole;
    missing_.erase(hole);
    if (first < number) missing_.emplace_back(first, number - 1);
    if (number < last) missing_.emplace_back(number + 1, last);
  }
}

void Caretaker::tell_missing_events() {
  std::ranges::sort(missing_);
  for (const auto& [first, last] : missing_) {
    rest::LogEvent line =
        lost_events(first, last, "what held it in the controller's store was damaged or is missing");
    line.mutable_gap()->set_from(first);
    line.mutable_gap()->set_to(last);
    out_.batch.push_back({event_key(first), encode_row(line)});
    record::DamagedRow damage;
    damage.set_row(printable_key(event_key(first)));
    damage.set_what(line.message());
    keep(std::move(damage));
  }
}

bool Caretaker::mend_profile(const std::string& name) {
  std::optional<rest::Profile> newest;
  const std::string first = tables::row(tables::versions, name + "@");
  const Status read = walk_rows(rows_, first, tables::end_of(first), [&](const Row& row) -> Status {
    rest::Profile version;
    if (row.value && decode_row(*row.value, version) &&
        (!newest || version.metadata().version() > newest->metadata().version()))
      newest = std::move(version);
    return {};
  });
  if (!read || !newest) return false;
  out_.batch.push_back({tables::row(tables::profiles, name), encode_row(*newest)});
  return true;
}

bool Caretaker::mend_version(const std::string& name) {
  const auto at = name.rfind('@');
  const auto newest = whole<rest::Profile>(tables::row(tables::profiles, name.substr(0, at)));
  if (!newest || tables::version_name(newest->metadata().name(), newest->metadata().version()) != name)
    return false;
  out_.batch.push_back({tables::row(tables::versions, name), encode_row(*newest)});
  return true;
}

bool Caretaker::mend_blob(const std::string& sha256) {
  bool mended = false;
  const auto look_at = [&](const Row& row) -> Status {
    rest::Profile profile;
    if (mended || !row.value || !decode_row(*row.value, profile)) return {};
    std::string content = profile_content(profile);
    if (version_of(profile).blob_sha256 != sha256) return {};
    out_.batch.push_back({tables::row(tables::blobs, sha256), std::move(content)});
    mended = true;
    return {};
  };
  for (const std::string_view table : {tables::versions, tables::profiles})
    static_cast<void>(walk_rows(rows_, std::string(table), tables::end_of(table), look_at));
  return mended;
}

/// How far the events of a site's journal were taken in is what the log has of them.
bool Caretaker::mend_cursor(const std::string& key) {
  const std::string name = key.substr(2);
  const auto slash = name.find('/');
  const std::string site = name.substr(0, slash);
  std::string journal = slash == std::string::npos ? std::string() : name.substr(slash + 1);
  if (journal.empty()) {
    const auto link = whole<record::SiteLink>(tables::row(tables::links, site));
    if (link) journal = link->commands_for();
  }
  if (journal.empty()) return false;
  std::uint64_t cursor = 0;
  const Status read = walk_rows(
      rows_, std::string(tables::events), tables::end_of(tables::events), [&](const Row& row) -> Status {
        rest::LogEvent event;
        if (!row.value || !decode_row(*row.value, event) || event.site() != site ||
            event.journal_id() != journal)
          return {};
        cursor = std::max<std::uint64_t>({cursor, event.seq(), event.type() == "gap" ? event.gap().to() : 0});
        return {};
      });
  if (!read || cursor == 0) return false;
  record::StreamReceiver row;
  row.set_row_version(delivery::receiver_row_version);
  row.set_journal_id(journal);
  row.set_cursor(cursor);
  out_.batch.push_back({key, row.SerializeAsString()});
  return true;
}

/// A command journal of which a row is damaged is given up as a whole: a new one is begun.
void Caretaker::drop_commands(const std::string& key) {
  const auto slash = key.find('/', 2);
  const std::string prefix = key.substr(0, slash == std::string::npos ? key.size() : slash + 1);
  if (!dropped_.insert(prefix).second) return;
  static_cast<void>(walk_rows(rows_, prefix, tables::end_of(prefix), [&](const Row& row) -> Status {
    out_.batch.push_back({row.key, std::nullopt});
    return {};
  }));
  record::DamagedRow damage;
  damage.set_row(printable_key(prefix));
  keep(std::move(damage));
}

bool Caretaker::mend(const Row& row) {
  if (const auto name = name_in(tables::profiles, row.key)) return mend_profile(*name);
  if (const auto name = name_in(tables::versions, row.key)) return mend_version(*name);
  if (const auto sha256 = name_in(tables::blobs, row.key)) return mend_blob(*sha256);
  if (name_in("r/", row.key)) return mend_cursor(row.key);
  return false;
}

void Caretaker::keep(record::DamagedRow damage) {
  damage.set_row_version(static_cast<std::uint32_t>(row_version));
  out_.batch.push_back({tables::row(tables::damaged, damage.row()), encode_row(damage)});
}

void Caretaker::put_aside(const Row& row) {
  record::DamagedRow damage;
  damage.set_row(printable_key(row.key));
  damage.set_value_whole(row.value.error().value_whole);
  // Elsewhere there may be secrets in it, which whoever reads this row does not look for.
  if (name_in(tables::deployments, row.key) || name_in(tables::machines, row.key))
    damage.set_found(row.value.error().bytes);
  out_.batch.push_back({tables::row(tables::found, damage.row()), row.value.error().bytes});
  keep(std::move(damage));
}

record::Controller Caretaker::controller_row() const {
  auto row = whole<record::Controller>(std::string(tables::controller));
  return row ? std::move(*row) : record::Controller();
}

Result<RowCare> Caretaker::care(const std::vector<std::string>& losses) {
  std::string went_back;
  const auto goes_back = [&](const std::string& why) { went_back += (went_back.empty() ? "" : "; ") + why; };
  for (const std::string& loss : losses) goes_back(loss);
  bool controller_lost = false;
  for (const Row& row : damaged_) {
    out_.batch.push_back({row.key, std::nullopt});
    out_.lines.push_back(damaged_row(row.key, row.value.error()).message);
    if (row.key.starts_with(tables::events)) continue;
    if (row.key == tables::controller) {
      controller_lost = true;
      goes_back("its own row was damaged: whether it held, and its epoch, are not known");
    } else if (name_in("s/", row.key)) {
      drop_commands(row.key);
    } else if (name_in(tables::links, row.key)) {
      put_aside(row);
      record::SiteLink link;
      link.set_quarantine_reason("what was known of its agent is lost: row " + printable_key(row.key) +
                                 " of the controller's store was damaged");
      out_.batch.push_back({row.key, encode_row(link)});
    } else if (!mend(row)) {
      put_aside(row);
    } else {
      out_.lines.push_back("row " + printable_key(row.key) + " was made anew from other rows");
    }
  }
  record::Controller controller = controller_row();
  if (!controller_lost && controller.last_event() > last_event_)
    missing_.emplace_back(last_event_ + 1, controller.last_event());
  place_stray_events();
  const std::uint64_t last = missing_.empty() ? last_event_ : std::max(last_event_, missing_.back().second);
  tell_missing_events();
  if (!went_back.empty() || controller.last_event() < last) {
    controller.set_last_event(std::max(controller.last_event(), last));
    if (!went_back.empty()) controller.set_restored_from(went_back);
    out_.batch.push_back({std::string(tables::controller), encode_row(controller)});
  }
  return std::move(out_);
}

}  // namespace

Result<RowCare> care_for_rows(const RowReader& rows, const std::vector<std::string>& losses) {
  Caretaker caretaker(rows);
  if (auto looked = caretaker.look(); !looked) return std::unexpected(std::move(looked.error()));
  return caretaker.care(losses);
}

RowEffect effect_of_damage(std::string_view key) {
  struct Kind {
    std::string_view table;
    const char* what;
    const char* next;
  };
  constexpr const char* starts = "start the controller";
  static constexpr const char* applies = "start the controller, then apply its manifest again";
  static const Kind kinds[] = {
      {tables::events, "this event is lost", "start the controller; a line in its place will say so"},
      {tables::servers, "what was registered of this server is lost; it will be blocked", applies},
      {tables::rollouts, "the plan of this rollout is lost; it will be stopped",
       "start the controller, then metalmesh rollout stop NAME --reason TEXT"},
      {tables::sites, "this site is lost; its agent will not be heard", applies},
      {tables::profiles, "this profile is made anew from its newest version, or lost", applies},
      {tables::versions, "this version of a profile is made anew from the profile, or lost", applies},
      {tables::blobs, "the content of a profile is made anew from it, or lost", applies},
      {tables::deployments, "this deployment will be INDETERMINATE, or its history is lost",
       "start the controller, then metalmesh deployment resolve SERVER --as failed --note TEXT"},
      {tables::transcripts, "this transcript is fetched again, if its site still has it", starts},
      {tables::orders, "the deployment, if it is open, will be INDETERMINATE",
       "start the controller, then metalmesh deployment resolve SERVER --as failed --note TEXT"},
      {tables::fences, "this fence will be owed again", starts},
      {tables::links, "the site will be in quarantine",
       "start the controller, then metalmesh site clear-quarantine SITE --note TEXT"},
      {"s/", "commands to this site will begin anew", starts},
      {"r/", "how far the site's events were taken in is made out from the log", starts},
      {tables::machines, "what is known of this machine is lost; it will be in use, protected and blocked",
       "start the controller, look at the machine, then metalmesh server release-for-install NAME --reason "
       "TEXT"},
      {tables::plans, "this page of a plan cannot be read any more", starts},
      {tables::tombstones, "whoever follows the change feed lists everything again", starts},
      {tables::tokens, "whoever has this token will be refused",
       "start the controller, then metalmesh user token NAME"},
      {tables::paces, "what was started within the hour will not be counted for this site or person", starts},
      {tables::all_objects, "this object is lost", applies},
      {tables::applying, "objects that were just being applied are lost, or some of them", applies},
      {tables::applied, "an object that was just being applied is lost", applies},
      {tables::damaged, "what lay in another damaged row is lost, too", starts}};
  if (key == tables::controller)
    return {"whether this controller held, and its epoch, are lost; it will hold as after a restore",
            "start the controller, then metalmesh controller status"};
  for (const Kind& kind : kinds) {
    if (key.starts_with(kind.table)) return {kind.what, kind.next};
  }
  return {"it is learned again, or asked for again", starts};
}

std::vector<std::string> gaps_in_log(const RowReader& rows) {
  std::vector<std::string> gaps;
  std::uint64_t last = 0;
  static_cast<void>(walk_rows(
      rows, std::string(tables::events), tables::end_of(tables::events), [&](const Row& row) -> Status {
        const auto number = event_number(row.key);
        if (!number || *number <= last) return {};
        if (*number > last + 1) {
          gaps.push_back("events " + std::to_string(last + 1) + " to " + std::to_string(*number - 1) +
                         " are not in the store");
        }
        last = *number;
        rest::LogEvent event;
        if (row.value && decode_row(*row.value, event) && is_lost(event) && event.has_gap())
          last = std::max<std::uint64_t>(last, event.gap().to());
        return {};
      }));
  return gaps;
}

Result<Batch> mark_restored(const RowReader& rows, const std::string& how) {
  const auto row = rows.get(tables::controller);
  if (!row) return std::unexpected(row.error());
  record::Controller controller;
  if (*row) {
    if (auto read = decode_row(**row, controller); !read) return std::unexpected(read.error());
  }
  controller.set_restored_from(how);
  return Batch{{std::string(tables::controller), encode_row(controller)}};
}

}  // namespace metalmesh::controller
