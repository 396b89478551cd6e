#include "common/recording/outcome_print.h"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "common/recording/fingerprint.h"
#include "schemas/wire/envelope.pb.h"

namespace metalmesh::recording {
namespace {

std::uint64_t number(std::int64_t value) { return static_cast<std::uint64_t>(value); }

/// In a wire::MediaCommand: an answer file, changed files, and those of a second medium.
const std::vector<FieldPath>& mount_files() {
  static const std::vector<FieldPath> paths = {{1, 4}, {1, 7, 2}, {1, 8, 3, 2}};
  return paths;
}

/// Adds things of one outcome to a fingerprint, secrets replaced.
class Adder {
 public:
  Adder(const SecretSet& secrets, Fingerprint& print) : secrets_(secrets), print_(print) {}

  void text(const std::string& bytes) {
    if (!secrets_.found_in(bytes)) {
      print_.add(bytes);
      return;
    }
    std::string masked = bytes;
    secrets_.mask(masked);
    print_.add(masked);
  }
  /// What the API shows of an object: which lines of it are hidden depends on words that a recording does not hold. What
  /// it was made from are rows, and those are compared.
  void shown(const std::string& bytes) { count(bytes.empty() ? 0 : 1); }
  void count(std::uint64_t value) { print_.add(value); }
  void headers(const Headers& all) {
    count(all.size());
    for (const auto& [name, value] : all) {
      text(name);
      text(value);
    }
  }

  void operator()(const Publish& publish) {
    text(publish.topic);
    wire::Envelope envelope;
    if (!envelope.ParseFromString(publish.payload)) return text(publish.payload);
    text(envelope.kind());
    text(envelope.payload());
  }
  void operator()(const HttpRequest& request) {
    text(request.id);
    text(request.method);
    text(request.url);
    headers(request.headers);
    text(request.body);
    count(static_cast<std::uint64_t>(request.trust));
    text(request.pin_sha256);
    text(request.credential.value_or(std::string()));
    count(number(request.timeout.count()));
    count(request.last ? 1 : 0);
  }
  void operator()(const TimerArm& timer) {
    text(timer.token);
    count(number(timer.at.time_since_epoch().count()));
  }
  void operator()(const TimerDisarm& timer) { text(timer.token); }
  void operator()(const ExchangeReply& reply) {
    count(reply.id);
    count(number(reply.status));
    headers(reply.headers);
    shown(reply.body);
    count(reply.stream ? 1 : 0);
  }
  void operator()(const ExchangeChunk& chunk) {
    count(chunk.id);
    shown(chunk.bytes);
    count(chunk.last ? 1 : 0);
  }
  void operator()(const ImageFetch& fetch) {
    text(fetch.sha256);
    count(fetch.size);
    for (const std::string& url : fetch.urls) text(url);
  }
  void operator()(const ImageDrop& drop) { text(drop.sha256); }
  void operator()(const ImageVerify& verify) { text(verify.sha256); }
  void operator()(const ImageLimit& limit) { text(limit.limits.SerializeAsString()); }
  void operator()(const MediaSend& send) {
    std::string command = send.command.SerializeAsString();
    blank_fields(command, mount_files());
    text(command);
  }
  void operator()(const ProbeStart& probe) {
    text(probe.id);
    text(probe.host);
    count(probe.port);
    count(probe.want_banner ? 1 : 0);
  }
  void operator()(const BackupStart& start) { text(start.folder); }
  void operator()(const Halt& halt) { text(halt.reason); }

 private:
  const SecretSet& secrets_;
  Fingerprint& print_;
};

}  // namespace

std::string OutcomePrinter::masked_row(std::string_view key, std::string value) const {
  for (const BlankedRows& rows : blanked_) {
    if (key.starts_with(rows.prefix)) blank_fields(value, rows.fields);
  }
  secrets_.mask(value);
  return value;
}

OutcomePrint OutcomePrinter::print(const Outcome& outcome) const {
  Fingerprint rows;
  Adder row_adder(secrets_, rows);
  for (const RowWrite& row : outcome.rows) {
    row_adder.text(row.key);
    row_adder.count(row.value ? 1 : 0);
    if (!row.value) continue;
    const bool blank =
        std::ranges::any_of(blanked_, [&](const auto& some) { return row.key.starts_with(some.prefix); });
    if (blank) {
      rows.add(masked_row(row.key, *row.value));
    } else {
      row_adder.text(*row.value);
    }
  }
  Fingerprint effects;
  for (const Effect& effect : outcome.effects) {
    effects.add(effect.index());
    Adder adder(secrets_, effects);
    std::visit(adder, effect);
  }
  return {rows.value(), effects.value()};
}

std::string describe(const Effect& effect) {
  return std::visit(
      []<class E>(const E& e) -> std::string {
        if constexpr (std::is_same_v<E, Publish>) {
          wire::Envelope envelope;
          const bool read = envelope.ParseFromString(e.payload);
          return "publish " + e.topic + " " + (read ? envelope.kind() : std::string("?")) + " " +
                 std::to_string(e.payload.size()) + " bytes";
        } else if constexpr (std::is_same_v<E, HttpRequest>) {
          return e.method + " " + e.url;
        } else if constexpr (std::is_same_v<E, TimerArm>) {
          return "arm " + e.token;
        } else if constexpr (std::is_same_v<E, TimerDisarm>) {
          return "disarm " + e.token;
        } else if constexpr (std::is_same_v<E, ExchangeReply>) {
          return "reply " + std::to_string(e.status);
        } else if constexpr (std::is_same_v<E, ExchangeChunk>) {
          return "chunk " + std::to_string(e.bytes.size()) + " bytes";
        } else if constexpr (std::is_same_v<E, ImageFetch>) {
          return "fetch " + e.sha256;
        } else if constexpr (std::is_same_v<E, ImageDrop>) {
          return "drop " + e.sha256;
        } else if constexpr (std::is_same_v<E, ImageVerify>) {
          return "verify " + e.sha256;
        } else if constexpr (std::is_same_v<E, ImageLimit>) {
          return "limit images";
        } else if constexpr (std::is_same_v<E, MediaSend>) {
          return "media " + std::to_string(static_cast<int>(e.command.body_case()));
        } else if constexpr (std::is_same_v<E, ProbeStart>) {
          return "probe " + e.host;
        } else if constexpr (std::is_same_v<E, BackupStart>) {
          return "backup to " + e.folder;
        } else {
          return "halt: " + e.reason;
        }
      },
      effect);
}

}  // namespace metalmesh::recording
