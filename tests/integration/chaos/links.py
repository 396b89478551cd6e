"""TCP links that can be cut and slowed: each carries one peer's connections to the broker.

All links live on one asyncio loop in a thread of their own; the methods of Link may be called from any thread.
"""
import asyncio
import contextlib
import threading

CHUNK = 65536


class Link:
    """`open` passes bytes on, `refusing` ends connections and takes none, `silent` keeps them and passes nothing."""

    def __init__(self, loop, target):
        self.loop, self.target = loop, target
        self.mode, self.delay = "open", 0.0
        self.writers = set()
        self.passed = 0
        self.port = asyncio.run_coroutine_threadsafe(self._listen(), loop).result(10)

    async def _listen(self):
        self.changed = asyncio.Event()
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self.server.sockets[0].getsockname()[1]

    async def _serve(self, reader, writer):
        if self.mode == "refusing":
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        pair = {writer, far_writer}
        self.writers |= pair
        with contextlib.suppress(OSError):
            await asyncio.wait([asyncio.ensure_future(self._pass(reader, far_writer)),
                                asyncio.ensure_future(self._pass(far_reader, writer))],
                               return_when=asyncio.FIRST_COMPLETED)
        for end in pair:
            end.transport.abort()
        self.writers -= pair

    async def _pass(self, reader, writer):
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                while self.mode == "silent":
                    await self.changed.wait()
                if self.delay:
                    await asyncio.sleep(self.delay)
                writer.write(data)
                await writer.drain()
                self.passed += len(data)

    def set(self, mode="open", delay=0.0):
        self.loop.call_soon_threadsafe(self._set, mode, delay)

    def _set(self, mode, delay):
        self.mode, self.delay = mode, delay
        self.changed.set()
        self.changed = asyncio.Event()
        if mode == "refusing":
            for writer in list(self.writers):
                writer.transport.abort()


class Links:
    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.by_name = {}

    def to(self, name, target):
        self.by_name[name] = Link(self.loop, target)
        return self.by_name[name]

    def heal(self):
        for link in self.by_name.values():
            link.set("open")

    def close(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)
