#include "tests/bmcsim/model/media_slots.h"

#include <utility>

#include "common/base/digest.h"
#include "tests/bmcsim/model/replies.h"

namespace metalmesh::bmcsim {
namespace json = boost::json;
namespace {

constexpr std::string_view insert_action = "/Actions/VirtualMedia.InsertMedia";
constexpr std::string_view eject_action = "/Actions/VirtualMedia.EjectMedia";
constexpr std::string_view cd_certificates = "/Cd/Certificates";
constexpr Duration task_takes = std::chrono::milliseconds(300);

}  // namespace

std::string MediaSlots::root() const {
  return std::string(service_root) +
         (options_.media_under_systems ? "/Systems/1/VirtualMedia" : "/Managers/1/VirtualMedia");
}

RedfishReply MediaSlots::answer(const RedfishRequest& request, const std::string& path, MonoTime now) {
  const std::string rest = path.substr(root().size());
  const bool second_cd = options_.second_slot == SecondSlot::cd;
  if (rest.empty() && reads(request)) {
    std::vector<std::string> members{root() + "/Cd", root() + "/Usb"};
    if (second_cd) members.push_back(root() + "/Cd2");
    return json_reply(collection(root(), "VirtualMediaCollection", "Virtual Media", members));
  }
  if (rest == "/Cd" && reads(request)) return slot(rest, {"CD", "DVD"}, shown(now), true);
  if (rest == "/Cd" + std::string(insert_action) && request.method == "POST") return insert(request, now);
  if (rest == "/Cd" + std::string(eject_action) && request.method == "POST") return eject(now);
  if (options_.slot_has_certificates && rest.starts_with(cd_certificates))
    return certificates(request, rest.substr(cd_certificates.size()));
  const std::string extra = second_cd ? "/Cd2" : options_.second_slot == SecondSlot::usb ? "/Usb" : "none";
  if (rest.starts_with(extra)) return second(request, rest.substr(extra.size()), now);
  if (rest == "/Usb" && reads(request)) return slot(rest, {"USBStick"}, {}, false);
  return no_such_resource();
}

RedfishReply MediaSlots::slot(const std::string& rest, const std::vector<std::string>& types,
                              const std::string& url, bool takes_urls) const {
  const std::string path = root() + rest;
  json::object value{{"@odata.id", path},
                     {"@odata.type", "#VirtualMedia.v1_6_0.VirtualMedia"},
                     {"Id", rest.substr(1)},
                     {"Name", "Virtual " + rest.substr(1)},
                     {"MediaTypes", json::array(types.begin(), types.end())},
                     {"Inserted", !url.empty()},
                     {"WriteProtected", true},
                     {"ConnectedVia", url.empty() ? "NotConnected" : "URI"},
                     {"Image", url.empty() ? json::value(nullptr) : json::value(url)},
                     {"ImageName", nullptr}};
  if (takes_urls) {
    value["Actions"] = {{"#VirtualMedia.InsertMedia", {{"target", path + std::string(insert_action)}}},
                        {"#VirtualMedia.EjectMedia", {{"target", path + std::string(eject_action)}}}};
  }
  if (options_.slot_has_certificates && rest == "/Cd") {
    value["VerifyCertificate"] = true;
    value["Certificates"] = link(root() + std::string(cd_certificates));
  }
  return json_reply(std::move(value), 200, "\"" + to_hex(sha256(url)).substr(0, 12) + "\"");
}

RedfishReply MediaSlots::certificates(const RedfishRequest& request, const std::string& rest) {
  const std::string path = root() + std::string(cd_certificates);
  if (rest.empty() && request.method == "POST") {
    std::string pem = string_at(parse_body(request.body), "CertificateString");
    if (!pem.starts_with("-----BEGIN CERTIFICATE-----"))
      return error_reply(400, "PropertyValueFormatError", "CertificateString must be a certificate in PEM");
    certificates_.push_back(std::move(pem));
    RedfishReply made = json_reply(json::object{}, 201);
    made.headers.emplace_back("Location", path + "/" + std::to_string(certificates_.size()));
    return made;
  }
  if (rest.empty() && reads(request)) {
    std::vector<std::string> members;
    for (std::size_t i = 1; i <= certificates_.size(); ++i) members.push_back(path + "/" + std::to_string(i));
    return json_reply(collection(path, "CertificateCollection", "Certificates", members));
  }
  const auto index = static_cast<std::size_t>(std::atoi(rest.c_str() + (rest.empty() ? 0 : 1)));
  if (!reads(request) || index < 1 || index > certificates_.size()) return no_such_resource();
  return json_reply({{"@odata.id", path + rest},
                     {"@odata.type", "#Certificate.v1_6_0.Certificate"},
                     {"Id", std::to_string(index)},
                     {"Name", "CA"},
                     {"CertificateType", "PEM"},
                     {"CertificateString", certificates_[index - 1]}});
}

RedfishReply MediaSlots::second(const RedfishRequest& request, const std::string& rest, MonoTime now) {
  const bool usb = options_.second_slot == SecondSlot::usb;
  if (rest.empty() && reads(request)) {
    return usb ? slot("/Usb", {"USBStick"}, host_.second_url(), true)
               : slot("/Cd2", {"CD", "DVD"}, host_.second_url(), true);
  }
  if (rest == insert_action && request.method == "POST") {
    const auto image = string_at(parse_body(request.body), "Image");
    const std::string_view ending = usb ? ".img" : ".iso";
    if (!image.ends_with(ending)) {
      return error_reply(400, "ActionParameterValueFormatError",
                         "Image must be a URL that ends in " + std::string(ending));
    }
    if (!host_.second_url().empty()) return error_reply(409, "ResourceInUse", "a medium is inserted already");
    if (!host_.insert_result()) return error_reply(409, "ResourceInUse", "a medium is being inserted");
    host_.insert_second(now, image);
    return inserting(now);
  }
  if (rest == eject_action && request.method == "POST") {
    if (host_.second_url().empty()) return error_reply(400, "ActionNotSupported", "nothing is inserted");
    host_.eject_second(now);
    return no_content();
  }
  return no_such_resource();
}

const std::string& MediaSlots::shown(MonoTime now) const {
  return now < shown_until_ ? shown_url_ : host_.media_url();
}

void MediaSlots::changes(MonoTime now) {
  shown_url_ = host_.media_url();
  shown_until_ = now + options_.slot_lag;
}

void MediaSlots::restart(MonoTime now) {
  shown_until_ = now;
  accepted_.clear();
}

RedfishReply MediaSlots::insert(const RedfishRequest& request, MonoTime now) {
  const auto image = string_at(parse_body(request.body), "Image");
  if (image.empty()) return error_reply(400, "ActionParameterMissing", "Image is needed");
  if (!image.ends_with(".iso") || image.find_first_of("?=") != std::string::npos) {
    return error_reply(400, "ActionParameterValueFormatError", "Image must be a plain URL that ends in .iso");
  }
  if (options_.insert_time > Duration::zero()) {
    accepted_.push_back({now + options_.insert_time, image});
    return no_content();
  }
  if (host_.media_inserted()) return error_reply(409, "ResourceInUse", "a medium is inserted already");
  if (!host_.insert_result()) return error_reply(409, "ResourceInUse", "a medium is being inserted");
  changes(now);
  host_.insert(now, image);
  return inserting(now);
}

/// Answers an insertion that has begun.
RedfishReply MediaSlots::inserting(MonoTime now) {
  const bool under_way = !host_.insert_result();
  if (!options_.async_insert && !under_way) return no_content();
  if (under_way) return tasks_.begin({.ends = Task::Ends::with_host}, now);
  return tasks_.begin({.due = now + task_takes}, now);
}

RedfishReply MediaSlots::eject(MonoTime now) {
  if (!host_.media_inserted()) return error_reply(400, "ActionNotSupported", "nothing is inserted");
  changes(now);
  host_.eject(now);
  return no_content();
}

void MediaSlots::advance(MonoTime now) {
  for (; !accepted_.empty() && accepted_.front().due <= now; accepted_.pop_front()) {
    if (host_.media_inserted()) host_.eject(now);
    changes(now);
    host_.insert(now, std::move(accepted_.front().url));
  }
}

std::optional<MonoTime> MediaSlots::next_due() const {
  if (accepted_.empty()) return std::nullopt;
  return accepted_.front().due;
}

}  // namespace metalmesh::bmcsim
