#!/usr/bin/env python3
"""Recomputes a whole chain, the newest payload of every audited row, and every published head, with Python's
standard library; rows come through psql. Prints what differs, and exits with 1 if anything does.

    python3 chain.py DATABASE_URL HEAD_LOG

It shares no code with the packages. Signatures are left out: Python has no Ed25519.
"""

import base64
import hashlib
import json
import os
import re
import struct
import subprocess
import sys

SETTINGS = {
    "TimeZone": "UTC",
    "DateStyle": "ISO",
    "IntervalStyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "lc_monetary": "C",
    "quote_all_identifiers": "off",
    "search_path": "pg_catalog,pg_temp",
}
ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
database, head_log = sys.argv[1:]
wrong = []
checked = 0


def same(what, actual, expected):
    global checked
    checked += 1
    if actual != expected:
        wrong.append(f"{what}: expected {expected}, computed {actual}")


def field(text):
    """A value of COPY's text format."""
    if text == r"\N":
        return None
    return re.sub(r"\\(.)", lambda match: ESCAPES.get(match[1], match[1]), text, flags=re.DOTALL)


def copy(query):
    """The rows of a query, each a list of texts as PostgreSQL prints them."""
    options = " ".join(f"-c {name}={value}" for name, value in SETTINGS.items())
    done = subprocess.run(
        ["psql", "--no-psqlrc", "--set", "ON_ERROR_STOP=1", "--command", f"copy ({query}) to stdout", database],
        env={**os.environ, "PGOPTIONS": options, "PGCLIENTENCODING": "UTF8"},
        stdout=subprocess.PIPE,
        check=True,
    )
    return [[field(text) for text in line.split("\t")] for line in done.stdout.decode().split("\n")[:-1]]


def sha256(data):
    return hashlib.sha256(data).digest()


def canonical(members):
    """Canonical JSON (RFC 8785) of an object of texts and whole numbers."""
    ordered = {name: members[name] for name in sorted(members, key=lambda name: name.encode("utf-16-be"))}
    return json.dumps(ordered, ensure_ascii=False, separators=(",", ":"))


def node(left, right):
    return sha256(b"\x01" + left + right)


def root_of(leaves):
    """RFC 6962, by its recursive definition."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node(root_of(leaves[:split]), root_of(leaves[split:]))


def identifier(name):
    return '"' + name.replace('"', '""') + '"'


def read_chain():
    """The links, checked: event text, hashes, numbers; and their Merkle leaves."""
    columns = "seq, event_kind, event_pk, encode(payload_hash,'hex'), encode(event_hash,'hex'), encode(prev_hash,'hex'), encode(chain_hash,'hex'), encode(before_hash,'hex'), to_char(appended_at,'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
    previous = bytes(32)
    links = []
    for number, row in enumerate(copy(f"select {columns} from public.audit_chain order by seq"), start=1):
        seq, kind, pk, payload_hash, event_hash, prev_hash, chain_hash, before_hash, appended_at = row
        same(f"seq {seq}", number, int(seq))
        labels = {"appended_at": appended_at, "event_kind": kind, "event_pk": pk, "payload_hash": payload_hash}
        if before_hash is not None:
            labels["before_hash"] = before_hash
        event = sha256(canonical(labels).encode())
        same(f"event_hash of {seq}", event.hex(), event_hash)
        same(f"prev_hash of {seq}", previous.hex(), prev_hash)
        previous = sha256(previous + event + struct.pack(">q", number))
        same(f"chain_hash of {seq}", previous.hex(), chain_hash)
        leaf = canonical({**labels, "chain_hash": previous.hex(), "seq": number})
        links.append((kind, pk, payload_hash, before_hash, leaf))
    return links


def newest_events(links):
    """By kind and key: the last thing that was recorded of a row; None for its deletion."""
    newest = {}
    for number, (kind, pk, payload_hash, before_hash, _) in enumerate(links, start=1):
        base, _, role = kind.partition(":")
        if role:
            same(f"key of seq {number}", pk.endswith(f"@{number}"), True)
            pk = pk.rpartition("@")[0]
        # What an event changed is what the event of its key before it left.
        same(f"before_hash of seq {number}", before_hash, newest.get((base, pk)))
        newest[base, pk] = None if role == "delete" else payload_hash
    return newest


def check_rows(links):
    newest = newest_events(links)
    query = "select relation, kind, to_json(key_columns), to_json(columns), to_json(members), absent from public.audit_chain_config order by id"
    tables = {relation: (kind, *map(json.loads, shape)) for relation, kind, *shape in copy(query)}
    own = [name for (name,) in copy("select attname from pg_attribute where attrelid = 'public.audit_chain_config'::regclass and attnum > 0 and not attisdropped")]
    tables["public.audit_chain_config"] = ("audit_chain_config", ["id"], own, own, {})
    for relation, (kind, key, columns, members, absent) in tables.items():
        found = set()
        for row in copy(f"select {', '.join(map(identifier, columns))} from {relation}"):
            # Left out is NULL, or in a column that joined later what older rows have in it.
            payload = {member: text for member, text in zip(members, row) if text != absent.get(member)}
            texts = [row[columns.index(name)] for name in key]
            pk = texts[0] if len(texts) == 1 else json.dumps(texts, ensure_ascii=False, separators=(",", ":"))
            same(f"{kind} {pk}", sha256(canonical(payload).encode()).hex(), newest.get((kind, pk), "not chained"))
            found.add(pk)
        expected = {pk for (name, pk), hash in newest.items() if name == kind and hash is not None}
        same(f"rows of {relation}", sorted(expected - found), [])


def check_heads(links):
    leaves = [sha256(b"\x00" + leaf.encode()) for *_, leaf in links]
    with open(head_log, encoding="utf-8") as lines:
        # What the publisher says of tables may stand between the heads.
        heads = [head for head in map(json.loads, lines) if "statement" not in head]
    same("heads were published", len(heads) > 0, True)
    for head in heads:
        seq = head["seq"]
        root = root_of(leaves[:seq])
        same(f"entry of head {seq}", head["entry"], links[seq - 1][-1])
        _, size, signed = head["checkpoint"].split("\n")[:3]
        same(f"size of head {seq}", int(size), seq)
        same(f"root of head {seq}", signed, base64.b64encode(root).decode())
        # The proof of the last leaf: at each level it is a right child, or it moves up alone.
        hash, index, last = leaves[seq - 1], seq - 1, seq - 1
        proof = [base64.b64decode(text) for text in head["proof"]]
        while last > 0:
            if index % 2 == 1:
                hash = node(proof.pop(0), hash)
            index, last = index // 2, last // 2
        same(f"proof of head {seq}", (hash, proof), (root, []))


links = read_chain()
check_rows(links)
check_heads(links)
for line in wrong[:20]:
    print(line)
print(f"{len(links)} links, {checked} values recomputed, {len(wrong)} of them different")
sys.exit(1 if wrong else 0)
