// The HTTP suite on libcurl over loopback, and on a node of the simulation. On both sides the same model of a BMC
// answers.
#include "tests/contract/http_client/http_contract.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <thread>

#include "common/adapters/curl_client.h"
#include "common/adapters/http_server.h"
#include "common/os/clocks.h"
#include "tests/bmcsim/model/bmc_model.h"
#include "tests/contract/http_client/scripted_server.h"
#include "tests/contract/support/collecting_sink.h"
#include "tests/contract/support/processes.h"
#include "tests/contract/support/puppet_node.h"
#include "tests/contract/support/test_pki.h"
#include "tests/sim/sim_bmcs.h"

namespace metalmesh::contract {
namespace {

using Peer = HttpWorld::Peer;

constexpr char credential[] = "rack";
constexpr char password[] = "the rack's password";
const std::string no_key(64, 'f');

void make_peer(Peer peer, bmcsim::BmcModel& model) {
  model.set_fault("two_link_headers");
  if (peer == Peer::slow) model.set_fault("slow_40s");
  if (peer == Peer::slams) model.set_fault("silent");
  if (peer == Peer::old_tls) model.set_fault("tls_1_0_only");
  if (peer == Peer::cuts)
    model.add_fault({.op = bmcsim::Op::login, .action = bmcsim::FaultRule::Action::drop, .times = 1000});
}

bool is_answer(const Input& input) {
  return std::holds_alternative<HttpReplied>(input) || std::holds_alternative<HttpFailed>(input);
}

std::vector<std::string> what_was_asked(const bmcsim::BmcModel& model) {
  std::vector<std::string> all;
  for (const auto& one : model.asked()) all.push_back(one.what);
  return all;
}

/// The model of a BMC on our own server; what it would say after long it never says.
class ServedBmc final : public Sink {
 public:
  ServedBmc(Peer peer, adapters::AsioRuntime& runtime, const TemporaryFolder& folder) : model_(options()) {
    make_peer(peer, model_);
    adapters::HttpServerOptions served;
    served.certificate_file = folder.file("api.crt");
    served.key_file = folder.file("api.key");
    auto server = adapters::HttpServer::start(runtime, served, *this);
    EXPECT_TRUE(server) << (server ? "" : server.error().message);
    const std::scoped_lock lock(mutex_);
    if (server) server_ = std::move(*server);
  }
  ~ServedBmc() override { server_->stop(Duration()); }
  ServedBmc(const ServedBmc&) = delete;
  ServedBmc& operator=(const ServedBmc&) = delete;
  [[nodiscard]] std::string base() const { return "https://127.0.0.1:" + std::to_string(server_->port()); }
  std::vector<std::string> asked() {
    const std::scoped_lock lock(mutex_);
    return what_was_asked(model_);
  }
  void deliver(Input input) override {
    const auto* opened = std::get_if<ExchangeOpened>(&input);
    if (opened == nullptr) return;
    const std::scoped_lock lock(mutex_);
    const bmcsim::RedfishReply reply =
        model_.handle({opened->method, opened->target, opened->headers, opened->body, {}}, os::boot_time());
    if (reply.delay == Duration::zero())
      server_->reply({opened->id, reply.status, reply.headers, reply.body, false});
  }

 private:
  static bmcsim::BmcOptions options() {
    bmcsim::BmcOptions options;
    options.password = password;
    return options;
  }
  std::mutex mutex_;
  bmcsim::BmcModel model_;
  std::unique_ptr<adapters::HttpServer> server_;
};

class LoopbackWorld final : public HttpWorld, public adapters::CredentialSource {
 public:
  LoopbackWorld() {
    make_pki(folder_.path());
    for (const Peer peer : {Peer::well, Peer::slow})
      bmcs_[peer] = std::make_unique<ServedBmc>(peer, runtime_, folder_);
    key_ = shell("openssl x509 -in " + folder_.file("api.crt") +
                 " -noout -pubkey | openssl pkey -pubin -outform der | sha256sum")
               .output.substr(0, 64);
    restart();
  }
  std::string base(Peer peer) override {
    const auto at = [](const std::string& scheme, std::uint16_t port) {
      return scheme + "://127.0.0.1:" + std::to_string(port);
    };
    switch (peer) {
      case Peer::well:
      case Peer::slow:
        return bmcs_[peer]->base();
      case Peer::cuts:
        return at("http", cuts_.port());
      case Peer::slams:
        return at("https", slams_.port());
      case Peer::old_tls:
        return at("https", old_tls_.port());
      case Peer::nobody:
        return at("https", nobody_);
      case Peer::nameless:
        break;
    }
    return "https://no-such-host.invalid";
  }
  std::string key(Peer peer) override { return bmcs_.contains(peer) ? key_ : no_key; }
  void start(HttpRequest request) override { client_->start(std::move(request)); }
  std::vector<Input> answers() override { return sink_.all(); }
  std::vector<std::string> asked(Peer peer) override { return bmcs_.at(peer)->asked(); }
  bool wait(const std::function<bool()>& done) override {
    const MonoTime last = os::boot_time() + 30s;
    while (!done()) {
      if (os::boot_time() > last) return false;
      std::this_thread::sleep_for(2ms);
    }
    return true;
  }
  void pass(Duration time) override { std::this_thread::sleep_for(time); }
  void restart() override {
    client_.reset();
    adapters::CurlClientOptions options;
    options.allow_plain_http = true;
    client_ = std::make_unique<adapters::CurlClient>(options, *this, sink_);
  }

