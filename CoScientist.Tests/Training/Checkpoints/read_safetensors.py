"""Reads a checkpoint with the standard library alone, from the published description of the safetensors format.

Usage: python3 read_safetensors.py FOLDER. Prints JSON: shape, sum and some values of each tensor that the index lists.
Nothing of the software under test is used.
"""
import json
import os
import struct
import sys


def read(path):
    with open(path, "rb") as file:
        length, = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    end, tensors = 0, {}
    for name, entry in sorted((item for item in header.items() if item[0] != "__metadata__"), key=lambda item: item[1]["data_offsets"]):
        first, last = entry["data_offsets"]
        assert first == end, f"{name} begins at {first}, not at {end}"
        end, chunk, count = last, data[first:last], 1
        for extent in entry["shape"]:
            count *= extent
        if entry["dtype"] == "F32":
            values = struct.unpack(f"<{count}f", chunk)
        elif entry["dtype"] == "F16":
            values = struct.unpack(f"<{count}e", chunk)
        else:
            assert entry["dtype"] == "BF16", entry["dtype"]
            halves = struct.unpack(f"<{count}H", chunk)
            values = struct.unpack(f"<{count}f", struct.pack(f"<{count}I", *(half << 16 for half in halves)))
        tensors[name] = {"shape": entry["shape"], "values": values[:: max(1, count // 17)], "sum": sum(values)}
    assert end == len(data), f"{len(data)} bytes of data, {end} described"
    return tensors


def main(folder):
    index = os.path.join(folder, "model.safetensors.index.json")
    if not os.path.exists(index):
        return read(os.path.join(folder, "model.safetensors"))
    with open(index) as file:
        places = json.load(file)["weight_map"]
    files = {name: read(os.path.join(folder, name)) for name in sorted(set(places.values()))}
    return {tensor: files[name][tensor] for tensor, name in places.items()}


if __name__ == "__main__":
    json.dump(main(sys.argv[1]), sys.stdout)
