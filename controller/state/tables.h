// Where each kind of row lives: one prefix per table, names behind it. Names never contain '/', so
// prefixes cannot run into each other. Streams of delivery/ have their own prefixes here too.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace metalmesh::controller::tables {

inline constexpr std::string_view controller = "c";         // record::Controller, one row
inline constexpr std::string_view clock = "t";              // record::Clock, one row
inline constexpr std::string_view lives = "l";              // record::LedgerLives, one row
inline constexpr std::string_view all_objects = "o/";       // what the next ones begin with
inline constexpr std::string_view sites = "o/site/";        // rest::Site
inline constexpr std::string_view credentials = "o/cred/";  // rest::Credential
inline constexpr std::string_view servers = "o/server/";    // rest::Server
inline constexpr std::string_view images = "o/image/";      // rest::Image
inline constexpr std::string_view profiles = "o/profile/";  // rest::Profile, newest version
inline constexpr std::string_view versions = "o/version/";  // rest::Profile by "name@version"
inline constexpr std::string_view rollouts = "o/rollout/";  // rest::Rollout
inline constexpr std::string_view users = "o/user/";        // rest::User
inline constexpr std::string_view plans = "p/";             // rest::PlanPage by "rollout/number"
inline constexpr std::string_view deployments = "d/";       // rest::Deployment
inline constexpr std::string_view orders = "x/order/";      // record::Order by deployment
inline constexpr std::string_view fences = "x/fence/";      // record::OwedFence by deployment
inline constexpr std::string_view links = "x/link/";        // record::SiteLink by site
inline constexpr std::string_view wishes = "x/wish/";       // record::InspectWish by "site/server"
inline constexpr std::string_view machines = "m/";          // record::Machine by id
inline constexpr std::string_view generations = "g/";       // record::Generation by machine key
inline constexpr std::string_view answers = "i/";           // record::IdempotentAnswer by actor and key
inline constexpr std::string_view blobs = "b/";             // raw bytes by SHA-256 (hex)
inline constexpr std::string_view transcripts = "u/";  // raw bytes, by deployment, SHA-256 (hex) and piece
inline constexpr std::string_view inventories = "n/";  // rest::ServerInventory by server
inline constexpr std::string_view events = "e/";       // rest::LogEvent by id, big endian
inline constexpr std::string_view tokens = "y/";       // record::Token by SHA-256 (hex)
inline constexpr std::string_view paces = "w/";        // record::StartPace by "kind/name"
inline constexpr std::string_view glass = "v/";        // rest::BreakGlass by server
inline constexpr std::string_view last_glass = "v";    // record::GlassBroken, one row
inline constexpr std::string_view tombstones = "k/";   // record::Tombstone by "kind/name"

inline constexpr std::string_view applying =
    "a";  // rest::LogEvent, one row: who decided what the next ones hold
inline constexpr std::string_view applied =
    "q/";  // objects by "number/Kind", to be carried out when `applying` is there

inline constexpr std::string_view damaged = "z/";  // record::DamagedRow by row (printable)
inline constexpr std::string_view found = "zz/";   // what lay there, as it lay, by row; for people only

std::string row(std::string_view table, std::string_view name);
/// First key behind every row of `table`.
std::string end_of(std::string_view table);

std::string command_stream(std::string_view site);  // prefix for delivery::StreamSender
std::string event_stream(std::string_view site);    // key for delivery::StreamReceiver
std::string side_stream(std::string_view site,
                        std::string_view journal);                    // the same for one that is not followed
std::string plan_page(std::string_view rollout, std::size_t number);  // its row; pages sort by number
/// The rollout and number of the page whose row this is.
std::optional<std::pair<std::string, std::size_t>> plan_page_at(std::string_view key);
std::string version_name(std::string_view profile, std::uint64_t version);  // "rocky-base@7"

}  // namespace metalmesh::controller::tables
