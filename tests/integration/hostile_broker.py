"""A broker in the hands of somebody else: it has the broker's certificate and every frame that was ever signed, and no key. As long as
it is hostile it keeps frames back for a while or for good, brings them late, in another order, more than once, changed, under topics of
others and in the other direction, brings old ones without end, and throws clients out."""
import asyncio
import collections
import contextlib
import random
import ssl
import threading

import mqtt_frames as mqtt

KEPT = 4000  # old frames


class Client:
    def __init__(self, name, writer):
        self.name, self.writer, self.topics, self.number = name, writer, [], 0

    def give(self, topic, payload):
        self.number = self.number % 60000 + 1
        self.writer.write(mqtt.publish(topic, payload, self.number))


class HostileBroker:
    """In the place of Process: start, stop, kill, alive, text."""

    def __init__(self, pki, port, seed=1):
        self.pki, self.port, self.random, self.name = pki, port, random.Random(seed), "hostile-broker"
        self.clients, self.old, self.done, self.hostile = {}, collections.deque(maxlen=KEPT), collections.Counter(), False
        self.held_until, self.held = {}, collections.defaultdict(list)

    # ---- as a process
    def start(self):
        self.loop, up = asyncio.new_event_loop(), threading.Event()
        self.thread = threading.Thread(target=self.run, args=(up,), daemon=True)
        self.thread.start()
        assert up.wait(10)
        return self

    def run(self, up):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pki / "broker.crt", self.pki / "broker.key")
        context.load_verify_locations(self.pki / "ca.crt")
        context.verify_mode = ssl.CERT_REQUIRED
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(asyncio.start_server(self.serve, "127.0.0.1", self.port, ssl=context))
        torment = self.loop.create_task(self.torment())  # noqa: F841, kept from the collector
        self.loop.call_soon(up.set)
        self.loop.run_forever()
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.run_until_complete(asyncio.sleep(0))

    def kill(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)

    stop = kill

    def alive(self):
        return self.thread.is_alive()

    def text(self):
        return ""

    def turn(self, hostile):
        self.loop.call_soon_threadsafe(setattr, self, "hostile", hostile)

    # ---- clients
    async def serve(self, reader, writer):
        client = None
        with contextlib.suppress(asyncio.IncompleteReadError, OSError, ssl.SSLError):
            subject = dict(pair[0] for pair in writer.get_extra_info("peercert")["subject"])
            while True:
                kind, flags, body = await self.packet(reader)
                if kind == mqtt.CONNECT:
                    client = Client(subject["commonName"], writer)
                    if client.name in self.clients:
                        self.clients[client.name].writer.close()
                    self.clients[client.name] = client
                    writer.write(mqtt.packet(mqtt.CONNACK, b"\0\0"))
                elif kind == mqtt.SUBSCRIBE:
                    client.topics += mqtt.asked_for(body)
                    writer.write(mqtt.packet(mqtt.SUBACK, body[:2] + b"\1"))
                elif kind == mqtt.PUBLISH:
                    topic, payload, number = mqtt.published(flags, body)
                    if number:
                        writer.write(mqtt.packet(mqtt.PUBACK, number))
                    self.taken(topic, payload)
                elif kind == mqtt.PINGREQ:
                    writer.write(mqtt.packet(mqtt.PINGRESP))
                elif kind == mqtt.DISCONNECT:
                    break
        writer.close()
        if client and self.clients.get(client.name) is client:
            del self.clients[client.name]

    async def packet(self, reader):
        first, size, shift = (await reader.readexactly(1))[0], 0, 0
        while True:
            digit = (await reader.readexactly(1))[0]
            size, shift = size | (digit & 127) << shift, shift + 7
            if digit < 128:
                return first >> 4, first & 15, await reader.readexactly(size)

    def give(self, topic, payload):
        for client in list(self.clients.values()):
            if any(mqtt.fits(topic, wanted) for wanted in client.topics):
                client.give(topic, payload)

    # ---- what it does with what it was given
    def taken(self, topic, payload):
        self.old.append((topic, payload))
        if not self.hostile:
            self.give(topic, payload)
            return
        if self.loop.time() < self.held_until.get(topic, 0):
            self.count("held back, then brought in reverse")
            self.held[topic].append(payload)
            return
        does, weights = zip(*((self.honest, 45), (self.drop, 15), (self.late, 20), (self.often, 8), (self.elsewhere, 6), (self.changed, 6)))
        self.random.choices(does, weights)[0](topic, payload)

    def count(self, what):
        self.done[what] += 1

    def honest(self, topic, payload):
        self.count("brought")
        self.give(topic, payload)

    def drop(self, *_):
        self.count("kept for good")

    def late(self, topic, payload):
        self.count("late")
        self.loop.call_later(self.random.uniform(0.05, 3), self.give, topic, payload)

    def often(self, topic, payload):
        self.count("more than once")
        for _ in range(self.random.randint(2, 5)):
            self.loop.call_later(self.random.uniform(0, 1), self.give, topic, payload)

    def another(self, topic):
        return self.random.choice([t for t in {seen for seen, _ in self.old} if t != topic] or [topic])

    def elsewhere(self, topic, payload):
        self.count("under another topic")
        self.give(self.another(topic), payload)

    def changed(self, topic, payload):
        self.count("changed")
        at = self.random.randrange(len(payload))
        self.give(topic, payload[:at] + bytes([payload[at] ^ 1 << self.random.randrange(8)]) + payload[at + 1:])

    def release(self, topic):
        for payload in reversed(self.held.pop(topic, [])):
            self.give(topic, payload)

    async def torment(self):
        """Old frames, topics that are quiet for a while, clients that are thrown out."""
        while True:
            await asyncio.sleep(0.02)
            if not self.hostile or not self.old:
                continue
            topic, payload = self.old[self.random.randrange(len(self.old))]
            if self.random.random() < 0.3:
                topic = self.another(topic)
            self.count("old ones")
            self.give(topic, payload)
            if self.random.random() < 0.01:
                topic, wait = self.another(""), self.random.uniform(0.5, 4)
                self.held_until[topic] = self.loop.time() + wait
                self.loop.call_later(wait, self.release, topic)
            if self.random.random() < 0.004 and self.clients:
                self.count("clients thrown out")
                self.random.choice(list(self.clients.values())).writer.close()
