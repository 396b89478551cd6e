// The ComputerSystem resource: what it shows of the host, its boot override and its Reset action.
#pragma once

#include <boost/json/value.hpp>
#include <string>

#include "tests/bmcsim/model/host.h"
#include "tests/bmcsim/model/redfish_message.h"

namespace metalmesh::bmcsim {

class ComputerSystem {
 public:
  /// References must outlive it.
  ComputerSystem(const BmcOptions& options, Host& host) : options_(options), host_(host) {}

  /// GET, HEAD or PATCH of the resource itself; `media` is where its slots are, empty when elsewhere.
  RedfishReply answer(const RedfishRequest& request, const std::string& media, MonoTime now);
  RedfishReply reset(const RedfishRequest& request, MonoTime now);
  /// The host starts: an override for once that is not the medium's is used up.
  void started(MonoTime now);

  // ---- truth
  [[nodiscard]] bool light_on() const { return light_on_; }

 private:
  [[nodiscard]] RedfishReply read(const std::string& media) const;
  RedfishReply patch(const RedfishRequest& request, MonoTime now);
  [[nodiscard]] std::string etag() const;

  const BmcOptions& options_;
  Host& host_;
  RedfishReply patch_boot(const boost::json::value& boot, MonoTime now);

  std::uint64_t boot_version_ = 1;
  bool light_on_ = false;
  bool setup_once_ = false;
};

}  // namespace metalmesh::bmcsim
