#include "controller/api/cloud_event.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/string_view.hpp>
#include <utility>

#include "common/ports/wire_time.h"
#include "common/text/letters.h"
#include "controller/api/json_encode.h"
#include "controller/api/tool_topics.h"

namespace metalmesh::controller {
namespace {

/// A frame takes 64 KiB: what would not fit is not sent along, but where it is to be read.
constexpr std::size_t data_most = 60U << 10;

std::string quoted(std::string_view text) {
  return boost::json::serialize(boost::json::string_view(text.data(), text.size()));
}

std::string attribute(std::string_view name, std::string_view value) {
  return ",\"" + std::string(name) + "\":" + quoted(value);
}

/// The type becomes a part of a topic: whatever it is, it must not reach into another.
std::string topic_word(std::string_view type) {
  const bool plain = !type.empty() && type.size() <= 64 && std::ranges::all_of(type, [](char c) {
    return is_lower(c) || is_digit(c) || c == '.' || c == '_' || c == '-';
  });
  return plain ? std::string(type) : "other";
}

std::string subject_of(const rest::LogEvent& event) {
  if (!event.server().empty()) return "servers/" + event.server();
  if (!event.rollout().empty()) return "rollouts/" + event.rollout();
  return event.site().empty() ? std::string() : "sites/" + event.site();
}

}  // namespace

CloudEvent CloudEvent::of(const rest::LogEvent& event) {
  CloudEvent told;
  const std::string type = topic_word(event.type());
  told.id_ = event.id();
  told.below_ = std::string(tool_topics::events) + type;
  told.attributes_ = attribute("source", "/api/v1/events") + attribute("type", "metalmesh.event." + type);
  if (event.has_at())
    told.attributes_ += attribute("time", google::protobuf::util::TimeUtil::ToString(event.at()));
  if (const std::string subject = subject_of(event); !subject.empty())
    told.attributes_ += attribute("subject", subject);
  told.data_ = encode_json(event);
  if (told.data_.size() > data_most) {
    told.data_.clear();
    told.attributes_ += attribute("dataref", "/api/v1/events");
  }
  return told;
}

CloudEvent CloudEvent::of_rollout(const std::string& name, const std::string& position, bool deleted,
                                  WallTime at, std::string data) {
  CloudEvent told;
  told.id_ = position;
  told.below_ = std::string(tool_topics::rollouts) + name;
  told.attributes_ = attribute("source", "/api/v1/changes") +
                     attribute("type", deleted ? "metalmesh.rollout.deleted" : "metalmesh.rollout.changed") +
                     attribute("subject", "rollouts/" + name);
  if (at != WallTime())
    told.attributes_ += attribute("time", google::protobuf::util::TimeUtil::ToString(to_wire(at)));
  told.data_ = std::move(data);
  if (told.data_.size() > data_most) {
    told.data_.clear();
    told.attributes_ += attribute("dataref", "/api/v1/rollouts/" + name);
  }
  return told;
}

Publish CloudEvent::to(const std::string& user, std::string_view previous) const {
  std::string json = "{\"specversion\":\"1.0\"" + attribute("id", id_) + attributes_;
  if (!previous.empty()) json += attribute("previousid", previous);
  if (!data_.empty()) json += ",\"datacontenttype\":\"application/json\",\"data\":" + data_;
  return {std::string(tool_topics::root) + user + "/" + below_, json + "}"};
}

}  // namespace metalmesh::controller
