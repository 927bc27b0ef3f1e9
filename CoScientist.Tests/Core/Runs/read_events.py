"""Reads a TensorBoard event file with the standard library only and prints it as JSON lines: [step, tag, value]."""
import json
import struct
import sys


def table():
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
        yield byte


TABLE = list(table())


def masked(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at


def fields(data):
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(data, at)
        else:
            size = {1: 8, 5: 4}.get(kind)
            if size is None:
                size, at = varint(data, at)
            value = data[at:at + size]
            assert len(value) == size
            at += size
        yield key >> 3, value


def records(data):
    at = 0
    while at < len(data):
        head = data[at:at + 8]
        size, = struct.unpack("<Q", head)
        body = data[at + 12:at + 12 + size]
        assert masked(head) == struct.unpack("<I", data[at + 8:at + 12])[0], "checksum of a length"
        assert masked(body) == struct.unpack("<I", data[at + 12 + size:at + 16 + size])[0], "checksum of an event"
        yield body
        at += 16 + size


def main(path):
    with open(path, "rb") as file:
        data = file.read()
    for number, record in enumerate(records(data)):
        event = dict(fields(record))
        assert 1.5e9 < struct.unpack("<d", event[1])[0] < 1e10, "wall time"
        if number == 0:
            assert event[3] == b"brain.Event:2", "version"
            continue
        for _, value in fields(event[5]):
            scalar = dict(fields(value))
            print(json.dumps([event.get(2, 0), scalar[1].decode(), struct.unpack("<f", scalar[2])[0]]))


main(sys.argv[1])
