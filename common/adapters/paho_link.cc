#include "common/adapters/paho_link.h"

#include <mqtt/async_client.h>

#include <array>
#include <utility>

namespace metalmesh::adapters {
namespace {

int whole_seconds(Duration duration) {
  return static_cast<int>(std::chrono::ceil<std::chrono::seconds>(duration).count());
}

struct CodeRow {
  int code;
  const char* meaning;
};
/// CONNACK return codes of MQTT 3.1.1 and the few codes of Paho that say something.
constexpr std::array code_table = {
    CodeRow{1, "the broker does not speak MQTT 3.1.1"},
    CodeRow{2, "the broker refused the client id"},
    CodeRow{3, "the broker is not available yet"},
    CodeRow{4, "the broker refused the user name or certificate"},
    CodeRow{5, "the broker does not authorise this client"},
    CodeRow{0x80, "the broker refused the subscription"},
    CodeRow{-1, "no connection: broker not reachable, or TLS refused (CA, host name or client certificate)"},
    CodeRow{-3, "not connected"},
};

std::string meaning(int code) {
  for (const CodeRow& row : code_table) {
    if (row.code == code) return row.meaning;
  }
  return "MQTT error " + std::to_string(code);
}

std::string meaning(const mqtt::exception& error) { return meaning(error.get_return_code()); }

}  // namespace

struct PahoLink::Client {
  // Long-lived, one per kind of operation; the generation travels as the operation's user context.
  class Listener final : public mqtt::iaction_listener {
   public:
    Listener(LinkEvent::Kind done, const Events& events) : done_(done), events_(events) {}
    void on_success(const mqtt::token& token) override { hand_over(done_, token); }
    void on_failure(const mqtt::token& token) override { hand_over(LinkEvent::Kind::failed, token); }

   private:
    void hand_over(LinkEvent::Kind kind, const mqtt::token& token) noexcept try {
      LinkEvent event;
      event.kind = kind;
      event.generation = reinterpret_cast<std::uintptr_t>(token.get_user_context());
      event.of_publish = done_ == LinkEvent::Kind::published;
      if (kind == LinkEvent::Kind::failed) event.reason = meaning(token.get_return_code());
      events_(std::move(event));
    } catch (...) {  // out of memory: the worker's own deadlines notice what is missing
    }
    const LinkEvent::Kind done_;
    const Events& events_;
  };

  class Callback final : public mqtt::callback {
   public:
    Callback(const Events& events, const std::atomic<std::uintptr_t>& generation, std::string kept_prefix)
        : events_(events), generation_(generation), kept_prefix_(std::move(kept_prefix)) {}
    void connection_lost(const std::string& cause) override {
      hand_over(LinkEvent::Kind::lost, nullptr, cause.empty() ? "the connection was lost" : cause);
    }
    void message_arrived(mqtt::const_message_ptr message) override {
      hand_over(LinkEvent::Kind::message, message.get(), {});
    }

   private:
    void hand_over(LinkEvent::Kind kind, const mqtt::message* message, const std::string& reason) noexcept
        try {
      LinkEvent event;
      event.kind = kind;
      event.generation = generation_.load();
      event.reason = reason;
      if (message != nullptr) event.message = {message->get_topic(), message->get_payload_str()};
      if (message != nullptr && message->is_retained()) event.message.topic.insert(0, kept_prefix_);
      events_(std::move(event));
    } catch (...) {
    }
    const Events& events_;
    const std::atomic<std::uintptr_t>& generation_;
    const std::string kept_prefix_;
  };

  Client(const PahoBusOptions& options, const std::string& uri, Events to)
      : events(std::move(to)),
        callback(events, generation, options.kept_prefix),
        client(uri, options.client_id, mqtt::create_options(MQTTVERSION_3_1_1)) {
    client.set_callback(callback);
  }

  [[nodiscard]] void* context() const { return reinterpret_cast<void*>(generation.load()); }

  const Events events;
  std::atomic<std::uintptr_t> generation = 0;
  Callback callback;
  Listener on_connect{LinkEvent::Kind::connected, events};
  Listener on_subscribe{LinkEvent::Kind::subscribed, events};
  Listener on_publish{LinkEvent::Kind::published, events};
  Listener on_disconnect{LinkEvent::Kind::disconnected, events};
  mqtt::async_client client;  // last, so that it goes first and takes its threads' references with it
};

PahoLink::PahoLink(const PahoBusOptions& options, const std::string& uri, Events events) : options_(options) {
  try {
    client_ = std::make_unique<Client>(options, uri, std::move(events));
  } catch (const std::exception&) {
    client_.reset();
  }
}

PahoLink::~PahoLink() = default;

std::optional<std::string> PahoLink::connect(std::uintptr_t generation) try {
  if (!client_) return "the MQTT client could not be created; check the broker's URI";
  client_->generation = generation;
  mqtt::connect_options connect;
  connect.set_mqtt_version(MQTTVERSION_3_1_1);
  connect.set_clean_session(true);
  connect.set_automatic_reconnect(false);
  connect.set_keep_alive_interval(whole_seconds(options_.keep_alive));
  connect.set_connect_timeout(whole_seconds(options_.connect_timeout));
  connect.set_max_inflight(static_cast<int>(options_.window) + 2);
  if (!options_.ca_file.empty()) {
    mqtt::ssl_options tls;
    tls.set_trust_store(options_.ca_file);
    if (!options_.certificate_file.empty()) {
      tls.set_key_store(options_.certificate_file);
      tls.set_private_key(options_.key_file);
    }
    tls.set_enable_server_cert_auth(true);
    tls.set_verify(true);  // host name too; off by default
    connect.set_ssl(tls);
  }
  client_->client.connect(std::move(connect), client_->context(), client_->on_connect);
  return std::nullopt;
} catch (const mqtt::exception& error) {
  return meaning(error);
} catch (const std::exception& error) {
  return error.what();
}

std::optional<std::string> PahoLink::subscribe(const std::string& filter) try {
  client_->client.subscribe(filter, 1, client_->context(), client_->on_subscribe);
  return std::nullopt;
} catch (const mqtt::exception& error) {
  return meaning(error);
} catch (const std::exception& error) {
  return error.what();
}

std::optional<std::string> PahoLink::publish(const Publish& message) try {
  const auto outgoing =
      mqtt::make_message(message.topic, message.payload.data(), message.payload.size(), 1, false);
  client_->client.publish(outgoing, client_->context(), client_->on_publish);
  return std::nullopt;
} catch (const mqtt::exception& error) {
  return meaning(error);
} catch (const std::exception& error) {
  return error.what();
}

std::optional<std::string> PahoLink::disconnect() try {
  if (!client_) return "no client";
  client_->client.disconnect(100, client_->context(), client_->on_disconnect);
  return std::nullopt;
} catch (const mqtt::exception& error) {
  return meaning(error);
} catch (const std::exception& error) {
  return error.what();
}

}  // namespace metalmesh::adapters
