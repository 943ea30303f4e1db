"""Reads messages of pgoutput, hex, a line each, from files named after major versions, and says what they are.

    python3 pgoutput.py 14.hex 15.hex 18.hex > pgoutput.json
"""

import json
import struct
import sys
from pathlib import Path


class Bytes:
    def __init__(self, data):
        self.data = data

    def take(self, form):
        size = struct.calcsize(form)
        head, self.data = self.data[:size], self.data[size:]
        return struct.unpack(form, head)[0]

    def name(self):
        head, _, self.data = self.data.partition(b"\0")
        return head.decode()

    def letter(self):
        return self.take("c").decode()

    def row(self):
        return [self.value(self.letter()) for _ in range(self.take(">H"))]

    def value(self, form):
        if form == "n":
            return None
        if form == "u":
            return {"unchanged": True}
        assert form == "t", form
        size = self.take(">I")
        head, self.data = self.data[:size], self.data[size:]
        return head.decode()


def time(data):
    return str(data.take(">q") + 946684800 * 10**6)


def lsn(data):
    return f"{data.take('>I'):X}/{data.take('>I'):X}"


def before(letter, data):
    return {"isWhole": letter == "O", "row": data.row()} if letter in "KO" else None


def decode(raw):
    data = Bytes(raw)
    letter = data.letter()
    if letter == "B":
        said = {"type": "begin", "commitLsn": lsn(data), "committedAt": time(data), "xid": data.take(">I")}
    elif letter == "C":
        assert data.take("B") == 0
        said = {"type": "commit", "commitLsn": lsn(data), "endLsn": lsn(data), "committedAt": time(data)}
    elif letter == "R":
        said = {
            "type": "relation",
            "oid": data.take(">I"),
            "schema": data.name(),
            "name": data.name(),
            "identity": data.letter(),
            "columns": [
                {
                    "isIdentity": data.take("B") == 1,
                    "name": data.name(),
                    "typeOid": data.take(">I"),
                    "typeModifier": data.take(">i"),
                }
                for _ in range(data.take(">H"))
            ],
        }
    elif letter == "I":
        said = {"type": "insert", "relation": data.take(">I")}
        assert data.letter() == "N"
        said["after"] = data.row()
    elif letter == "U":
        said = {"type": "update", "relation": data.take(">I")}
        form = data.letter()
        said["before"] = before(form, data)
        assert (data.letter() if said["before"] else form) == "N"
        said["after"] = data.row()
    elif letter == "D":
        said = {"type": "delete", "relation": data.take(">I")}
        said["before"] = before(data.letter(), data)
    elif letter == "T":
        count = data.take(">I")
        data.take("B")
        said = {"type": "truncate", "relations": [data.take(">I") for _ in range(count)]}
    else:
        raise ValueError(letter)
    assert data.data == b"", data.data
    return said


json.dump(
    [
        {"server": Path(name).stem, "hex": line, **decode(bytes.fromhex(line))}
        for name in sys.argv[1:]
        for line in Path(name).read_text().split()
    ],
    sys.stdout,
    ensure_ascii=False,
    indent=0,
)
print()
