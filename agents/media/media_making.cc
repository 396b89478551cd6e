// What media are made of, and what is tried again because it could not be made for now.
#include <algorithm>
#include <utility>

#include "agents/media/media_core.h"

namespace metalmesh::media {
namespace {

constexpr Duration first_retry = std::chrono::seconds(1);
constexpr Duration longest_retry = std::chrono::seconds(8);

Duration wait_after(unsigned tries) {
  return std::min<Duration>(first_retry * (1U << std::min(tries, 8U)), longest_retry);
}

}  // namespace

void MediaCore::make(const wire::Mount& order, Entry& entry, const Now& now, MediaOutcome& out) {
  const std::optional<Owed> before = std::exchange(entry.owed, std::nullopt);
  std::string reason;
  bool temporary = false;
  const auto note = [&](const Error& error, const std::string& of) {
    reason += (reason.empty() ? "" : "; ") + of + error.message;
    temporary = temporary || error.kind == ErrorKind::unavailable;
  };
  if (const auto composed = compose(order, entry, out); !composed) note(composed.error(), "");
  if (order.sealed() && entry.seal.close()) entry.reads.sealed();
  if (const auto attached = attach_packages(order, entry); !attached)
    note(attached.error(), "package tree: ");
  if (temporary) {
    const unsigned tries = before ? before->tries + 1 : 0;
    entry.owed = Owed{order, now.mono + wait_after(tries), tries, reason};
  }
  if (reason.empty() || (before && before->told == reason)) return;
  out.logs.push_back(
      {LogLevel::error,
       (entry.usable ? "the medium is served without its packages: " : "the medium cannot be composed: ") +
           reason + (temporary ? ": tried again by itself" : ""),
       {{"deployment", entry.deployment}}});
  wire::MediaEvent event;
  event.mutable_refused()->set_token(order.token());
  event.mutable_refused()->set_reason(reason);
  event.mutable_refused()->set_temporary(temporary);
  out.effects.emplace_back(Tell{std::move(event)});
}

Status MediaCore::compose(const wire::Mount& order, Entry& entry, MediaOutcome& out) {
  std::string recipe = recipe_of(order);
  if (entry.usable && entry.recipe == recipe) return {};
  auto composed = compose_medium_of(order, bases_, limits_.image_bytes);
  const bool same = composed && entry.usable && entry.file == order.image().path() &&
                    entry.medium.etag() == composed->image.etag();
  if (!same) {
    abort_streams(order.token(), false, out);
    entry.medium = composed ? std::move(composed->image) : VirtualImage();
    entry.reads = ReadTracker(entry.medium.size());
    entry.seal = order.has_second() ? MediumSeal() : MediumSeal(order.image());
  }
  entry.usable = composed.has_value();
  entry.recipe = std::move(recipe);
  entry.file = order.has_second() ? "" : order.image().path();
  entry.image = order.has_second() ? "" : order.image().sha256();
  entry.guarded = composed ? std::move(composed->guarded) : std::vector<ByteRange>();
  if (!composed) return std::unexpected(composed.error());
  return {};
}

Status MediaCore::attach_packages(const wire::Mount& order, Entry& entry) {
  const wire::PackageTree& wanted = order.packages();
  const std::string& path = wanted.image().path();
  const std::string& image = wanted.image().sha256().empty() ? path : wanted.image().sha256();
  if (entry.packages && entry.packages->token == wanted.token() && entry.packages->image == image) return {};
  entry.packages.reset();
  packages_.erase(std::exchange(entry.packages_token, {}));
  if (!order.has_packages()) return {};
  if (!is_token(wanted.token()) ||
      packages_.try_emplace(wanted.token(), order.token()).first->second != order.token())
    return fail(ErrorKind::invalid, "its token is malformed or taken");
  entry.packages_token = wanted.token();  // known, even if its tree is not there yet
  auto tree = shelf_.tree(path, image);
  if (!tree) return std::unexpected(tree.error());
  entry.packages = OfferedPackages{wanted.token(), image, path, std::move(*tree)};
  return {};
}

void MediaCore::make_what_is_owed(Entry& entry, const Now& now, MediaOutcome& out) {
  if (!entry.owed || entry.owed->at > now.mono) return;
  const wire::Mount order = entry.owed->order;
  make(order, entry, now, out);
  if (entry.owed) return;
  out.logs.push_back({LogLevel::info,
                      "what could not be read is there again: the medium is served as it was ordered",
                      {{"deployment", entry.deployment}}});
  if (entry.state == wire::LAUNCHED) launch(entry);
  answer_parked(std::exchange(entry.parked, {}), now, out);
}

}  // namespace metalmesh::media
