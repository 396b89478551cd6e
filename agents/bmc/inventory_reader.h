// What the machine is made of and how it is set up: read for people, never needed. What cannot be read is named and left
// out; nothing here makes an inspection fail. At most `most_requests` more are asked than who the machine is took:
// collections come with their members where the BMC offers that (then some 12 requests), else one by one.
#pragma once

#include <deque>
#include <string>

#include "agents/bmc/discovery.h"
#include "schemas/wire/inventory.pb.h"

namespace metalmesh::bmc {

class InventoryReader {
 public:
  static constexpr int most_requests = 80;

  /// After the system and its managers were found.
  Verdict read(Turn& turn, Line& line, const Discovery& discovery);
  /// As far as it was read.
  [[nodiscard]] const wire::Inventory& seen() const { return seen_; }

 private:
  enum class Part : std::uint8_t {
    secure_boot,
    bios,
    protocols,
    certificates,
    certificate,
    licence_service,
    licences,
    licence,
    processors,
    processor,
    storages,
    storage,
    controllers,
    controller,
    drive,
    volumes,
    volume,
  };
  /// A resource that is still to be read.
  struct Errand {
    Part part{};
    std::string path;
    std::string of{};  // the storage it belongs to
  };
  void begin(const Discovery& discovery);
  void want(Part part, std::string path, std::string of = {});
  void take(const Errand& errand, const HttpReplied& reply);
  void take_members(const Errand& errand, const HttpReplied& reply);
  void unread(const std::string& what);

  bool begun_ = false;
  bool expands_ = false;
  int requests_ = 0;
  std::deque<Errand> errands_;
  wire::Inventory seen_;
};

}  // namespace metalmesh::bmc
