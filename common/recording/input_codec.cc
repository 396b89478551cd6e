#include "common/recording/input_codec.h"

#include <utility>

namespace metalmesh::recording {
namespace {

using Record = record::RecordedInput;

template <class Repeated>
void write_headers(const Headers& headers, Repeated& out) {
  for (const auto& [name, value] : headers) {
    record::RecordedHeader& header = *out.Add();
    header.set_name(name);
    header.set_value(value);
  }
}

template <class Repeated>
Headers read_headers(const Repeated& recorded) {
  Headers headers;
  for (const record::RecordedHeader& header : recorded) headers.emplace_back(header.name(), header.value());
  return headers;
}

struct Writer {
  Record& out;

  void operator()(const Started&) const { out.mutable_started(); }
  void operator()(const Committed&) const { out.mutable_committed(); }
  void operator()(const BusUp&) const { out.mutable_bus_up(); }
  void operator()(const BusDown& down) const { out.set_bus_down(down.reason); }
  void operator()(const MessageArrived& message) const {
    out.mutable_message()->set_topic(message.topic);
    out.mutable_message()->set_payload(message.payload);
  }
  void operator()(const TimerFired& timer) const { out.set_timer(timer.token); }
  void operator()(const HttpReplied& reply) const {
    auto& to = *out.mutable_http_replied();
    to.set_id(reply.id);
    to.set_status(reply.status);
    write_headers(reply.headers, *to.mutable_headers());
    to.set_body(reply.body);
    to.set_peer_key_sha256(reply.peer_key_sha256);
  }
  void operator()(const HttpFailed& failed) const {
    auto& to = *out.mutable_http_failed();
    to.set_id(failed.id);
    to.set_failure(static_cast<std::uint32_t>(failed.failure));
    to.set_detail(failed.detail);
  }
  void operator()(const ExchangeOpened& exchange) const {
    auto& to = *out.mutable_exchange_opened();
    to.set_id(exchange.id);
    to.set_method(exchange.method);
    to.set_target(exchange.target);
    write_headers(exchange.headers, *to.mutable_headers());
    to.set_body(exchange.body);
    to.set_peer(exchange.peer);
  }
  void operator()(const ExchangeClosed& closed) const { out.set_exchange_closed(closed.id); }
  void operator()(const ExchangeDrained& drained) const { out.set_exchange_drained(drained.id); }
  void operator()(const ImageReady& ready) const {
    auto& to = *out.mutable_image_ready();
    to.set_sha256(ready.sha256);
    *to.mutable_facts() = ready.facts;
    to.set_imported(ready.imported);
  }
  void operator()(const ImageProgress& progress) const {
    auto& to = *out.mutable_image_progress();
    to.set_sha256(progress.sha256);
    to.set_bytes(progress.bytes);
    to.set_size(progress.size);
  }
  void operator()(const ImageFailed& failed) const {
    auto& to = *out.mutable_image_failed();
    to.set_sha256(failed.sha256);
    to.set_why(static_cast<std::uint32_t>(failed.why));
    to.set_detail(failed.detail);
    to.set_missing(failed.missing);
    to.set_held(failed.held);
    to.set_imported(failed.imported);
  }
  void operator()(const MediaReported& report) const { *out.mutable_media() = report.event; }
  void operator()(const ProbeAnswered& answer) const {
    auto& to = *out.mutable_probe();
    to.set_id(answer.id);
    to.set_open(answer.open);
    to.set_detail(answer.detail);
  }
  void operator()(const CredentialsChanged& change) const {
    auto& to = *out.mutable_credentials();
    for (const auto& entry : change.credentials) {
      auto& written = *to.add_entries();
      written.set_name(entry.name);
      written.set_version(entry.version);
    }
  }
  void operator()(const DiskLevel& level) const {
    out.mutable_disk()->set_low(level.low);
    out.mutable_disk()->set_free_bytes(level.free_bytes);
  }
  void operator()(const BackupReported& report) const {
    auto& to = *out.mutable_backup();
    to.set_folder(report.folder);
    to.set_ended(report.ended);
    to.set_error(report.error);
    to.set_bytes(report.bytes);
    to.set_size(report.size);
    to.set_rows(report.rows);
  }
  void operator()(const RevocationsRead& list) const {
    auto& to = *out.mutable_revocations();
    to.set_from(list.from.time_since_epoch().count());
    to.set_until(list.until.time_since_epoch().count());
    to.set_unreadable(list.unreadable);
  }
};

HttpReplied read(const Record::HttpReplied& from) {
  return {from.id(), from.status(), read_headers(from.headers()), from.body(), from.peer_key_sha256()};
}

ExchangeOpened read(const Record::ExchangeOpened& from) {
  return {from.id(), from.method(), from.target(), read_headers(from.headers()), from.body(), from.peer()};
}

CredentialsChanged read(const Record::Credentials& from) {
  CredentialsChanged change;
  for (const auto& entry : from.entries()) change.credentials.push_back({entry.name(), entry.version()});
  return change;
}

}  // namespace

void to_record(const Input& input, Record& out) { std::visit(Writer{out}, input); }

Result<Input> from_record(const Record& from) {
  switch (from.kind_case()) {
    case Record::kStarted:
      return Started{};
    case Record::kCommitted:
      return Committed{};
    case Record::kBusUp:
      return BusUp{};
    case Record::kBusDown:
      return BusDown{from.bus_down()};
    case Record::kMessage:
      return MessageArrived{from.message().topic(), from.message().payload()};
    case Record::kTimer:
      return TimerFired{from.timer()};
    case Record::kHttpReplied:
      return read(from.http_replied());
    case Record::kHttpFailed:
      return HttpFailed{from.http_failed().id(), static_cast<HttpFailure>(from.http_failed().failure()),
                        from.http_failed().detail()};
    case Record::kExchangeOpened:
      return read(from.exchange_opened());
    case Record::kExchangeClosed:
      return ExchangeClosed{from.exchange_closed()};
    case Record::kExchangeDrained:
      return ExchangeDrained{from.exchange_drained()};
    case Record::kImageReady:
      return ImageReady{from.image_ready().sha256(), from.image_ready().facts(),
                        from.image_ready().imported()};
    case Record::kImageProgress:
      return ImageProgress{from.image_progress().sha256(), from.image_progress().bytes(),
                           from.image_progress().size()};
    case Record::kImageFailed:
      return ImageFailed{
          from.image_failed().sha256(), static_cast<ImageFailed::Why>(from.image_failed().why()),
          from.image_failed().detail(), from.image_failed().missing(),
          from.image_failed().held(),   from.image_failed().imported()};
    case Record::kMedia:
      return MediaReported{from.media()};
    case Record::kProbe:
      return ProbeAnswered{from.probe().id(), from.probe().open(), from.probe().detail()};
    case Record::kCredentials:
      return read(from.credentials());
    case Record::kDisk:
      return DiskLevel{from.disk().low(), from.disk().free_bytes()};
    case Record::kBackup:
      return BackupReported{from.backup().folder(), from.backup().ended(), from.backup().error(),
                            from.backup().bytes(),  from.backup().size(),  from.backup().rows()};
    case Record::kRevocations:
      return RevocationsRead{WallTime(WallTime::duration(from.revocations().from())),
                             WallTime(WallTime::duration(from.revocations().until())),
                             from.revocations().unreadable()};
    case Record::KIND_NOT_SET:
      break;
  }
  return fail(ErrorKind::corrupt, "a step whose input this version does not know");
}

}  // namespace metalmesh::recording
