#include "agents/media/server/media_server.h"

#include <utility>

#include "agents/media/server/media_loop.h"

namespace metalmesh::media {

Result<std::unique_ptr<MediaServer>> MediaServer::start(const MediaServerOptions& options, Sink& sink,
                                                        LogSink& log) {
  SslContext tls;
  if (options.tls) {
    auto made = make_tls_context(options.certificate, options.key);
    if (!made) return std::unexpected(made.error());
    tls = std::move(*made);
  }
  MediaLoop::Listeners listeners;
  for (const auto& [where, into] : {std::pair{&options.listen, &listeners.media},
                                    {&options.packages_listen, &listeners.packages},
                                    {&options.plain_listen, &listeners.plain}}) {
    if (where->empty()) continue;
    auto listener = listen_on(*where);
    if (!listener) return std::unexpected(listener.error());
    *into = std::move(*listener);
  }
  std::string address = listeners.media.address;
  wire::MediaEvent up;
  up.mutable_up()->set_address(address);
  up.mutable_up()->set_packages_address(listeners.packages.address);
  up.mutable_up()->set_plain_address(listeners.plain.address);
  auto loop = std::make_unique<MediaLoop>(std::move(listeners), std::move(tls), options, sink, log);
  if (auto ready = loop->prepare(); !ready) return std::unexpected(ready.error());
  sink.deliver(MediaReported{std::move(up)});
  return std::unique_ptr<MediaServer>(new MediaServer(options, std::move(loop), std::move(address)));
}

MediaServer::MediaServer(const MediaServerOptions& options, std::unique_ptr<MediaLoop> loop,
                         std::string address)
    : options_(options),
      loop_(std::move(loop)),
      address_(std::move(address)),
      thread_([this] { loop_->run(); }) {}

MediaServer::~MediaServer() {
  loop_->stop();
  thread_.join();
}

Status MediaServer::read_certificate_again() {
  if (!options_.tls) return {};
  auto fresh = make_tls_context(options_.certificate, options_.key);
  if (!fresh) return std::unexpected(std::move(fresh.error()));
  loop_->renew(std::move(*fresh));
  return {};
}

void MediaServer::send(MediaSend message) { loop_->post(std::move(message.command)); }

}  // namespace metalmesh::media
