#include "agents/core/row_check.h"

#include <string>
#include <utility>

#include "agents/core/fence_table.h"
#include "agents/core/row_keys.h"
#include "agents/core/works.h"
#include "common/base/digest.h"
#include "common/delivery/stream_rows.h"
#include "common/ports/row_walk.h"
#include "schemas/record/agent.pb.h"
#include "schemas/record/clock.pb.h"
#include "schemas/record/damage.pb.h"
#include "schemas/record/job.pb.h"

namespace metalmesh::agent {
namespace {

constexpr const char* next_step =
    ". Next: put the data folder back from a copy, and keep this one: it may hold facts that the controller "
    "does "
    "not know yet";

bool whole(const record::SiteState&, const std::string&) { return true; }
bool whole(const record::LinkState&, const std::string&) { return true; }
bool whole(const record::Clock&, const std::string&) { return true; }
bool whole(const record::DamagedRow& row, const std::string& key) { return row.row() == key; }
bool whole(const record::CredentialMark&, const std::string& name) { return !name.empty(); }
bool whole(const record::ImageWish& wish, const std::string& sha256) {
  return wish.image().sha256() == sha256;
}
bool whole(const record::Inspection& row, const std::string& id) { return row.request().request_id() == id; }
bool whole(const record::Discovery& row, const std::string&) { return !row.request().request_id().empty(); }
bool whole(const record::Fence& fence, const std::string& machine) {
  return !machine_key(fence.identity()).empty() && !machine.empty();
}
bool whole(const record::Job& job, const std::string& deployment) {
  const work::Kind* kind = find_kind(job.agreed());
  return kind != nullptr && kind->changes == (job.issue().generation() > 0) &&
         job.issue().deployment_id() == deployment && !deployment.empty() &&
         wire::Stage_IsValid(job.stage()) && job.stage() >= wire::QUEUED &&
         wire::MountState_IsValid(job.mount_state()) && record::Job::Intent_IsValid(job.intent()) &&
         wire::FaultCode_IsValid(job.fault().code()) && job.ended() == (job.stage() == wire::DONE) &&
         job.ended() == (job.ended_seq() > 0);
}

bool whole(const record::UsualReads&, const std::string& kind) { return !kind.empty(); }
bool whole(const record::ShelvedBlob& blob, const std::string& name) {
  return blob.number() > 0 && name == to_hex(sha256(blob.bytes()));
}

template <class Message>
Status check_row(const std::string& key, const std::string& name, const std::string& bytes) {
  Message message;
  const bool parsed = message.ParseFromString(bytes);
  if (parsed && message.row_version() != 0 && message.row_version() != rows::version)
    return fail(ErrorKind::unsupported, "row " + printable_key(key) + " was written by another release (" +
                                            std::to_string(message.row_version()) + ", this agent knows " +
                                            std::to_string(rows::version) + "). Next: start that one");
  if (!parsed || message.row_version() == 0 || !whole(message, name))
    return fail(ErrorKind::corrupt, "row " + printable_key(key) + " is damaged" + next_step);
  return {};
}

template <class Message>
Status check_one(const RowReader& reader, const std::string& key) {
  const auto bytes = reader.get(key);
  if (!bytes) return std::unexpected(bytes.error());
  return *bytes ? check_row<Message>(key, key, **bytes) : Status{};
}

template <class Message>
Status check_all(const RowReader& reader, const std::string& prefix) {
  return walk_whole_rows(reader, prefix, rows::after(prefix),
                         [&](const std::string& key, const std::string& value) {
                           return check_row<Message>(key, key.substr(prefix.size()), value);
                         });
}

Status with_next_step(Status status) {
  if (!status && status.error().kind == ErrorKind::corrupt && !status.error().message.ends_with(next_step))
    status.error().message += next_step;
  return status;
}

}  // namespace

Status check_rows(const RowReader& reader) {
  for (auto check :
       {+[](const RowReader& r) { return check_one<record::SiteState>(r, rows::site); },
        +[](const RowReader& r) { return check_one<record::LinkState>(r, rows::link); },
        +[](const RowReader& r) { return check_one<record::Clock>(r, rows::clock); },
        +[](const RowReader& r) { return check_all<record::DamagedRow>(r, rows::damaged); },
        +[](const RowReader& r) { return check_all<record::Fence>(r, rows::fence); },
        +[](const RowReader& r) { return check_all<record::Job>(r, rows::job); },
        +[](const RowReader& r) { return check_all<record::CredentialMark>(r, rows::credential); },
        +[](const RowReader& r) { return check_all<record::ImageWish>(r, rows::image); },
        +[](const RowReader& r) { return check_all<record::Inspection>(r, rows::inspect); },
        +[](const RowReader& r) { return check_one<record::Discovery>(r, rows::discovery); },
        +[](const RowReader& r) { return check_all<record::UsualReads>(r, rows::reads); },
        +[](const RowReader& r) { return check_all<record::ShelvedBlob>(r, rows::shelf); },
        +[](const RowReader& r) { return delivery::check_receiver_row(rows::commands, r); },
        +[](const RowReader& r) { return delivery::check_sender_rows(rows::events, r); }}) {
    if (Status good = check(reader); !good) return with_next_step(std::move(good));
  }
  return {};
}

}  // namespace metalmesh::agent
