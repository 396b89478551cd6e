// What the agent orders: mounts and the fence.
#include "agents/media/media_core.h"

#include <algorithm>
#include <set>
#include <utility>

namespace metalmesh::media {
namespace {

/// Rank in the life of a mount: LAUNCHED and DEAD are never left backwards.
int rank_of(wire::MountState state) {
  switch (state) {
    case wire::LAUNCHED:
      return 1;
    case wire::DEAD:
      return 2;
    default:
      return 0;
  }
}

LogLine line(LogLevel level, std::string message, const std::string& deployment) {
  return {level, std::move(message), {{"deployment", deployment}}};
}

}  // namespace

MediaOutcome MediaCore::on_command(const wire::MediaCommand& command, const Now& now) {
  MediaOutcome out;
  switch (command.body_case()) {
    case wire::MediaCommand::kMount:
      mount(command.mount(), now, out);
      break;
    case wire::MediaCommand::kForget:
      forget(command.forget(), now, out);
      break;
    case wire::MediaCommand::kVerdict:
      verdict(command.verdict(), now, out);
      break;
    case wire::MediaCommand::kAll:
      all_mounts(command.all(), now, out);
      break;
    case wire::MediaCommand::kAgentGone:
      agent_there_ = false;
      for (auto& [token, entry] : mounts_) {
        refuse_callers(entry, "nobody hears of this call now", out);
        refuse_askers(entry, "nobody hears of this now", out);
      }
      break;
    case wire::MediaCommand::kCallbackTaken:
      callback_taken(command.callback_taken(), out);
      break;
    case wire::MediaCommand::kAnswer:
      installer_answer(command.answer(), out);
      break;
    case wire::MediaCommand::BODY_NOT_SET:
      out.logs.push_back({LogLevel::error, "empty media command", {}});
      break;
  }
  return out;
}

void MediaCore::mount(const wire::Mount& order, const Now& now, MediaOutcome& out) {
  const std::string& token = order.token();
  const auto known = mounts_.find(token);
  const bool fresh = known == mounts_.end();
  if (!is_token(token) || (fresh && mounts_.size() >= limits_.mounts)) {
    out.logs.push_back(line(LogLevel::error,
                            is_token(token) ? "too many mounts: this one is not served"
                                            : "a mount's token is malformed: not served",
                            order.deployment_id()));
    return;
  }
  Entry& entry = fresh ? mounts_[token] : known->second;
  entry.deployment = order.deployment_id();
  entry.plain = order.plain();
  entry.readers.only(order.readers());
  entry.calls.only(order.callers());
  const wire::MountState state = state_for(order, entry, fresh, out);
  if (state == wire::DEAD) {
    abort_streams(token, false, out);
    entry.owed.reset();
    if (entry.state != wire::DEAD) out.effects.emplace_back(KeepReads{token, {}, 0, {}});
  } else {
    entry.owed.reset();  // whoever orders is told, however often it was tried
    make(order, entry, now, out);
    entry.patience = std::chrono::seconds(order.patience_seconds());
  }
  if (state != wire::CLOSED) abort_streams(token, true, out);
  if (std::exchange(entry.state, state) != state && state == wire::LAUNCHED) launch(entry);
  entry.refusal_logged = false;
  adopt_callback(order, entry, out);
  adopt_check(order, entry, out);

  // A mount that is sent again means that the agent may have lost our question: ask again if someone waits.
  entry.launch_asked = false;
  answer_parked(std::exchange(entry.parked, {}), now, out);
}

wire::MountState MediaCore::state_for(const wire::Mount& order, const Entry& entry, bool fresh,
                                      MediaOutcome& out) {
  wire::MountState state = order.state();
  if (state != wire::OPEN && rank_of(state) == 0) state = wire::CLOSED;
  if (fresh || rank_of(state) >= rank_of(entry.state)) return state;
  out.logs.push_back(line(LogLevel::error,
                          "ignored an order to bring a mount from " + wire::MountState_Name(entry.state) +
                              " back to " + wire::MountState_Name(state),
                          entry.deployment));
  return entry.state;
}

void MediaCore::adopt_callback(const wire::Mount& order, Entry& entry, MediaOutcome& out) {
  if (entry.callback_token != order.callback_token()) {
    callbacks_.erase(entry.callback_token);
    entry.callback_token.clear();
  }
  if (is_token(order.callback_token()) &&
      callbacks_.try_emplace(order.callback_token(), order.token()).first->second == order.token()) {
    entry.callback_token = order.callback_token();
  }
  entry.callers.reopen();
  refuse_callers(entry, "the medium has just changed", out);
}

void MediaCore::adopt_check(const wire::Mount& order, Entry& entry, MediaOutcome& out) {
  entry.caller_key = order.caller_key_sha256();
  if (entry.check_token != order.check_token()) {
    checks_.erase(entry.check_token);
    entry.check_token.clear();
    entry.said.clear();
  }
  if (is_token(order.check_token()) &&
      checks_.try_emplace(order.check_token(), order.token()).first->second == order.token())
    entry.check_token = order.check_token();
  refuse_askers(entry, "the medium has just changed", out);
}

/// From here on what is read is remembered, also what was read before.
void MediaCore::launch(Entry& entry) {
  entry.reads.save_all();
  seal_when_booted(entry);
}

void MediaCore::forget(const std::string& token, const Now& now, MediaOutcome& out) {
  const auto found = mounts_.find(token);
  if (found == mounts_.end()) return;
  abort_streams(token, false, out);
  std::vector<Parked> parked = std::move(found->second.parked);
  for (MediaRequest& caller : found->second.callers.give_up())
    parked.push_back({std::move(caller), now.mono});
  for (Asker& asker : found->second.askers) parked.push_back({std::move(asker.request), now.mono});
  checks_.erase(found->second.check_token);
  callbacks_.erase(found->second.callback_token);
  packages_.erase(found->second.packages_token);
  mounts_.erase(found);
  out.effects.emplace_back(KeepReads{token, {}, 0, {}});
  answer_parked(std::move(parked), now, out);
}

void MediaCore::verdict(const wire::LaunchVerdict& verdict, const Now& now, MediaOutcome& out) {
  const auto found = mounts_.find(verdict.token());
  if (found == mounts_.end()) return;
  Entry& entry = found->second;
  entry.launch_asked = false;
  if (entry.state != wire::OPEN) {
    if (verdict.granted() && entry.state != wire::LAUNCHED) {
      out.logs.push_back(
          line(LogLevel::warning,
               "ignored a launch verdict for a mount that is " + wire::MountState_Name(entry.state),
               entry.deployment));
    }
    return;
  }
  std::vector<Parked> parked = std::exchange(entry.parked, {});
  if (verdict.granted()) {
    entry.state = wire::LAUNCHED;
    launch(entry);
    answer_parked(std::move(parked), now, out);
    return;
  }
  for (const Parked& waiting : parked) {
    waiting_.erase(waiting.request.conn);
    refuse_for_now(waiting.request, "the launch was refused", out);
  }
}

void MediaCore::all_mounts(const wire::AllMounts& all, const Now& now, MediaOutcome& out) {
  const std::set<std::string> named(all.tokens().begin(), all.tokens().end());
  std::vector<std::string> strangers;
  for (const auto& [token, entry] : mounts_) {
    if (named.contains(token) || all.others_stay()) continue;
    out.logs.push_back(line(LogLevel::warning,
                            "the agent no longer knows this medium: it is not served any more",
                            entry.deployment));
    strangers.push_back(token);
  }
  for (const std::string& token : strangers) forget(token, now, out);
  agent_there_ = knows_all_ = true;
  for (auto& [token, entry] : mounts_) {
    entry.reads.tell_again();  // what was told to the life before may have died with it
    report_reads(token, entry, now, out);
  }
}

void MediaCore::callback_taken(const std::string& token, MediaOutcome& out) {
  const auto found = mounts_.find(token);
  if (found == mounts_.end()) return;
  for (const MediaRequest& caller : found->second.callers.take()) {
    waiting_.erase(caller.conn);
    out.effects.emplace_back(plain_reply(caller, 204, ""));
  }
}

void MediaCore::installer_answer(const wire::InstallerAnswer& answer, MediaOutcome& out) {
  const auto found = mounts_.find(answer.token());
  if (found == mounts_.end()) return;
  auto& said = found->second.said;
  const auto same = std::ranges::find(said, answer.body_sha256(), &wire::InstallerAnswer::body_sha256);
  if (same == said.end() && said.size() < limits_.parked_per_mount) said.push_back(answer);
  std::erase_if(found->second.askers, [&](const Asker& asker) {
    if (asker.digest != answer.body_sha256()) return false;
    waiting_.erase(asker.request.conn);
    out.effects.emplace_back(decided(asker.request, answer.go(), answer.reason()));
    return true;
  });
}

void MediaCore::abort_streams(const std::string& token, bool beginnings_only, MediaOutcome& out) {
  std::erase_if(streams_, [&](const auto& item) {
    const auto& [conn, stream] = item;
    if (stream.token != token || (beginnings_only && !stream.cut_short)) return false;
    at_guard_.erase(conn);
    out.effects.emplace_back(Abort{conn});
    return true;
  });
}

}  // namespace metalmesh::media
