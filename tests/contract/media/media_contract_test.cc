// The media suite on the real server behind its real link, and on the one of the simulation.
#include "tests/contract/media/media_contract.h"

#include <future>
#include <thread>

#include "agents/media/image_probe.h"
#include "agents/media/server/agent_door.h"
#include "agents/media/server/file_reader.h"
#include "agents/media/server/media_client.h"
#include "agents/media/server/media_server.h"
#include "common/os/clocks.h"
#include "tests/contract/media/media_bench.h"
#include "tests/contract/support/collecting_sink.h"
#include "tests/contract/support/processes.h"
#include "tests/contract/support/puppet_node.h"
#include "tests/sim/sim_media.h"

namespace metalmesh::contract {
namespace {

std::vector<Event> events_in(const std::vector<Input>& inputs) {
  std::vector<Event> events;
  for (const Input& input : inputs) {
    if (const auto* reported = std::get_if<MediaReported>(&input)) events.push_back(reported->event);
  }
  return events;
}

class ProcessWorld final : public MediaWorld {
 public:
  ProcessWorld() {
    auto reader = media::FileReader::open(media::test::installer_iso());
    facts_ = *media::probe_image(*reader);
    facts_.set_path(media::test::installer_iso());
    server_comes();
    agent_comes();
  }
  ~ProcessWorld() override {
    agent_ends();
    server_ends();
  }
  ProcessWorld(const ProcessWorld&) = delete;
  ProcessWorld& operator=(const ProcessWorld&) = delete;
  wire::ImageFacts facts() override { return facts_; }
  void send(wire::MediaCommand command) override { agent_->send({std::move(command)}); }
  std::vector<Event> told() override { return events_in(sink_->all()); }
  std::size_t read(const std::string& path, std::uint64_t offset, std::uint64_t length) override {
    return ask("GET " + path + " HTTP/1.1\r\nHost: x\r\nRange: bytes=" + std::to_string(offset) + "-" +
               std::to_string(offset + length - 1) + "\r\nConnection: close\r\n\r\n");
  }
  std::size_t call(const std::string& path) override {
    return ask("POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  }
  std::optional<Got> got(std::size_t request) override {
    if (readers_[request].wait_for(std::chrono::seconds(0)) != std::future_status::ready) return std::nullopt;
    return readers_[request].get();
  }
  bool wait(const std::function<bool()>& done) override {
    const MonoTime last = os::boot_time() + 20s;
    while (!done()) {
      if (os::boot_time() > last) return false;
      std::this_thread::sleep_for(5ms);
    }
    return true;
  }
  void pass(Duration time) override { std::this_thread::sleep_for(time); }
  void agent_ends() override { agent_.reset(); }
  void agent_comes() override {
    sink_ = std::make_unique<CollectingSink>();
    agent_ = std::make_unique<media::MediaClient>(folder_ / "data", *sink_, log_);
  }
  void server_ends() override {
    if (door_) door_->close();
    server_.reset();
    door_.reset();
  }
  void server_comes() override {
    auto door = media::AgentDoor::open(folder_ / "data", log_);
    ASSERT_TRUE(door) << door.error().message;
    door_ = std::move(*door);
    media::MediaServerOptions options;
    options.listen = "127.0.0.1:0";
    options.tls = false;
    options.memory = folder_ / "data";
    auto server = media::MediaServer::start(options, *door_, log_);
    ASSERT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
    door_->serve(*server_);
  }

 private:
  std::size_t ask(const std::string& head) {
    const std::string& address = server_->address();
    const auto port = static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
    readers_.push_back(std::async(std::launch::async, [head, port]() -> Got {
      RawSocket socket(port);
      socket.send(head);
      const std::string reply = socket.read_until({}, 15s);
      const auto body = reply.find("\r\n\r\n");
      if (!reply.starts_with("HTTP/1.1 ") || body == std::string::npos) return {};
      return {std::stoi(reply.substr(9, 3)), reply.substr(body + 4)};
    }));
    return readers_.size() - 1;
  }

  media::test::ScratchFolder folder_;
  media::test::QuietLog log_;
  wire::ImageFacts facts_;
  std::unique_ptr<CollectingSink> sink_;
  std::vector<std::shared_future<Got>> readers_;
  std::unique_ptr<media::AgentDoor> door_;
  std::unique_ptr<media::MediaServer> server_;
  std::unique_ptr<media::MediaClient> agent_;
};

class SimulatedWorld final : public MediaWorld {
 public:
  SimulatedWorld() { media_.start(); }
  wire::ImageFacts facts() override { return sim::image_facts(std::string(64, 'a')); }
  void send(wire::MediaCommand command) override { node_.tell(MediaSend{std::move(command)}); }
  std::vector<Event> told() override { return events_in(node_.inputs()); }
  std::size_t read(const std::string& path, std::uint64_t offset, std::uint64_t length) override {
    media_.read(path, "10.0.0.1", offset, length, false,
                [this, at = got_.size()](int status, const std::string& bytes, std::uint64_t) {
                  got_[at] = Got{status, bytes};
                });
    got_.emplace_back();
    return got_.size() - 1;
  }
  std::size_t call(const std::string& path) override {
    media_.callback(path, "10.0.0.1", [this, at = got_.size()](int status) { got_[at] = Got{status, {}}; });
    got_.emplace_back();
    return got_.size() - 1;
  }
  std::optional<Got> got(std::size_t request) override { return got_[request]; }
  bool wait(const std::function<bool()>& done) override { return node_.wait(done); }
  void pass(Duration time) override { node_.pass(time); }
  void agent_ends() override { node_.stop(); }
  void agent_comes() override { node_.revive(); }
  void server_ends() override { media_.crash(); }
  void server_comes() override { media_.start(); }

 private:
  sim::Surroundings around() {
    sim::Surroundings around;
    around.media = [this](const wire::MediaCommand& command) { media_.send(command); };
    around.came_up = [this](sim::Surroundings::Deliver deliver) { media_.agent_up(std::move(deliver)); };
    around.went_down = [this] { media_.agent_down(); };
    return around;
  }

  sim::EventQueue events_;
  sim::Trace trace_{false};
  std::vector<std::optional<Got>> got_;
  sim::SimMedia media_{"media", events_, trace_, Random(11), [](const std::string&) {}};
  PuppetNode node_{events_, around()};
};

INSTANTIATE_TEST_SUITE_P(
    MediaServers, MediaContract,
    testing::Values(MediaWorldKind{"process", [] { return std::make_unique<ProcessWorld>(); }},
                    MediaWorldKind{"simulated", [] { return std::make_unique<SimulatedWorld>(); }}),
    [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace metalmesh::contract
