#!/usr/bin/env python3
"""Recomputes everything in these vectors that Python's standard library can, and exits with 1 on a difference.

    python3 vectors/check.py

It shares no code with packages/core, nor with what wrote the vectors (generate/). Python has
no Ed25519, so the signatures themselves are checked from Go, which made them, and from TypeScript.
"""

import base64
import hashlib
import json
import pathlib
import struct
import sys

HERE = pathlib.Path(__file__).resolve().parent
checked = 0
wrong = []


def same(what, actual, expected):
    global checked
    checked += 1
    if actual != expected:
        wrong.append(f"{what}: expected {str(expected)[:200]}, computed {str(actual)[:200]}")


def load(name):
    return json.loads((HERE / name).read_text(encoding="utf-8"))


def sha256(data):
    return hashlib.sha256(data).digest()


def sort(value):
    """The value with members in the order of RFC 8785, which dictionaries keep."""
    if isinstance(value, dict):
        return {name: sort(value[name]) for name in sorted(value, key=lambda name: name.encode("utf-16-be"))}
    return [sort(element) for element in value] if isinstance(value, list) else value


def canonical(value):
    return json.dumps(sort(value), ensure_ascii=False, separators=(",", ":"))


def leaf_hash(data):
    return sha256(b"\x00" + data)


def node_hash(left, right):
    return sha256(b"\x01" + left + right)


def tree_root(hashes):
    """Level by level: a last node without a sibling moves up as it is."""
    if not hashes:
        return sha256(b"")
    while len(hashes) > 1:
        pairs = [node_hash(*hashes[i : i + 2]) for i in range(0, len(hashes) - 1, 2)]
        hashes = pairs + (hashes[-1:] if len(hashes) % 2 else [])
    return hashes[0]


def root_of_inclusion(index, size, hash, proof):
    proof = list(proof)
    last = size - 1
    while last > 0:
        if index % 2 == 1:
            hash = node_hash(proof.pop(0), hash)
        elif index < last:
            hash = node_hash(hash, proof.pop(0))
        index //= 2
        last //= 2
    assert not proof
    return hash


def roots_of_consistency(old, new, old_root, proof):
    """Both roots, from the nodes that the proof lists (RFC 9162, section 2.1.4.2)."""
    proof = list(proof)
    if old == new:
        assert not proof
        return old_root, old_root
    at, last = old - 1, new - 1
    while at % 2 == 1:
        at, last = at // 2, last // 2
    older = newer = proof.pop(0) if at > 0 else old_root
    while last > 0:
        if at % 2 == 1:
            node = proof.pop(0)
            older, newer = node_hash(node, older), node_hash(node, newer)
        elif at < last:
            newer = node_hash(newer, proof.pop(0))
        at, last = at // 2, last // 2
    assert not proof
    return older, newer


def check_canonical():
    for case in load("canonical.json")["cases"]:
        same(f"canonical {case['name']}", canonical(case["value"]), case["canonical"])
        same(f"canonical {case['name']}: hash", sha256(case["canonical"].encode()).hex(), case["sha256"])
    for case in load("payloads.json")["cases"]:
        same(f"payload {case['name']}", canonical(case["payload"]), case["canonical"])
        same(f"payload {case['name']}: hash", sha256(case["canonical"].encode()).hex(), case["sha256"])
    rfc = load("rfc8785.json")
    for number in rfc["numbers"]:
        # Python writes numbers differently, but reads the text as the same double.
        expected = struct.pack(">d", float(number["text"])).hex()
        same(f"number {number['text']}", expected, number["bits"].replace("8000000000000000", "0" * 16))
    for sample in rfc["samples"]:
        value = json.loads(sample["input"])
        same(f"RFC 8785 {sample['name']}", sort(value), json.loads(sample["canonical"]))
        same(f"RFC 8785 {sample['name']}: order", list(sort(value)), list(json.loads(sample["canonical"])))


def check_links():
    previous = bytes(32)
    leaves = []
    for number, link in enumerate(load("links.json")["links"], start=1):
        what = f"link {number}"
        same(f"{what}: seq", link["seq"], number)
        labels = {name: link[name] for name in ("appended_at", "event_kind", "event_pk", "payload_hash")}
        if link["before_hash"] is not None:
            labels["before_hash"] = link["before_hash"]
        same(f"{what}: event", canonical(labels), link["event"])
        event_hash = sha256(link["event"].encode())
        same(f"{what}: event_hash", event_hash.hex(), link["event_hash"])
        same(f"{what}: prev_hash", previous.hex(), link["prev_hash"])
        previous = sha256(previous + event_hash + struct.pack(">q", number))
        same(f"{what}: chain_hash", previous.hex(), link["chain_hash"])
        leaf = canonical({**labels, "chain_hash": previous.hex(), "seq": number})
        same(f"{what}: leaf", leaf, link["leaf"])
        leaves.append(leaf_hash(leaf.encode()))
        same(f"{what}: leaf_hash", leaves[-1].hex(), link["leaf_hash"])
        same(f"{what}: root", tree_root(leaves).hex(), link["root"])


def check_blind_keys():
    """RFC 2104 by its definition, not by Python's hmac, which wrote the vectors."""
    for case in load("blind-keys.json")["cases"]:
        secret = bytes.fromhex(case["secret"]).ljust(64, b"\0")
        inner = sha256(bytes(byte ^ 0x36 for byte in secret) + case["key"].encode())
        outer = sha256(bytes(byte ^ 0x5C for byte in secret) + inner)
        same(f"blind key {case['name']}", outer.hex(), case["blinded"])


def check_salted():
    for case in load("salted.json")["cases"]:
        text = canonical(case["payload"])
        same(f"salted {case['name']}", sha256(bytes.fromhex(case["salt"]) + text.encode()).hex(), case["hash"])