 private:
  [[nodiscard]] std::optional<std::pair<std::string, Secret>> lookup(const std::string& name) const override {
    if (name != credential) return std::nullopt;
    return std::pair(std::string("admin"), Secret(password));
  }

  TemporaryFolder folder_;
  adapters::AsioRuntime runtime_;
  std::map<Peer, std::unique_ptr<ServedBmc>> bmcs_;
  ScriptedServer cuts_{
      [](const std::string&) { return "HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\nhalf"; },
      ScriptedServer::End::cuts};
  ScriptedServer slams_{[](const std::string&) { return std::string(); }};
  ScriptedServer old_tls_{[](const std::string&) { return std::string("\x15\x03\x01\0\x02\x02\x46", 7); }};
  std::uint16_t nobody_ = free_port();
  std::string key_;
  CollectingSink sink_;
  std::unique_ptr<adapters::CurlClient> client_;
};

class SimulatedWorld final : public HttpWorld {
 public:
  SimulatedWorld() {
    for (const Peer peer : {Peer::well, Peer::slow, Peer::cuts, Peer::slams, Peer::old_tls}) {
      machines_[peer] = &bmcs_.add("n" + std::to_string(static_cast<int>(peer)), address(peer));
      machines_[peer]->model->options().password = password;
      make_peer(peer, *machines_[peer]->model);
    }
  }
  std::string base(Peer peer) override { return "https://" + address(peer); }
  std::string key(Peer peer) override {
    return machines_.contains(peer) ? sim::shown_key(*machines_[peer]) : no_key;
  }
  void start(HttpRequest request) override { node_.tell(std::move(request)); }
  std::vector<Input> answers() override {
    std::vector<Input> answers = node_.inputs();
    std::erase_if(answers, [](const Input& input) { return !is_answer(input); });
    return answers;
  }
  std::vector<std::string> asked(Peer peer) override { return what_was_asked(*machines_.at(peer)->model); }
  bool wait(const std::function<bool()>& done) override { return node_.wait(done); }
  void pass(Duration time) override { node_.pass(time); }
  void restart() override { node_.restart(); }

 private:
  static std::string address(Peer peer) {
    if (peer == Peer::nameless) return "no-such-host.invalid";
    return "10.0.0." + std::to_string(static_cast<int>(peer) + 1);
  }
  sim::Surroundings around() {
    sim::Surroundings around;
    around.http = [this](const HttpRequest& request, sim::Surroundings::Deliver deliver) {
      bmcs_.start("node", request, request.credential == credential ? password : "", std::move(deliver));
    };
    around.went_down = [this] { bmcs_.hang_up("node"); };
    return around;
  }

  sim::EventQueue events_;
  sim::Trace trace_{false};
  sim::Swarm swarm_;
  sim::Marks marks_;
  sim::SimBmcs bmcs_{events_, trace_,
                     swarm_,  Random(5),
                     marks_,  {[](sim::Machine&) {}, [](const sim::Machine&, const sim::SimMedia&, int) {}}};
  std::map<Peer, sim::Machine*> machines_;
  PuppetNode node_{events_, around()};
};

INSTANTIATE_TEST_SUITE_P(
    HttpClients, HttpContract,
    testing::Values(HttpWorldKind{"curl", [] { return std::make_unique<LoopbackWorld>(); }},
                    HttpWorldKind{"simulated", [] { return std::make_unique<SimulatedWorld>(); }}),
    [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace metalmesh::contract
