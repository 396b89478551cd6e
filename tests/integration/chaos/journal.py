"""Reads an agent's event journal from its store, read-only and without any code of ours.

Layout (common/delivery/stream_sender.h): row "s/events/e" + 8 bytes of sequence, big endian, holds the entry's hash (32
bytes) followed by the entry; the hash is SHA-256 over the hash before it and the entry. Behind every row lies its seal
(common/ports/row_seal.h).
"""
import hashlib
import sqlite3

PREFIX = b"s/events/e"
HASH_BYTES, SEAL_BYTES = 32, 8
SERVER, DEPLOYMENT, GENERATION, FIRST_BODY = 2, 3, 4, 10  # schemas/wire/event.proto
BODIES = {10: "receipt", 11: "stage", 12: "armed", 13: "launched", 14: "cancel", 15: "ended", 16: "inspected",
          17: "credentialHeld", 18: "credentialReleased", 19: "held", 20: "stateReport", 21: "image", 22: "retry",
          23: "journalOpened"}


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at, value, shift = at + 1, value | (byte & 0x7F) << shift, shift + 7
        if byte < 0x80:
            return value, at


def fields(data):
    """(number, value) of each field of a protobuf message; bytes for nested ones."""
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        if tag & 7 == 0:
            value, at = varint(data, at)
        elif tag & 7 == 2:
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            raise ValueError(f"wire type {tag & 7}")
        yield tag >> 3, value


def summary(entry):
    """(what, server, deployment, generation) of one event."""
    found = dict(fields(entry))
    body = next((name for number, name in BODIES.items() if number in found), "")
    return body, found.get(SERVER, b"").decode(), found.get(DEPLOYMENT, b"").decode(), found.get(GENERATION, 0)


def read(folder):
    """{seq: summary}, after checking that numbers and hash chain have no hole."""
    store = sqlite3.connect(f"file:{folder}/rows.db?mode=ro", uri=True)
    rows = store.execute("SELECT key, value FROM rows WHERE key >= ? AND key < ? ORDER BY key",
                         (PREFIX, PREFIX[:-1] + b"f")).fetchall()
    store.close()
    events, before = {}, None
    for key, value in rows:
        seq = int.from_bytes(key[len(PREFIX):], "big")
        digest, entry = value[:HASH_BYTES], value[HASH_BYTES:-SEAL_BYTES]
        if events:
            assert seq == max(events) + 1, f"the journal has a hole before {seq}"
            assert hashlib.sha256(before + entry).digest() == digest, f"the chain breaks at {seq}"
        events[seq], before = summary(entry), digest
    return events
