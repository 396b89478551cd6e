// From objects to what a server is to become. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/answer/answer_order.h"
#include "controller/core/field_rules.h"
#include "controller/state/mesh_state.h"
#include "schemas/wire/order.pb.h"

namespace metalmesh::controller {

/// From where the callback of a new system counts; none: from anywhere, because its profile says so or nobody knows its
/// addresses.
std::vector<std::string> callback_networks(const rest::ProfileProof& proof, const wire::Host& host);
/// What to do with a host that is on, as specs say it.
wire::PowerPolicy power_policy(const std::string& powered_on);
/// An image as it is agreed to: where it comes from may change.
wire::ImageRef without_urls(wire::ImageRef image);

/// "name@version"
std::string version_of(const rest::Profile& profile);

/// What the answer file may use: profile < site < rollout < server, later ones win; plus `hostname`.
std::map<std::string, std::string> order_variables(const MeshState& mesh, const rest::Profile& profile,
                                                   const rest::RolloutSpec& rollout,
                                                   const rest::Server& server);

/// What the server is to become: profile < site < rollout < server, with roles as they were written. Normalised, unless it
/// is wrong (plans leave such out).
wire::Host order_host(const MeshState& mesh, const rest::Profile& profile, const rest::RolloutSpec& rollout,
                      const rest::Server& server);

/// The image is there, and for the profile's family.
rules::Verdict check_image(const MeshState& mesh, const rest::Profile& profile, const std::string& image);

/// As the site will render it; words in [] stand for what only the site knows. `profile` has its template, `host` no roles
/// any more (install_roles.h).
answer::AnswerOrder answer_order(const MeshState& mesh, const rest::Profile& profile,
                                 const rest::RolloutSpec& rollout, const rest::Server& server,
                                 const config::OsFamily& family, wire::Host host);
/// Whether the site renders by another file of this family than `family`, or did not say.
bool site_has_another(const MeshState& mesh, const std::string& site, const config::OsFamily& family);

/// `host` has no roles any more.
wire::Install install_of(const MeshState& mesh, const rest::RolloutSpec& rollout,
                         const rest::Profile& profile, const rest::Server& server, wire::Host host);

}  // namespace metalmesh::controller