def check_merkle():
    rfc = load("rfc6962.json")
    leaves = [leaf_hash(bytes.fromhex(leaf)) for leaf in rfc["leaves"]]
    for size, root in enumerate(rfc["roots"]):
        same(f"RFC 6962 root {size}", tree_root(leaves[:size]).hex(), root)
    tree = load("merkle.json")
    leaves = [leaf_hash(leaf.encode()) for leaf in tree["leaves"]]
    same("leaf hashes", [leaf.hex() for leaf in leaves], tree["leaf_hashes"])
    for size, root in enumerate(tree["roots"]):
        same(f"root {size}", tree_root(leaves[:size]).hex(), root)
    for case in tree["inclusions"]:
        proof = map(bytes.fromhex, case["proof"])
        root = root_of_inclusion(case["index"], case["size"], leaves[case["index"]], proof)
        same(f"inclusion {case['index']} of {case['size']}", root.hex(), tree["roots"][case["size"]])
    for case in tree["consistencies"]:
        old_root, new_root = tree["roots"][case["old_size"]], tree["roots"][case["new_size"]]
        proof = map(bytes.fromhex, case["proof"])
        roots = roots_of_consistency(case["old_size"], case["new_size"], bytes.fromhex(old_root), proof)
        same(f"consistency {case['old_size']} to {case['new_size']}", [r.hex() for r in roots], [old_root, new_root])


def key_id(name, data):
    return sha256(name.encode() + b"\n" + data)[:4]


def check_notes():
    notes = load("notes.json")
    ids = {}
    for key in notes["keys"]:
        name, hex_id, data = key["vkey"].split("+", 2)
        same(f"key {name}: ID", key_id(name, base64.b64decode(data)).hex(), hex_id)
        ids[name] = hex_id
    for case in notes["notes"]:
        text, _, lines = case["note"].rpartition("\n\n")
        same(f"note {case['name']}: text", text + "\n", case["text"])
        for line in lines.splitlines():
            dash, name, blob = line.split(" ")
            blob = base64.b64decode(blob, validate=True)
            same(f"note {case['name']}: key ID of {name}", blob[:4].hex(), ids[name])
            if len(blob) == 76:
                same(f"note {case['name']}: time", struct.unpack(">Q", blob[4:12])[0], case["time"])


def check_heads():
    links = load("links.json")["links"]
    for case in load("heads.json")["heads"]:
        head = json.loads(case["line"])
        link = links[head["seq"] - 1]
        what = f"head {case['name']}"
        same(f"{what}: form", json.dumps(head, ensure_ascii=False, separators=(",", ":")), case["line"])
        same(f"{what}: entry", head["entry"], link["leaf"])
        same(f"{what}: chain_hash", head["chain_hash"], link["chain_hash"])
        same(f"{what}: appended_at", head["appended_at"], link["appended_at"])
        proof = [base64.b64decode(hash, validate=True) for hash in head["proof"]]
        root = root_of_inclusion(head["seq"] - 1, head["seq"], leaf_hash(head["entry"].encode()), proof)
        _, size, signed_root = head["checkpoint"].split("\n")[:3]
        same(f"{what}: size", size, str(head["seq"]))
        same(f"{what}: root", base64.b64encode(root).decode(), signed_root)
        same(f"{what}: root of the chain", root.hex(), link["root"])


def check_tiles():
    """The files of the smaller trees, by the definition of a tile."""
    for tree in load("tiles.json")["trees"]:
        size = int(tree["size"])
        if size > 1042:
            continue
        leaves = [f"leaf {i}".encode() for i in range(size)]
        files = {}
        nodes, level = [leaf_hash(leaf) for leaf in leaves], 0
        while nodes:
            for n in range(0, len(nodes), 256):
                tile = nodes[n : n + 256]
                name = f"{n // 256:03d}" + ("" if len(tile) == 256 else f".p/{len(tile)}")
                files[f"tile/{level}/{name}"] = b"".join(tile)
                if level == 0:
                    bundle = leaves[n : n + 256]
                    files[f"tile/entries/{name}"] = b"".join(struct.pack(">H", len(leaf)) + leaf for leaf in bundle)
            nodes = [tree_root(nodes[n : n + 256]) for n in range(0, len(nodes) - len(nodes) % 256, 256)]
            level += 1
        same(f"tiles of {size}", sorted(files), tree["tiles"])
        lines = sorted(f"{name} {sha256(data).hex()}\n" for name, data in files.items())
        same(f"content of the tiles of {size}", sha256("".join(lines).encode()).hex(), tree["digest"])


def check_tlog_proofs():
    for case in load("tlog-proofs.json")["proofs"]:
        header, checkpoint = case["text"].split("\n\n", 1)
        first, extra, index, *proof = header.split("\n")
        same(f"first line of {case['name']}", first, "c2sp.org/tlog-proof@v1")
        leaf = base64.b64decode(extra.removeprefix("extra "))
        index = int(index.removeprefix("index "))
        same(f"index of {case['name']}", [index + 1, json.loads(leaf)["seq"]], [case["seq"], case["seq"]])
        _, size, root, *_ = checkpoint.split("\n")
        hashes = [base64.b64decode(hash) for hash in proof]
        computed = root_of_inclusion(index, int(size), leaf_hash(leaf), hashes)
        same(f"root of {case['name']}", base64.b64encode(computed).decode(), root)


for check in (check_canonical, check_links, check_blind_keys, check_salted, check_merkle, check_notes, check_heads, check_tiles, check_tlog_proofs):
    check()
for line in wrong:
    print(line, file=sys.stderr)
print(f"{checked} values recomputed, {len(wrong)} of them different")
sys.exit(1 if wrong else 0)
