"""Writes vectors with Python's json and hashlib only: canonical.json, payloads.json, links.json, blind-keys.json and salted.json.

    python3 positive.py ../..

Canonical JSON by json.dumps: its escapes are those of RFC 8785, its sort order is that of UTF-16 code units once the
key function says so, and its integers are written alike. Fractions are left to the RFC's own samples.
"""

import hashlib
import hmac
import json
import pathlib
import sys


def canonical(value):
    """RFC 8785 for values without fractions."""
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return "{" + ",".join(json.dumps(n, ensure_ascii=False) + ":" + canonical(value[n]) for n in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(canonical(element) for element in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def sha256(text):
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()


def canonical_ascii():
    values = {
        "null": None,
        "true": True,
        "false": False,
        "zero": 0,
        "negative": -17,
        "largest-safe-integer": 9007199254740991,
        "empty-string": "",
        "empty-array": [],
        "empty-object": {},
        "every-ascii-character": "".join(map(chr, range(128))),
        "sorted": {"b": 1, "a": 2, "B": 3, "A": 4, "": 5, "10": 6, "9": 7, "aa": 8, "a b": 9, "_": 10},
        "nested": {"z": [{"y": {"x": [1, [2, [3, {}]]]}}, []], "a": {"c": None, "b": False}},
        "odd-names": {"\n": 1, "\\": 2, '"': 3, "/": 4, "\x00": 5, "\x7f": 6, "__proto__": 7, "toJSON": 8},
        "release": {"id": "m-1", "name": "model", "size": 123456789, "tags": ["a", "b"], "parent": None},
    }
    cases = []
    for name, value in values.items():
        text = canonical(value)
        assert text == json.dumps(value, sort_keys=True, separators=(",", ":")).replace("\\u007f", "\x7f"), name
        cases.append({"name": name, "value": value, "canonical": text, "sha256": sha256(text)})
    return {"about": "json.dumps(sort_keys=True, separators=(',',':')) on ASCII data without fractions", "cases": cases}


def payloads():
    values = {
        "no-members": {},
        "row": {"id": "42", "done": "t", "title": "Fold the protein", "cost": "12.50"},
        "all-text": {"a": "", "n": "-0", "nan": "NaN", "inf": "-Infinity", "ts": "0044-03-15 12:00:00+00 BC"},
        "escapes": {"a": "quote \" backslash \\ slash / tab \t newline \n return \r feed \f bell \x07 back \b del \x7f"},
        "bytes": {"data": "\\x00ff10", "array": "{1,2,NULL}", "json": '{"b": 1, "a": null}'},
        "latin": {"name": "Zoë", "città": "Forlì", "ß": "ß"},
        "combining": {"\u00e9": "composed", "e\u0301": "decomposed"},
        "separators": {"a": "line\u2028paragraph\u2029next\u0085nbsp\u00a0bom\ufeff"},
        "names-beyond-the-bmp": {"\ufb33": "dalet", "\U0001f600": "face", "\uffff": "last of the BMP", "\ue000": "private"},
        "every-plane": {"planes": "".join(chr((plane << 16) + 0x0E2A) for plane in range(17))},
        "numeric-names": {"10": "ten", "9": "nine", "1": "one", "01": "zero one"},
        "many": {f"column_{i}": str(i * i) for i in range(150)},
        "long": {"text": "0123456789 äöü € 😀" * 500},
    }
    cases = []
    for name, payload in values.items():
        text = canonical(payload)
        cases.append({"name": name, "payload": payload, "canonical": text, "sha256": sha256(text)})
    return {"about": "row payloads (objects of strings), their canonical JSON and its SHA-256", "cases": cases}


# Kind and key; and for a change what the row was before: "before" another payload, "same" that of the event itself.
LABELS = [
    ("task_events", "1"),
    ("task_events", "2"),
    ("artifact_provenance", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
    ("senate_pause", '["agent","a\\"b","2026-04-28 12:00:00+00"]'),
    ("senate_alerts", "7"),
    ("senate_alerts:update", "7@6", "before"),
    ("senate_alerts:delete", "7@7", "same"),
    ("senate_alerts:insert", "7@8"),
    ("é" * 100 + ":backfill", "😀@9", "before"),
    ("model_release", ""),
    ("model_release", " "),
    ("model_release", "quote \" backslash \\ slash / tab \t newline \n del \x7f bell \x07"),
    ("modèle", "Zoë"),
    ("模型", "発表"),
    ("emoji", "😀 \U0010fffd"),
    ("k" * 200, "p" * 2000),
    ("é" * 100, "€" * 666),
    ("rtl", "אבג\u202e"),
    ("nbsp", "\u00a0\u0085\ufeff"),
    ("task_events", "9223372036854775807"),
]


def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(leaves):
    """RFC 6962, section 2.1."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return node(root(leaves[:k]), root(leaves[k:]))


def links():
    rows = []
    leaves = []
    previous = bytes(32)
    for index, (kind, pk, *change) in enumerate(LABELS):
        seq = index + 1
        appended_at = "2026-04-28T12:%02d:%02d.%06dZ" % (index, 59 - index, (index * 123457) % 1000000)
        payload_hash = sha256(canonical({"id": pk}))
        before_hash = {"before": sha256(canonical({"id": pk, "was": "t"})), "same": payload_hash}[change[0]] if change else None
        before = {} if before_hash is None else {"before_hash": before_hash}
        labels = {"appended_at": appended_at, **before, "event_kind": kind, "event_pk": pk, "payload_hash": payload_hash}
        event = canonical(labels)
        event_hash = hashlib.sha256(event.encode()).digest()
        chain_hash = hashlib.sha256(previous + event_hash + seq.to_bytes(8, "big")).digest()
        leaf = canonical({**labels, "chain_hash": chain_hash.hex(), "seq": seq})
        leaves.append(hashlib.sha256(b"\x00" + leaf.encode()).digest())
        rows.append(
            {
                "seq": seq,
                "event_kind": kind,
                "event_pk": pk,
                "payload_hash": payload_hash,
                "before_hash": before_hash,
                "event": event,
                "event_hash": event_hash.hex(),
                "prev_hash": previous.hex(),
                "chain_hash": chain_hash.hex(),
                "appended_at": appended_at,
                "leaf": leaf,
                "leaf_hash": leaves[-1].hex(),
                "root": root(leaves).hex(),
            }
        )
        previous = chain_hash
    return {
        "about": "a chain of 20 links, three of them with the hash of the row before: event text and hash, chain hash, leaf, leaf hash, and the tree's root after it",
        "links": rows,
    }


def blind_keys():
    cases = []
    for name, secret, key in [
        ("zeros", bytes(32), "42"),
        ("empty-key", bytes(range(32)), ""),
        ("composite", bytes(range(32)), '["agent","a\\"b"]'),
        ("beyond-ascii", b"\xff" * 32, "Zoë 😀"),
        ("longest", hashlib.sha256(b"secret").digest(), "p" * 2000),
    ]:
        blinded = hmac.new(secret, key.encode(), hashlib.sha256).hexdigest()
        cases.append({"name": name, "secret": secret.hex(), "key": key, "blinded": blinded})
    return {"about": "keys of rows and their blinded form: HMAC-SHA256 under the table's secret", "cases": cases}


def salted():
    cases = []
    for name, salt, payload in [
        ("zeros", bytes(16), {}),
        ("row", bytes(range(16)), {"id": "2", "name": "Zoë"}),
        ("like-json", b'{"id":"2","x":"y', {"id": "2"}),
        ("any-bytes", b"\xff" * 16, {"a": "\u0000\n", "😀": "é"}),
    ]:
        text = canonical(payload)
        cases.append({"name": name, "salt": salt.hex(), "payload": payload, "hash": hashlib.sha256(salt + text.encode()).hexdigest()})
    return {"about": "payloads of rows under their salt: SHA-256(salt || canonical JSON)", "cases": cases}


def main():
    directory = pathlib.Path(sys.argv[1])
    made = {"canonical": canonical_ascii(), "payloads": payloads(), "links": links(), "blind-keys": blind_keys(), "salted": salted()}
    for name, value in made.items():
        text = json.dumps(value, ensure_ascii=False, indent=1) + "\n"
        (directory / f"{name}.json").write_text(text, encoding="utf-8")


main()
