// The controller's two connections to the broker as one bus: that of the sites, and that of tools and dashboards, so that who
// floods the one does not fill the other's queues. The core hears of the first alone whether it is there.
#pragma once

#include <memory>
#include <utility>

#include "common/ports/bus.h"
#include "common/ports/sink.h"
#include "controller/api/tool_topics.h"

namespace metalmesh::controller {

/// What comes over the connection of tools: requests, and nothing else.
class ToolSink final : public Sink {
 public:
  /// Must outlive it.
  explicit ToolSink(Sink& sink) : sink_(sink) {}
  void deliver(Input input) override {
    const auto* message = std::get_if<MessageArrived>(&input);
    if (message != nullptr && tool_topics::is_of_tools(message->topic)) sink_.deliver(std::move(input));
  }

 private:
  Sink& sink_;
};

/// What comes over the connection of the sites: no word of a tool.
class SiteSink final : public Sink {
 public:
  explicit SiteSink(Sink& sink) : sink_(sink) {}
  void deliver(Input input) override {
    const auto* message = std::get_if<MessageArrived>(&input);
    if (message == nullptr || !tool_topics::is_of_tools(message->topic)) sink_.deliver(std::move(input));
  }

 private:
  Sink& sink_;
};

class ToolBus final : public Bus {
 public:
  /// `tools`: none where tools are not heard over the broker.
  ToolBus(std::unique_ptr<Bus> sites, std::unique_ptr<Bus> tools)
      : sites_(std::move(sites)), tools_(std::move(tools)) {}
  void publish(Publish message) override {
    Bus* bus = tool_topics::is_of_tools(message.topic) ? tools_.get() : sites_.get();
    if (bus != nullptr) bus->publish(std::move(message));
  }

 private:
  std::unique_ptr<Bus> sites_;
  std::unique_ptr<Bus> tools_;
};

}  // namespace metalmesh::controller
