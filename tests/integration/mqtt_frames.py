"""Packets of MQTT 3.1.1, as far as brokers and thieves in tests need them."""
CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, PINGREQ, PINGRESP, DISCONNECT = 1, 2, 3, 4, 8, 9, 12, 13, 14


def packet(kind, body=b"", flags=0):
    size, length = len(body), b""
    while True:
        size, digit = divmod(size, 128)
        length += bytes([digit | (128 if size else 0)])
        if not size:
            return bytes([kind << 4 | flags]) + length + body


def text(value):
    return len(value.encode()).to_bytes(2, "big") + value.encode()


def connect(name, keep_alive=60):
    return packet(CONNECT, text("MQTT") + b"\x04\x02" + keep_alive.to_bytes(2, "big") + text(name))


def subscribe(topic):
    return packet(SUBSCRIBE, b"\x00\x01" + text(topic) + b"\x01", 2)


def publish(topic, payload, number):
    """With QoS 1."""
    return packet(PUBLISH, text(topic) + number.to_bytes(2, "big") + payload, 2)


def published(flags, body):
    """(topic, payload, its number or nothing)"""
    end = 2 + int.from_bytes(body[:2], "big")
    topic, rest = body[2:end].decode(), body[end:]
    return (topic, rest[2:], rest[:2]) if flags & 6 else (topic, rest, None)


def asked_for(body):
    """Topics of a SUBSCRIBE."""
    at, topics = 2, []
    while at < len(body):
        end = at + 2 + int.from_bytes(body[at:at + 2], "big")
        topics.append(body[at + 2:end].decode())
        at = end + 1
    return topics


def fits(topic, wanted):
    ours, theirs = topic.split("/"), wanted.split("/")
    return len(ours) == len(theirs) and all(t in ("+", o) for o, t in zip(ours, theirs))
