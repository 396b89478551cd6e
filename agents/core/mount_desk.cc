#include "agents/core/mount_desk.h"

#include <utility>
#include <vector>

#include "agents/core/faults.h"
#include "agents/media/answer/medium_plan.h"
#include "agents/media/mount_url.h"
#include "agents/media/test_medium.h"
#include "common/base/command_words.h"
#include "common/base/digest.h"
#include "common/base/planted.h"
#include "common/families/family_catalogue.h"
#include "common/ports/wire_time.h"

namespace metalmesh::agent {
namespace {

bool is_checked(const record::Job& job) {
  return job.agreed().install().check() != wire::INSTALLER_CHECK_UNSPECIFIED;
}

std::vector<wire::Variable> variables_of(const record::Job& job, const std::string& callback_url) {
  const auto& ordered = job.agreed().install().variables();
  std::vector<wire::Variable> variables(ordered.begin(), ordered.end());
  answer::offer(variables, {.server = job.agreed().server(),
                            .deployment = job.issue().deployment_id(),
                            .callback_url = callback_url});
  return variables;
}

answer::PackagesPlace packages_of(const record::Job& job, const SiteStanding& site) {
  if (!job.has_packages()) return {job.agreed().install().packages().url(), false};
  return {site.packages_url + media::packages_path(job.packages().token()), true};
}

std::optional<answer::Callback> callback_of(const record::Job& job, const std::string& url,
                                            const AgentSettings& settings) {
  if (job.agreed().install().proof().minimum() != wire::PROOF_CALLBACK) return std::nullopt;
  return answer::Callback{url, settings.media_tls ? settings.media_ca : std::string()};
}

std::optional<answer::InstallerCheck> check_of(const record::Job& job, const std::string& url,
                                               const AgentSettings& settings) {
  if (!is_checked(job)) return std::nullopt;
  return answer::InstallerCheck{url, settings.media_tls ? settings.media_ca : std::string(),
                                job.agreed().install().check() == wire::CHECK_REQUIRED};
}

wire::Fault refusal(const record::Job& job, const Error& error) {
  const std::string& profile = job.agreed().install().profile().name();
  if (error.kind == ErrorKind::unsupported) {
    return make_fault(wire::IMAGE_UNSUITABLE, "MEDIA",
                      "image " + job.agreed().install().image().name() +
                          " cannot carry the answer of profile " + profile + ": " + error.message,
                      "use an image of the profile's family, or correct spec.family of image and profile");
  }
  return make_fault(
      wire::TEMPLATE_FAILED, "MEDIA",
      "the answer file of profile " + profile + " cannot be made: " + error.message,
      "correct the profile, or vars and host of profile, site, rollout or server, then order again");
}

/// What a person agreed to was what the family's file said then.
std::optional<wire::Fault> other_family(const record::Job& job, const config::OsFamily& family) {
  const std::string& planned = job.agreed().install().family().sha256();
  if (planned.empty() || planned == families::family_sha256(family)) return std::nullopt;
  return make_fault(wire::TEMPLATE_FAILED, "MEDIA",
                    "OS family " + family.name() +
                        " of this site is not what the order was planned with: its file, "
                        "or the agent's version, is another one",
                    "look at it, then order it again: " + commands::install(job.agreed().server()));
}

wire::Fault no_listener(const record::Job& job) {
  return make_fault(wire::INSERT_REFUSED, "MEDIA",
                    "the BMC at " + job.agreed().bmc().address() +
                        " is to read its medium without TLS, and this site's agent serves none so",
                    "set media.plainListen in the agent's file and restart it, or take media: http from the "
                    "server's BMC or its network");
}

/// The media server must not end a response before this job calls its reader stalled, which may take twice
/// the limit (install/read_watch.h).
std::uint32_t patience_of(const record::Job& job, const AgentSettings& settings) {
  const Duration stall = job.agreed().install().has_stall_after()
                             ? from_wire(job.agreed().install().stall_after())
                             : settings.timeouts.stall;
  return static_cast<std::uint32_t>(std::chrono::ceil<std::chrono::seconds>(2 * stall).count());
}

void send_mount(wire::Mount mount, Outcome& out) {
  MediaSend send;
  *send.command.mutable_mount() = std::move(mount);
  out.emit(std::move(send));
}

wire::MountState second_state(wire::MountState first) {
  return first == wire::LAUNCHED || first == wire::DEAD ? first : wire::CLOSED;
}

}  // namespace

std::string MountDesk::token() { return to_hex(entropy_.secret(token_bytes)); }

std::optional<wire::Fault> MountDesk::prepare(record::Job& job, const MediumMaterials& with,
                                              const SiteStanding& site, Outcome& out) {
  const MediaPlace place = site.media_of(job.agreed().bmc());
  if (place.address.empty()) return no_listener(job);
  job.set_plain_medium(!place.tls);
  if (with.profile_blob == nullptr) {
    renew_tokens(job, out);
    serve(job, with.image, out);
    return std::nullopt;
  }
  const std::string& profile = job.agreed().install().profile().name();
  wire::ProfileContent content;
  if (!content.ParseFromString(*with.profile_blob)) {
    return make_fault(wire::PROFILE_UNAVAILABLE, "MEDIA", "profile " + profile + " does not decode",
                      "apply the profile again, then order again");
  }
  renew_tokens(job, out);
  if (job.callback_token().empty()) job.set_callback_token(token());
  if (is_checked(job) && job.check_token().empty()) job.set_check_token(token());
  const config::OsFamily* family = settings_.families.find(content.family());
  if (family == nullptr) {
    return make_fault(wire::IMAGE_UNSUITABLE, "MEDIA",
                      "profile " + profile + ": " + settings_.families.unknown(content.family()),
                      "correct spec.family of image and profile, or add the family to this site's agent");
  }
  if (auto fault = other_family(job, *family)) return fault;
  const wire::ImageFacts& facts = *with.image;
  serve_packages(job, with.packages);
  const std::string callback_url =
      media::callback_url(site.callback_address, job.callback_token(), settings_.media_tls);
  auto plan = media::plan_medium(
      {.answer = {.family = *family,
                  .profile_template = content.template_(),
                  .variables = variables_of(job, callback_url),
                  .host = job.agreed().install().host(),
                  .packages = packages_of(job, site),
                  .callback = callback_of(job, callback_url, settings_),
                  .check = check_of(
                      job, media::check_url(site.callback_address, job.check_token(), settings_.media_tls),
                      settings_)},
       .recognised = settings_.families.recognise(facts)},
      facts);
  if (!plan) return refusal(job, plan.error());
  job.set_ends_in_restart(family->completion() == "reboot");
  job.set_restarts_expected(family->restarts());
  job.set_answer_sha256(to_hex(sha256(plan->answer)));
  job.set_answer(std::move(plan->answer));
  job.clear_changes();
  for (wire::FileChange& change : plan->changes) *job.add_changes() = std::move(change);
  job.clear_second();
  if (plan->second) {
    *job.mutable_second() = std::move(*plan->second);
    if (job.second_token().empty()) job.set_second_token(token());
  }
  serve(job, &facts, out);
  return std::nullopt;
}

void MountDesk::renew_tokens(record::Job& job, Outcome& out) {
  if (job.mount_state() == wire::DEAD) {
    for (const std::string& token : tokens(job)) forget(token, out);
    job.clear_mount_token();
    job.clear_second_token();
    job.clear_packages();
  }
  if (job.mount_token().empty()) job.set_mount_token(token());
}

void MountDesk::serve(record::Job& job, const wire::ImageFacts* facts, Outcome& out) const {
  if (facts != nullptr) {
    job.set_image_path(facts->path());
    *job.mutable_image_facts() = *facts;
    job.mutable_image_facts()->clear_survey();  // it has served: the job's row is written often
    job.set_media_size(facts->size());
  }
  job.set_mount_state(wire::CLOSED);
  publish(job, out);
}

work::MediaUrls MountDesk::urls(const record::Job& job, const SiteStanding& site) const {
  work::MediaUrls urls;
  const auto [address, tls] = site.media_of(job.agreed().bmc());
  if (address.empty()) return urls;
  urls.medium = media::mount_url(address, job.mount_token(), media::MediumKind::cd, tls);
  urls.base = urls.medium.substr(0, urls.medium.rfind("/m/"));
  if (tls) urls.ca = settings_.media_ca;
  if (!job.has_second()) return urls;
  const bool disk = job.second().format() == wire::SecondMedium::FAT;
  urls.second = media::mount_url(address, job.second_token(),
                                 disk ? media::MediumKind::disk : media::MediumKind::cd, tls);
  return urls;
}

void MountDesk::serve_packages(record::Job& job, const wire::ImageFacts* image) {
  if (image == nullptr) return job.clear_packages();
  wire::PackageTree& tree = *job.mutable_packages();
  if (tree.token().empty()) tree.set_token(token());
  tree.mutable_image()->set_path(image->path());
  tree.mutable_image()->set_size(image->size());
  tree.mutable_image()->set_sha256(image->sha256());
}

void MountDesk::publish(const record::Job& job, Outcome& out) const {
  if (job.mount_token().empty()) return;
  const wire::BmcTarget& bmc = job.agreed().bmc();
  const std::vector<std::string> readers = own_.readers(bmc.address(), bmc.credential());
  wire::Mount mount;
  mount.mutable_readers()->Assign(readers.begin(), readers.end());
  *mount.mutable_callers() = job.agreed().install().proof().callers();
  mount.set_token(job.mount_token());
  mount.set_deployment_id(job.issue().deployment_id());
  if (job.has_image_facts())
    *mount.mutable_image() = job.image_facts();
  else
    *mount.mutable_second() = media::test_medium();
  mount.set_answer(job.answer());
  *mount.mutable_changes() = job.changes();
  mount.set_state(job.mount_state());
  mount.set_callback_token(job.callback_token());
  mount.set_check_token(job.check_token());
  mount.set_caller_key_sha256(job.caller_key_sha256());
  if (job.has_packages()) *mount.mutable_packages() = job.packages();
  mount.set_patience_seconds(patience_of(job, settings_));
  mount.set_sealed(job.sealed());
  mount.set_plain(job.plain_medium());
  send_mount(std::move(mount), out);
  if (!job.has_second()) return;
  wire::Mount second;
  second.set_token(job.second_token());
  second.set_deployment_id(job.issue().deployment_id());
  *second.mutable_second() = job.second();
  second.set_state(second_state(job.mount_state()));
  second.mutable_readers()->Assign(readers.begin(), readers.end());
  second.set_plain(job.plain_medium());
  send_mount(std::move(second), out);
}

std::vector<std::string> MountDesk::tokens(const record::Job& job) {
  std::vector<std::string> tokens;
  if (!job.mount_token().empty()) tokens.push_back(job.mount_token());
  if (!job.second_token().empty()) tokens.push_back(job.second_token());
  return tokens;
}

void MountDesk::forget(const std::string& token, Outcome& out) {
  MediaSend send;
  send.command.set_forget(token);
  out.emit(std::move(send));
}

std::optional<std::string> MountDesk::why_not_launch(const record::Job& job, const FenceTable& fences) {
  if (job.ended()) return "the job has ended";
  if (job.cancel_asked()) return "the order was cancelled";
  if (!job.armed()) return "the job is not armed: the server booted our medium by itself";
  if (job.mount_state() != wire::OPEN) return "the medium is " + wire::MountState_Name(job.mount_state());
  if (!fences.holds(job.agreed().identity(), job.issue().generation())) {
    return "generation " + std::to_string(job.issue().generation()) + " of this machine is fenced";
  }
  return std::nullopt;
}

bool MountDesk::expired(const record::Job& job, const Now& now) {
  return now.wall_high >= from_wire(job.issue().launch_by()) && !planted(Defect::expiry_ignored);
}

bool MountDesk::surely_expired(const record::Job& job, const Now& now) {
  return now.wall_low >= from_wire(job.issue().launch_by()) && !planted(Defect::expiry_ignored);
}

void MountDesk::verdict(const std::string& token, bool granted, Outcome& out) {
  MediaSend send;
  send.command.mutable_verdict()->set_token(token);
  send.command.mutable_verdict()->set_granted(granted);
  out.emit(std::move(send));
}

}  // namespace metalmesh::agent
