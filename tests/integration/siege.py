#!/usr/bin/env python3
"""A siege as one process, so that it can be pinned to a core of its own: what it is to do comes as JSON on the command line. It says
"full" when all that it holds is held, and goes on until its input ends.
  api, token, idle, streams   so many connections that ask nothing, and that follow events
  media                       port of the media server: connections that ask for media that do not exist, without end
  mqtt, certificate, key, topic   the broker, and a stolen site's identity: publishes as fast as it can, and connects without one"""
import contextlib
import json
import resource
import select
import socket
import ssl
import sys
import threading
import time


def tls(port, certificate=None, key=None):
    context = ssl._create_unverified_context()
    if certificate:
        context.load_cert_chain(certificate, key)
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=10))


def quiet(port, number):
    return tls(port) if number % 2 == 0 else socket.create_connection(("127.0.0.1", port), timeout=10)


def stream(port, token):
    sock = tls(port)
    sock.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
    return sock


def hold(order, held):
    for number in range(order["idle"] + order["streams"]):
        with contextlib.suppress(OSError):
            held.append(stream(order["api"], order["token"]) if number < order["streams"] else quiet(order["api"], number))


def remaining_length(size):
    out = b""
    while True:
        size, digit = divmod(size, 128)
        out += bytes([digit | (128 if size else 0)])
        if not size:
            return out


def flood_mqtt(order):
    """QoS 0 messages of 60 KiB in the stolen site's name; whenever the broker throws it off, once more, and once without a name."""
    topic, name = order["topic"].encode(), b"thief"
    message = len(topic).to_bytes(2, "big") + topic + b"x" * 60000
    packet = b"\x30" + remaining_length(len(message)) + message
    hello = b"\x00\x04MQTT\x04\x02\x00\x3c" + len(name).to_bytes(2, "big") + name
    while True:
        with contextlib.suppress(OSError), tls(order["mqtt"]) as sock:
            sock.recv(1)
        with contextlib.suppress(OSError), tls(order["mqtt"], order["certificate"], order["key"]) as sock:
            sock.sendall(b"\x10" + remaining_length(len(hello)) + hello)
            while True:
                sock.sendall(packet)


def flood_media(port):
    while True:
        with contextlib.suppress(OSError), tls(port) as sock:
            for _ in range(100):
                sock.sendall(b"GET /m/0123456789abcdef.iso HTTP/1.1\r\nHost: x\r\n\r\n")
                if not sock.recv(4096):
                    break


def main():
    order = json.loads(sys.argv[1])
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 16384), hard))
    for flood, what in ((flood_mqtt, order), (flood_media, order["media"]), (flood_media, order["media"])):
        threading.Thread(target=flood, args=(what,), daemon=True).start()
    held = []
    hold(order, held)
    print("full", len(held), flush=True)
    while not select.select([sys.stdin], [], [], 0)[0]:
        if len(held) < order["idle"] + order["streams"]:  # who made room comes again
            hold({**order, "idle": 10, "streams": 10}, held)
        time.sleep(0.2)


main()
