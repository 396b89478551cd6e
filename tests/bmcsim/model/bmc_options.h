// What one simulated BMC is, and what is wrong with it. Everything can be changed while it runs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/time.h"

namespace metalmesh::bmcsim {

/// The calls a test may want to disturb. Every other request is read-only.
enum class Op { read, login, logout, insert, eject, patch_boot, reset, manager_reset };
std::string_view to_string(Op op);
bool parse_op(std::string_view text, Op& op);

/// One disturbance: the `nth` matching call from now on (1 = the next one) and, with `times`, the following
/// ones too.
struct FaultRule {
  Op op = Op::insert;
  std::string reset_type;  // with Op::reset: only this ResetType ("" = any)
  /// `before`: the effect does not happen. `after`: it happens, the answer is lost or replaced.
  enum class When { before, after } when = When::before;
  /// drop: the connection ends without an answer. status: answer with `status`. kill: like drop, and the
  /// owner of the model is told (it kills a process: the agent dies around exactly this call). hold: it has
  /// its effect, and its answer waits until the model lets go.
  enum class Action { drop, status, kill, hold } action = Action::drop;
  int status = 503;
  std::uint32_t nth = 1;
  std::uint32_t times = 1;
};

/// What the BMC itself reads of an image, when it is told to insert it.
enum class InsertReads {
  volume_descriptor,  // a range, whatever the answer
  beginning,          // without a range; gives up on anything but 2xx
  everything,         // without a range, all of it, before it calls it inserted
};

/// What else takes a URL, beside the slot for a CD.
enum class SecondSlot { none, cd, usb };

struct BmcOptions {
  std::string name;  // for logs and control, not seen by Redfish clients
  std::string uuid;
  std::string serial;
  std::vector<std::string> macs;
  std::string user = "admin";
  std::string password = "password";

  bool media_under_systems = true;  // else under Managers
  bool has_virtual_media = true;
  SecondSlot second_slot = SecondSlot::none;
  bool slot_has_certificates = false;  // of its own, by which it would verify where media come from
  bool boot_progress = false;          // most BMCs do not report it
  std::uint32_t memory_gib = 0;        // 0: it tells nothing of its memory
  bool require_if_match = false;       // 428 for a PATCH without If-Match
  bool async_insert = false;           // InsertMedia answers 202 and a task
  std::uint32_t max_sessions = 8;

  Duration restart_time = std::chrono::seconds(10);        // the BMC is away when it is told to restart
  Duration power_time = std::chrono::milliseconds(200);    // Off <-> On
  Duration post_time = std::chrono::milliseconds(300);     // power-on until the boot source is chosen
  Duration install_time = std::chrono::seconds(2);         // reading and writing
  Duration os_boot_time = std::chrono::milliseconds(500);  // disk boot until the callback
  Duration media_give_up =
      std::chrono::seconds(30);  // a reader retries this long, then the boot or install dies
  Duration media_retry = std::chrono::milliseconds(500);
  Duration callback_retry = std::chrono::seconds(1);
  std::uint64_t read_chunk = 256 * 1024;

  bool powered_on = false;
  bool disk_has_os = false;      // an older system
  bool falls_back_to_cd = true;  // firmware boots the CD by itself when the disk is empty
  bool cd_first = false;         // firmware boots the CD before the disk, whatever the override says
  bool reboots_at_end = false;   // the installer reboots instead of powering off
  std::uint32_t passes = 0;      // it goes on from the disk so many times, after a restart each
  bool looks_at_media =
      false;              // firmware reads the beginning of what is inserted at each start, whatever it boots
  std::string boot_mark;  // what a medium begins with that firmware can start; empty: any
  bool waits_at_launch = false;  // the installer does nothing more until this is false again
  bool asks_first =
      false;  // its installers run the lines that ask for a go (common/answer/installer_check.h)
  const BmcOptions* behind = nullptr;  // the machine that its media reach, where a cable was swapped
  bool calls_back = true;              // the installed system POSTs to the callback URL of its answer file

  // What is wrong with it.
  bool unreachable = false;            // connections are closed before a byte
  bool once_ignored = false;           // accepts the override, boots the disk
  Duration slot_lag{};                 // a slot shows its old content this long after a change
  bool never_reads = false;            // says Inserted, never opens the URL
  std::uint32_t stops_reading_at = 0;  // percent; 0 = reads to the end
  std::uint32_t tls_key = 1;           // which of the two keys it presents
  bool tls_1_0_only = false;
  bool distrusts_media = false;  // ends TLS with the media server: an unknown CA
  Duration insert_time{};        // from the answer to InsertMedia until it is inserted
  InsertReads insert_reads = InsertReads::volume_descriptor;
  std::uint32_t power_cut_at = 0;  // percent read by an installer: the host loses power; 0 = never
  Duration power_cut_for{};        // and comes back by itself after this; zero: stays off
};

}  // namespace metalmesh::bmcsim
