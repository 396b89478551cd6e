// A real mosquitto on a free loopback port: with the files of broker-config/, or plain for comparison.
#pragma once

#include <fstream>
#include <memory>
#include <string>

#include "tests/contract/support/processes.h"
#include "tests/contract/support/test_pki.h"

namespace metalmesh::contract {

class Broker {
 public:
  explicit Broker(bool tls) : port_(free_port()) {
    if (tls) {
      make_pki(folder_.path());
      const auto rendered = shell(std::string(MM_BROKER_CONFIG) + "/render.sh " + folder_.path().string() +
                                  " " + std::to_string(port_) + " " + config() + " 127.0.0.1");
      EXPECT_EQ(rendered.exit_code, 0) << rendered.output;
      // The keys of a test are readable by their owner alone.
      std::ofstream(config(), std::ios::app) << "user " << shell("id -un").output;
    } else {
      std::ofstream(config())
          << "listener " << port_
          << " 127.0.0.1\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\n";
    }
    start();
  }
  void start() {
    child_ = std::make_unique<Child>(std::vector<std::string>{"mosquitto", "-c", config()});
    running_ = wait_for_port(port_);
  }
  void kill() { child_.reset(); }
  [[nodiscard]] const Child& child() const { return *child_; }
  [[nodiscard]] bool running() const { return running_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string file(const std::string& name) const { return folder_.file(name); }

 private:
  [[nodiscard]] std::string config() const { return folder_.file("mosquitto.conf"); }
  TemporaryFolder folder_;
  std::uint16_t port_;
  std::unique_ptr<Child> child_;
  bool running_ = false;
};

}  // namespace metalmesh::contract
