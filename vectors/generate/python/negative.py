"""Writes the negative vectors: inputs that must be refused, each with a name and the expected error code.

    python3 negative.py ../..

Reads the positive vectors there (their signed notes and heads are changed here) and writes negative/*.json.
"""

import base64
import json
import pathlib
import sys

directory = pathlib.Path(sys.argv[1])


def read(name):
    return json.loads((directory / f"{name}.json").read_text(encoding="utf-8"))


def write(name, about, cases):
    names = [case["name"] for case in cases]
    assert len(set(names)) == len(names), name
    text = json.dumps({"about": about, "cases": cases}, ensure_ascii=False, indent=1) + "\n"
    (directory / "negative").mkdir(exist_ok=True)
    (directory / "negative" / f"{name}.json").write_text(text, encoding="utf-8")


def texts(code, cases):
    return [{"name": name, "text": text, "code": code} for name, text in cases.items()]


def swap(text, old, new, count=1):
    assert old in text, (old, text)
    return text.replace(old, new, count)


write(
    "json-text",
    "JSON text that parseJson refuses",
    texts(
        "json_syntax",
        {
            "empty": "",
            "white-space-only": " \n",
            "byte-order-mark": "\ufeff{}",
            "no-break-space": "\u00a0{}",
            "two-values": "{} {}",
            "trailing-comma-object": '{"a":1,}',
            "trailing-comma-array": "[1,]",
            "missing-colon": '{"a" 1}',
            "unquoted-name": "{a:1}",
            "single-quotes": "{'a':1}",
            "comment": "[1/*one*/]",
            "leading-zero": "01",
            "leading-plus": "+1",
            "bare-minus": "-",
            "no-fraction-digits": "1.",
            "no-whole-digits": ".5",
            "no-exponent-digits": "1e",
            "hexadecimal": "0x10",
            "nan": "NaN",
            "infinity": "-Infinity",
            "capital-true": "True",
            "half-a-word": "nul",
            "undefined": "undefined",
            "raw-newline-in-string": '"a\nb"',
            "raw-nul-in-string": '"a\u0000b"',
            "unknown-escape": '"\\x41"',
            "escaped-quote-at-the-end": '"\\"',
            "short-unicode-escape": '"\\u12"',
            "signed-unicode-escape": '"\\u+123"',
            "escape-of-a-prototype-member": '"\\constructor"',
            "unclosed-string": '"a',
            "unclosed-object": '{"a":1',
            "unclosed-array": "[[1]",
            "wrong-bracket": "[1}",
        },
    )
    + texts(
        "json_duplicate_name",
        {
            "same-name": '{"a":1,"a":1}',
            "same-name-nested": '[{"b":{"a":1,"c":2,"a":3}}]',
            "same-name-escaped": '{"a":1,"\\u0061":2}',
            "same-empty-name": '{"":1,"":2}',
            "same-proto": '{"__proto__":1,"__proto__":2}',
            "same-constructor": '{"constructor":1,"constructor":1}',
        },
    )
    + texts(
        "json_lossy_number",
        {
            "beyond-2-53": "9007199254740993",
            "beyond-2-53-negative": "-9007199254740993",
            "beyond-2-53-as-fraction": "9007199254740993.0",
            "too-many-digits": "0.1000000000000000055511151231257827",
            "rfc-8785-own-sample": "333333333.33333329",
            "sum": "0.30000000000000001",
            "too-large": "1e400",
            "too-large-negative": "-1e400",
            "too-small": "1e-400",
            "subnormal": "3e-324",
            "bigint": "9223372036854775807",
            "huge-exponent": "1e99999999999999999999",
            "inside": '{"a":[1,2,9007199254740993]}',
        },
    )
    + texts(
        "json_surrogate",
        {
            "high-alone": '"\\ud800"',
            "low-alone": '"\\udc00"',
            "high-then-letter": '"\\ud83dx"',
            "reversed": '"\\ude00\\ud83d"',
            "in-a-name": '{"\\ud800":1}',
            "high-high-low": '"\\ud83d\\ud83d\\ude00"',
        },
    )
    + texts("json_too_deep", {"1001-arrays": "[" * 1001 + "]" * 1001, "1001-open-objects": '{"a":' * 1001}),
)

write(
    "time",
    "appended_at: parseTime refuses",
    texts(
        "time_malformed",
        {
            "empty": "",
            "no-fraction": "2026-04-28T12:00:00Z",
            "milliseconds": "2026-04-28T12:00:00.123Z",
            "nanoseconds": "2026-04-28T12:00:00.123456789Z",
            "space": "2026-04-28 12:00:00.123456Z",
            "offset": "2026-04-28T12:00:00.123456+00:00",
            "lower-case": "2026-04-28t12:00:00.123456z",
            "no-zone": "2026-04-28T12:00:00.123456",
            "newline": "2026-04-28T12:00:00.123456Z\n",
            "february-30": "2026-02-30T12:00:00.123456Z",
            "february-29-common-year": "2027-02-29T12:00:00.123456Z",
            "february-29-century": "2100-02-29T12:00:00.123456Z",
            "month-13": "2026-13-01T12:00:00.123456Z",
            "month-0": "2026-00-01T12:00:00.123456Z",
            "day-0": "2026-04-00T12:00:00.123456Z",
            "hour-24": "2026-04-28T24:00:00.000000Z",
            "minute-60": "2026-04-28T12:60:00.000000Z",
            "leap-second": "2016-12-31T23:59:60.000000Z",
            "five-digit-year": "12026-04-28T12:00:00.123456Z",
            "infinity": "infinity",
            "arabic-digits": "٢٠٢٦-04-28T12:00:00.123456Z",
        },
    )
    + texts("time_range", {"before-2000": "1999-12-31T23:59:59.999999Z", "year-0": "0000-01-01T00:00:00.000000Z"}),
)

leaf = read("links")["links"][3]["leaf"]
first = read("links")["links"][0]["leaf"]
changed = read("links")["links"][5]["leaf"]
before = read("links")["links"][5]["before_hash"]
before_member = f'"before_hash":"{before}",'
write(
    "leaf",
    "text that parseLeaf refuses",
    texts(
        "leaf_malformed",
        {
            "empty": "",
            "not-json": leaf[:-1],
            "array": "[]",
            "null": "null",
            "no-members": "{}",
            "white-space": swap(leaf, ":", ": "),
            "newline-at-the-end": leaf + "\n",
            "carriage-return": leaf + "\r",
            "another-order": '{"seq":1,' + swap(first, ',"seq":1}', "}")[1:],
            "extra-member": swap(first, '"seq":1', '"seq":1,"zzz":1'),
            "duplicate-member": swap(first, '"seq":1', '"seq":1,"seq":1'),
            "missing-member": swap(first, '"event_pk":"1",', ""),
            "seq-0": swap(first, '"seq":1', '"seq":0'),
            "seq-negative": swap(first, '"seq":1', '"seq":-1'),
            "seq-fraction": swap(first, '"seq":1', '"seq":1.5'),
            "seq-with-a-zero-fraction": swap(first, '"seq":1', '"seq":1.0'),
            "seq-exponent": swap(first, '"seq":1', '"seq":1e0'),
            "seq-text": swap(first, '"seq":1', '"seq":"1"'),
            "seq-null": swap(first, '"seq":1', '"seq":null'),
            "seq-2-53": swap(first, '"seq":1', '"seq":9007199254740992'),
            "seq-2-53-and-one": swap(first, '"seq":1', '"seq":9007199254740993'),
            "seq-2-64": swap(first, '"seq":1', '"seq":18446744073709551616'),
            "kind-number": swap(first, '"task_events"', "1"),
            "kind-null": swap(first, '"task_events"', "null"),
            "kind-too-long": swap(first, "task_events", "k" * 210),
            "kind-too-long-in-bytes": swap(first, "task_events", "é" * 105),
            "pk-too-long": swap(first, '"event_pk":"1"', '"event_pk":"' + "p" * 2021 + '"'),
            "needless-escape": swap(first, "task_events", "task\\u005fevents"),
            "escaped-slash": swap(first, "task_events", "task\\/events"),
            "upper-case-escape": swap(first, "task_events", "\\u001F"),
            "lone-surrogate": swap(first, "task_events", "\\ud800"),
            "hash-upper-case": swap(first, read("links")["links"][0]["chain_hash"], read("links")["links"][0]["chain_hash"].upper()),
            "hash-short": swap(first, read("links")["links"][0]["chain_hash"], read("links")["links"][0]["chain_hash"][:-2]),
            "hash-odd": swap(first, read("links")["links"][0]["chain_hash"], read("links")["links"][0]["chain_hash"][:-1]),
            "hash-long": swap(first, read("links")["links"][0]["chain_hash"], read("links")["links"][0]["chain_hash"] + "00"),
            "hash-not-hex": swap(first, read("links")["links"][0]["chain_hash"], "g" * 64),
            "before-null": swap(first, '"chain_hash"', '"before_hash":null,"chain_hash"'),
            "before-empty": swap(changed, before, ""),
            "before-short": swap(changed, before, before[:-2]),
            "before-upper-case": swap(changed, before, before.upper()),
            "before-number": swap(changed, f'"{before}"', "1"),
            "before-first": "{" + before_member + swap(changed, before_member, "")[1:],
            "before-after-the-chain-hash": swap(
                swap(changed, before_member, ""), '"event_kind"', before_member + '"event_kind"'
            ),
            "before-twice": swap(changed, before_member, before_member * 2),
            "time-without-fraction": swap(first, ".000000Z", "Z"),
            "time-with-milliseconds": swap(first, ".000000Z", ".000Z"),
            "time-february-30": swap(first, "2026-04-28", "2026-02-30"),
            "time-1999": swap(first, "2026-04-28", "1999-04-28"),
            "proto": '{"__proto__":' + first + "}",
        },
    ),
)

notes = {case["name"]: case for case in read("notes")["notes"]}
keys = {key["name"]: key for key in read("notes")["keys"]}
plain = notes["text"]
signed = notes["checkpoint-1042"]
text, _, signatures = signed["note"].rpartition("\n\n")
log_line, time_line, witness_line, _ = signatures.split("\n")
log_key, time_key, witness_key = signed["keys"]


def note(name, note, code, vkeys=signed["keys"]):
    return {"name": name, "note": note, "vkeys": vkeys, "code": code}


def with_lines(*lines, text=text):
    return text + "\n\n" + "".join(line + "\n" for line in lines)


def change(line, at):
    """The line with one bit of its signature blob changed."""
    head, _, blob = line.rpartition(" ")
    data = bytearray(base64.b64decode(blob))
    data[at] ^= 1
    return head + " " + base64.b64encode(data).decode()


def resized(line, cut):
    head, _, blob = line.rpartition(" ")
    data = base64.b64decode(blob)
    return head + " " + base64.b64encode(data[:cut] if cut < 0 else data + bytes(cut)).decode()


malformed = {
    "empty": "",
    "no-signatures": text + "\n",
    "no-empty-line": text + "\n" + log_line + "\n",
    "nothing-after-the-empty-line": text + "\n\n",
    "no-final-newline": with_lines(log_line)[:-1],
    "empty-line-at-the-end": with_lines(log_line) + "\n",
    "carriage-returns": with_lines(log_line).replace("\n", "\r\n"),
    "tab": with_lines(log_line, text="a\tb"),
    "nul": with_lines(log_line, text="a\u0000b"),
    "escape": with_lines(log_line, text="a\u001b[31mb"),
    "hyphen": with_lines(swap(log_line, "—", "-")),
    "en-dash": with_lines(swap(log_line, "—", "–")),
    "two-spaces": with_lines(swap(log_line, "— ", "—  ")),
    "trailing-space": with_lines(log_line + " "),
    "trailing-word": with_lines(log_line + " x"),
    "no-name": with_lines("— " + log_line.split(" ")[2]),
    "empty-name": with_lines("—  " + log_line.split(" ")[2]),
    "name-with-plus": with_lines(swap(log_line, "scidex.ai", "scidex+ai")),
    "name-with-no-break-space": with_lines(swap(log_line, "scidex.ai", "scidex\u00a0ai")),
    "name-with-next-line": with_lines(swap(log_line, "scidex.ai", "scidex\u0085ai")),
    "name-with-delete": with_lines(swap(log_line, "scidex.ai", "scidex\u007fai")),
    "name-with-csi": with_lines(swap(log_line, "scidex.ai", "scidex\u009bai")),
    "name-too-long": with_lines("— " + "n" * 256 + " " + log_line.split(" ")[2]),
    "not-base64": with_lines("— scidex.ai/audit-chain ****"),
    "no-base64": with_lines("— scidex.ai/audit-chain "),
    "base64-without-padding": with_lines(log_line.rstrip("=")),
    "base64-url-alphabet": with_lines("— example.com/log -_-_-_-_"),
    "base64-unused-bits": with_lines("— example.com/log AAAAAAD="),
    "base64-two-paddings": with_lines(log_line + "="),
    "key-id-only": with_lines("— example.com/log AAAAAA=="),
    "three-bytes": with_lines("— example.com/log AAAA"),
    "one-bad-line-among-good-ones": with_lines(log_line, "garbage", time_line),
    "101-signatures": with_lines(*[log_line.replace("scidex.ai", f"s{i}") for i in range(101)]),
    "the-same-signature-twice": with_lines(log_line, log_line),
    "two-cosignatures-of-one-key": with_lines(
        log_line, time_line, notes["checkpoint-2"]["note"].split("\n")[5]
    ),
}
write(
    "note",
    "notes that openNote refuses, with the given verifier keys",
    [note(name, value, "note_malformed") for name, value in malformed.items()]
    + [
        note("unknown-key", signed["note"], "signature_missing", [keys["example.com/log"]["vkey"]]),
        note("no-keys", signed["note"], "signature_missing", []),
        note("known-name-other-key-id", with_lines(change(log_line, 3)), "signature_missing"),
        note("known-key-id-other-name", with_lines(swap(log_line, "scidex.ai", "scidex.io")), "signature_missing"),
        note("text-changed", with_lines(log_line, text=swap(text, "1042", "1043")), "signature_invalid"),
        note("text-with-one-more-newline", with_lines(log_line, text=text + "\n"), "signature_invalid"),
        note("text-with-one-more-line", with_lines(log_line, text=text + "\nextension"), "signature_invalid"),
        note("first-byte-of-the-signature", with_lines(change(log_line, 4)), "signature_invalid"),
        note("last-byte-of-the-signature", with_lines(change(log_line, -1)), "signature_invalid"),
        note("signature-cut", with_lines(resized(log_line, -1)), "signature_invalid"),
        note("signature-longer", with_lines(resized(log_line, 1)), "signature_invalid"),
        note("time-of-a-cosignature", with_lines(log_line, change(time_line, 11)), "signature_invalid"),
        note("sign-bit-of-the-time", with_lines(log_line, swap(time_line, "1a6y8QAA", "1a6y8YAA")), "signature_invalid"),
        note("cosignature-cut", with_lines(log_line, resized(time_line, -8)), "signature_invalid"),
        note("good-and-bad", with_lines(log_line, change(time_line, 20), witness_line), "signature_invalid"),
    ],
)

root = "OrT7bIfx3df4Pxa7Lrs0CMnwq8swYaI0AfCpoU2QENg="
write(
    "checkpoint",
    "note text that parseCheckpoint refuses",
    texts(
        "checkpoint_malformed",
        {
            "empty": "",
            "no-final-newline": f"scidex.ai/a\n1042\n{root}",
            "two-lines": "scidex.ai/a\n1042\n",
            "extension-line": f"scidex.ai/a\n1042\n{root}\nextension\n",
            "empty-line": f"scidex.ai/a\n1042\n{root}\n\n",
            "empty-origin": f"\n1042\n{root}\n",
            "origin-with-space": f"scidex.ai a\n1042\n{root}\n",
            "origin-with-plus": f"scidex.ai+a\n1042\n{root}\n",
            "origin-too-long": "o" * 256 + f"\n1042\n{root}\n",
            "size-empty": f"scidex.ai/a\n\n{root}\n",
            "size-leading-zero": f"scidex.ai/a\n01042\n{root}\n",
            "size-two-zeros": f"scidex.ai/a\n00\n{root}\n",
            "size-negative": f"scidex.ai/a\n-1\n{root}\n",
            "size-plus": f"scidex.ai/a\n+1\n{root}\n",
            "size-hexadecimal": f"scidex.ai/a\n0x10\n{root}\n",
            "size-fraction": f"scidex.ai/a\n1.0\n{root}\n",
            "size-space": f"scidex.ai/a\n 1\n{root}\n",
            "size-2-63": f"scidex.ai/a\n9223372036854775808\n{root}\n",
            "size-2-64": f"scidex.ai/a\n18446744073709551616\n{root}\n",
            "size-of-a-thousand-digits": "scidex.ai/a\n" + "9" * 1000 + f"\n{root}\n",
            "root-empty": "scidex.ai/a\n1042\n\n",
            "root-without-padding": f"scidex.ai/a\n1042\n{root[:-1]}\n",
            "root-unused-bits": f"scidex.ai/a\n1042\n{root[:-2]}h=\n",
            "root-31-bytes": "scidex.ai/a\n1042\n" + base64.b64encode(bytes(31)).decode() + "\n",
            "root-33-bytes": "scidex.ai/a\n1042\n" + base64.b64encode(bytes(33)).decode() + "\n",
            "root-hexadecimal": "scidex.ai/a\n1042\n" + "00" * 32 + "\n",
            "carriage-returns": f"scidex.ai/a\r\n1042\r\n{root}\r\n",
        },
    ),
)

name, key_id, data = log_key.split("+", 2)
write(
    "verifier-key",
    "text that parseVerifierKey refuses",
    texts(
        "key_malformed",
        {
            "empty": "",
            "name-only": name,
            "no-data": f"{name}+{key_id}",
            "empty-name": f"+{key_id}+{data}",
            "other-name": f"{name}x+{key_id}+{data}",
            "other-key-id": f"{name}+00000000+{data}",
            "upper-case-key-id": f"{name}+{key_id.upper()}+{data}",
            "short-key-id": f"{name}+{key_id[1:]}+{data}",
            "unknown-type": f"{name}+{key_id}+" + base64.b64encode(b"\x02" + bytes(32)).decode(),
            "short-key": f"{name}+{key_id}+" + base64.b64encode(b"\x01" + bytes(31)).decode(),
            "long-key": f"{name}+{key_id}+" + base64.b64encode(b"\x01" + bytes(33)).decode(),
            "not-base64": f"{name}+{key_id}+****",
            "white-space-around": f" {log_key}",
            "newline": f"{log_key}\n",
            "a-secret-key": keys[name]["signer"],
            "far-too-long": "n" * 1000,
        },
    ),
)

own, stamp = keys["scidex.ai/audit-chain"], keys["scidex.ai/audit-chain/timestamp"]
other = keys["example.com/log"]
witness = keys["witness.example/w1"]
write(
    "key-file",
    "text that parseKeyFile refuses",
    texts(
        "key_file_malformed",
        {
            "empty": "",
            "one-key": own["signer"] + "\n",
            "no-final-newline": own["signer"] + "\n" + stamp["signer"],
            "three-lines": own["signer"] + "\n" + stamp["signer"] + "\n" + witness["signer"] + "\n",
            "carriage-returns": own["signer"] + "\r\n" + stamp["signer"] + "\r\n",
            "swapped": stamp["signer"] + "\n" + own["signer"] + "\n",
            "two-log-keys": own["signer"] + "\n" + other["signer"] + "\n",
            "two-time-stamping-keys": stamp["signer"] + "\n" + stamp["signer"] + "\n",
            "time-stamping-key-of-another-log": own["signer"] + "\n" + witness["signer"] + "\n",
            "public-keys": own["vkey"] + "\n" + stamp["vkey"] + "\n",
            "seed-changed": swap(own["signer"], "AQEB", "AQEC") + "\n" + stamp["signer"] + "\n",
            "key-id-changed": swap(own["signer"], own["vkey"].split("+")[1], "00000000") + "\n" + stamp["signer"] + "\n",
        },
    ),
)

merkle = read("merkle")


def claim(name, at_size, at_index, code, **changes):
    proof = next(p["proof"] for p in merkle["inclusions"] if p["size"] == at_size and p["index"] == at_index)
    base = {
        "name": name,
        "size": str(at_size),
        "index": str(at_index),
        "leaf_hash": merkle["leaf_hashes"][at_index],
        "proof": proof,
        "root": merkle["roots"][at_size],
        "code": code,
    }
    base.update({key: value(base[key]) if callable(value) else value for key, value in changes.items()})
    return base


write(
    "inclusion",
    "inclusion proofs that verifyInclusion refuses; sizes and indexes are decimal text",
    [
        claim("another-leaf", 7, 3, "proof_mismatch", leaf_hash=merkle["leaf_hashes"][4]),
        claim("another-root", 7, 3, "proof_mismatch", root=merkle["roots"][6]),
        claim("another-index", 7, 3, "proof_mismatch", index="2"),
        claim("another-index-on-another-level", 7, 3, "proof_malformed", index="6"),
        claim("another-size", 8, 3, "proof_malformed", size="9"),
    claim("another-size-with-another-path", 8, 6, "proof_malformed", size="7"),
    claim("root-of-another-size", 8, 3, "proof_mismatch", root=merkle["roots"][7]),
        claim("hashes-reversed", 7, 3, "proof_mismatch", proof=lambda proof: proof[::-1]),
        claim("one-hash-too-few", 7, 3, "proof_malformed", proof=lambda proof: proof[:-1]),
        claim("one-hash-too-many", 7, 3, "proof_malformed", proof=lambda proof: proof + [proof[0]]),
        claim("no-hashes", 7, 3, "proof_malformed", proof=[]),
        claim("a-hash-for-a-single-leaf", 1, 0, "proof_malformed", proof=[merkle["leaf_hashes"][1]]),
        claim("a-node-as-a-leaf", 4, 2, "proof_malformed", leaf_hash=merkle["roots"][2], size="2", index="1"),
        claim("short-hash", 7, 3, "hash_length", proof=lambda proof: [proof[0][:-2]] + proof[1:]),
        claim("short-leaf-hash", 7, 3, "hash_length", leaf_hash=lambda value: value[:-2]),
        claim("short-root", 7, 3, "hash_length", root=lambda value: value[:-2]),
        claim("empty-tree", 1, 0, "tree_range", size="0"),
        claim("index-beyond-the-tree", 7, 3, "tree_range", index="7"),
        claim("index-negative", 7, 3, "tree_range", index="-1"),
        claim("size-negative", 7, 3, "tree_range", size="-7"),
        claim("size-2-63", 7, 3, "tree_range", size=str(2**63)),
        claim("size-2-64", 7, 3, "tree_range", size=str(2**64)),
        claim("size-2-63-less-one", 7, 3, "proof_malformed", size=str(2**63 - 1)),
    ],
)

heads = {head["name"]: head["line"] for head in read("heads")["heads"]}
line = heads["seq-20"]
member = json.loads(line)
earlier = json.loads(heads["seq-19"])
later = json.loads(heads["the-same-seq-later"])
witnessed = json.loads(heads["with-a-witness"])


def format_line(members):
    return json.dumps(members, ensure_ascii=False, separators=(",", ":"))


assert format_line(member) == line


def head(**changes):
    return format_line({**member, **changes})


checkpoint = member["checkpoint"]
entry = member["entry"]
lines = checkpoint.split("\n")
write(
    "head",
    "head lines that parseHeadLine refuses, with the origin and keys of heads.json",
    texts(
        "head_malformed",
        {
            "empty": "",
            "torn": line[:-20],
            "array": f"[{line}]",
            "null": "null",
            "no-members": "{}",
            "white-space": swap(line, ":", ": "),
            "newline": line + "\n",
            "carriage-return": line + "\r",
            "another-order": format_line(dict(sorted(member.items()))),
            "extra-member": head(note="x"),
            "duplicate-member": swap(line, '"seq":20', '"seq":20,"seq":20'),
            "proto-member": swap(line, '"seq":20', '"seq":20,"__proto__":{}'),
            "seq-0": head(seq=0),
            "seq-negative": head(seq=-20),
            "seq-text": head(seq="20"),
            "seq-fraction": swap(line, '"seq":20', '"seq":20.0'),
            "seq-2-53": head(seq=2**53),
            "seq-2-64": head(seq=2**64),
            "chain-hash-upper-case": head(chain_hash=member["chain_hash"].upper()),
            "chain-hash-short": head(chain_hash=member["chain_hash"][:-2]),
            "chain-hash-null": head(chain_hash=None),
            "appended-at-null": head(appended_at=None),
            "appended-at-infinity": head(appended_at="infinity"),
            "published-at-number": head(published_at=1777381200),
            "checkpoint-null": head(checkpoint=None),
            "entry-object": head(entry=json.loads(entry)),
            "needless-escape": swap(line, "scidex.ai", "scidex\\u002eai"),
            "em-dash-escaped": swap(line, "—", "\\u2014"),
            "proof-null": head(proof=None),
            "proof-object": head(proof={"0": member["proof"][0]}),
            "proof-of-numbers": head(proof=[1]),
            "proof-of-short-hashes": head(proof=["AAAA"]),
            "proof-not-base64": head(proof=[member["proof"][0][:-1]]),
            "proof-of-64-hashes": head(proof=member["proof"][:1] * 64),
            "nested": "[" * 2000,
        },
    )
    + texts(
        "note_malformed",
        {
            "checkpoint-empty": head(checkpoint=""),
            "checkpoint-unsigned": head(checkpoint="\n".join(lines[:3]) + "\n"),
            "checkpoint-with-control-character": head(checkpoint=checkpoint.replace("scidex", "sci\u001bdex", 1)),
            "cosigned-twice-by-the-same-key": head(checkpoint=checkpoint + later["checkpoint"].split("\n")[5] + "\n"),
        },
    )
    + texts(
        "checkpoint_malformed",
        {
            "extension-line": head(checkpoint=checkpoint.replace("\n\n", "\nextension\n\n", 1)),
            "size-leading-zero": head(checkpoint=checkpoint.replace("\n20\n", "\n020\n", 1)),
        },
    )
    + texts(
        "origin_mismatch",
        {
            "another-log": heads["another-log"],
            "origin-changed": head(checkpoint=checkpoint.replace("audit-chain\n20", "audit-chaim\n20", 1)),
        },
    )
    + texts(
        "signature_missing",
        {
            "our-origin-signed-by-another-log": heads["our-origin-signed-by-another-log"],
            "cosigned-by-a-witness-only": heads["cosigned-by-a-witness-only"],
            "not-cosigned": head(checkpoint="\n".join(lines[:5]) + "\n"),
            "cosigned-only": head(checkpoint="\n".join(lines[:4] + lines[5:])),
            "log-signature-under-the-name-of-the-time-stamping-key": head(
                checkpoint="\n".join(lines[:5]) + "\n" + swap(lines[4], "audit-chain", "audit-chain/timestamp") + "\n"
            ),
        },
    )
    + texts(
        "signature_invalid",
        {
            "size-changed": head(checkpoint=checkpoint.replace("\n20\n", "\n21\n", 1)),
            "root-of-another-size": head(checkpoint=checkpoint.replace(lines[2], earlier["checkpoint"].split("\n")[2], 1)),
            "log-signature-changed": head(checkpoint="\n".join(lines[:4] + [change(lines[4], 30)] + lines[5:])),
            "cosignature-changed": head(checkpoint="\n".join(lines[:5] + [change(lines[5], 30)] + lines[6:])),
            "cosigned-time-changed": head(checkpoint="\n".join(lines[:5] + [change(lines[5], 11)] + lines[6:])),
            "signature-of-another-head": head(
                checkpoint="\n".join(lines[:4] + [earlier["checkpoint"].split("\n")[4]] + lines[5:])
            ),
        },
    )
    + texts(
        "head_member_mismatch",
        {
            "seq-changed": head(seq=19),
            "published-at-changed": head(published_at="2026-04-29T08:00:01Z"),
            "published-at-fresh-on-an-old-head": head(published_at=later["published_at"]),
            "published-at-with-another-form": head(published_at="2026-04-29T08:00:00.000Z"),
            "published-at-empty": head(published_at=""),
            "chain-hash-changed": head(chain_hash=earlier["chain_hash"]),
            "appended-at-changed": head(appended_at=earlier["appended_at"]),
        },
    )
    + texts(
        "leaf_malformed",
        {"entry-empty": head(entry=""), "entry-with-white-space": head(entry=entry.replace(":", ": ", 1))},
    )
    + texts(
        "proof_mismatch",
        {
            "entry-of-another-seq": head(entry=earlier["entry"]),
            "entry-changed": head(entry=entry.replace("task_events", "task_event_", 1)),
            "proof-reversed": head(proof=member["proof"][::-1]),
            "proof-of-another-seq": head(proof=json.loads(heads["seq-19"])["proof"] + member["proof"][:1]),
        },
    )
    + texts(
        "proof_malformed",
        {
            "proof-empty": head(proof=[]),
            "proof-one-too-few": head(proof=member["proof"][1:]),
            "proof-one-too-many": head(proof=member["proof"] + member["proof"][:1]),
        },
    ),
)


def change(before, now, **more):
    return {"before": before, "now": now, **more}


PLAIN = "timestamp without time zone"
ZONED = "timestamp with time zone"
STATE = "\"public\".\"state\"{'approved','rejected','open'}"
BERLIN = {"zone": "Europe/Berlin"}


def by_zone(name):
    return change(PLAIN, ZONED, zone=name)


# What loses something, or depends on what nobody recorded: no text is read from any other.
NO_READING = {
    "bigint-narrower": change("bigint", "integer"),
    "numeric-loses-zeros": change("numeric", "numeric(10,2)"),
    "numeric-smaller-scale": change("numeric(10,4)", "numeric(10,2)"),
    "numeric-negative-scale": change("numeric(10,2)", "numeric(10,-2)"),
    "integer-negative-scale": change("integer", "numeric(10,-2)"),
    "integer-double": change("integer", "double precision"),
    "double-real": change("double precision", "real"),
    "numeric-double": change("numeric(10,2)", "double precision"),
    "text-cut": change("text", "character varying(5)"),
    "varying-cut": change("character varying(9)", "character varying(5)"),
    "varying-bound": change("character varying", "character varying(5)"),
    "name-cut": change("name", "character varying(62)"),
    "json-cut": change("json", "character varying(100)"),
    "enum-cut": change(STATE, "character varying(7)"),
    "text-padded": change("text", "character(5)"),
    "character-shorter": change("character(9)", "character(5)"),
    "bpchar-text": change("bpchar", "text"),
    "single-char-text": change('"char"', "text"),
    "text-integer": change("text", "integer"),
    "text-uuid": change("text", "uuid"),
    "json-jsonb": change("json", "jsonb"),
    "bytea-text": change("bytea", "text"),
    "bit-other-length": change("bit(5)", "bit(7)"),
    "bit-cut": change("bit(5)", "bit varying(4)"),
    "varbit-cut": change("bit varying(9)", "bit varying(5)"),
    "varbit-bound": change("bit varying", "bit varying(5)"),
    "inet-cidr": change("inet", "cidr"),
    "timestamp-date": change(PLAIN, "date", **BERLIN),
    "timestamp-text": change(PLAIN, "text"),
    "date-text": change("date", "text"),
    "timestamp-fewer-digits": change("timestamp(5) without time zone", "timestamp(3) without time zone"),
    "zoned-fewer-digits": change("timestamp(5) without time zone", "timestamp(3) with time zone", **BERLIN),
    "time-zoned": change("time without time zone", "time with time zone", **BERLIN),
    "interval": change("interval(3)", "interval(6)"),
    "no-zone": change(PLAIN, ZONED),
    "zone-without-slash": by_zone("CET"),
    "zone-of-1970": by_zone("EST5EDT"),
    "zone-with-leap-seconds": by_zone("right/Europe/Berlin"),
    "zone-unknown": by_zone("Europe/Atlantis"),
    "zone-empty": by_zone(""),
    "zone-rule": by_zone("CET-1CEST"),
    "zone-bare-offset": by_zone("+02"),
    "zone-of-a-day": by_zone("<+24>-24"),
    "zone-for-arrays": change(PLAIN + "[]", ZONED + "[]", **BERLIN),
    "array-element": change("integer", "bigint[]"),
    "array-of-narrower": change("bigint[]", "integer[]"),
    "label-gone": change(STATE, "\"public\".\"state\"{'approved','open'}"),
    "label-not-given": change(STATE, "\"public\".\"state\"{'approved','refused','open'}"),
    "labels-joined": change(STATE, "\"public\".\"state\"{'approved','open'}", labels={"rejected": "approved"}),
    "label-that-never-was": change(STATE, STATE, labels={"closed": "open"}),
    "labels-of-no-enum": change("integer", "bigint", labels={"approved": "rejected"}),
    "enum-broken": change("\"public\".\"state\"{'a''}", "text"),
    "composite": change('"public"."pair"("a" integer)', '"public"."pair"("a" bigint)'),
    "range": change("int4range=integer", "int8range=bigint"),
}

# No old value can have become this text.
NO_TEXT = {
    "beyond-smallint": (change("smallint", "integer"), "32768"),
    "beyond-integer": (change("integer", "numeric(14,2)"), "2147483648.00"),
    "integer-with-plus": (change("integer", "text"), "+1"),
    "integer-with-zero": (change("integer", "text"), "01"),
    "integer-minus-zero": (change("integer", "text"), "-0"),
    "integer-arabic-digits": (change("integer", "text"), "\u0661"),
    "integer-line-end": (change("integer", "text"), "1\n"),
    "more-digits": (change("numeric(10,2)", "numeric(14,4)"), "1.2345"),
    "digit-behind-zeros": (change("numeric(10,2)", "numeric(14,4)"), "1.0001"),
    "beyond-precision": (change("numeric(10,2)", "numeric(14,4)"), "100000000.0000"),
    "beyond-precision-below-one": (change("numeric(2,4)", "numeric(14,6)"), "0.010000"),
    "wrong-scale": (change("numeric(10,2)", "numeric"), "1.5"),
    "numeric-infinity": (change("numeric(10,2)", "numeric"), "Infinity"),
    "numeric-minus-zero": (change("numeric(10,2)", "numeric"), "-0.00"),
    "not-a-hundred": (change("numeric(5,-2)", "numeric(9,2)"), "12340.00"),
    "no-real": (change("real", "double precision"), "0.1"),
    "real-in-other-words": (change("real", "double precision"), "0.5000"),
    "real-in-hex": (change("real", "double precision"), "0x10"),
    "real-overflow": (change("real", "double precision"), "1e+300"),
    "real-underflow": (change("real", "double precision"), "1e-50"),
    "blank-at-the-end": (change("character(5)", "text"), "ab "),
    "longer-than-character": (change("character(5)", "text"), "abcdef"),
    "no-blank-behind": (change("character(2)", "character(4)"), "abc "),
    "longer-than-varying": (change("character varying(5)", "text"), "\U0001f600" * 6),
    "printed-boolean": (change("boolean", "text"), "t"),
    "upper-case-uuid": (change("uuid", "text"), "6BA7B810-9DAD-11D1-80B4-00C04FD430C8"),
    "no-label": (change(STATE, "text"), "Approved"),
    "new-label": (change(STATE, STATE.replace("'open'", "'open','new'")), "new"),
    "old-name-of-a-label": (change(STATE, STATE.replace("'open'", "'shut'"), labels={"open": "shut"}), "open"),
    "bits-missing": (change("bit(5)", "bit varying"), "1010"),
    "bits-too-many": (change("bit varying(5)", "bit varying"), "101010"),
    "host-bits": (change("cidr", "inet"), "10.1.2.3/8"),
    "host-bits-v6": (change("cidr", "inet"), "2001:db8::1/32"),
    "mask-of-a-host": (change("cidr", "inet"), "10.1.2.3/32"),
    "noon": (change("date", PLAIN), "2026-04-28 12:00:00"),
    "digits": (change("timestamp(3) without time zone", PLAIN), "2026-04-28 12:00:00.1234"),
    "no-offset": (by_zone("UTC"), "2026-04-28 12:00:00"),
    "no-such-day": (by_zone("UTC"), "2026-02-29 12:00:00+00"),
    "zero-at-the-end": (by_zone("UTC"), "2026-04-28 12:00:00.50+00"),
    "year-zero": (by_zone("UTC"), "0000-04-28 12:00:00+00"),
    "before-the-first-moment": (by_zone("<+03>-03"), "294276-12-31 23:00:00+00"),
    "the-hour-that-comes-first": (by_zone("Europe/Berlin"), "2021-10-31 00:30:00+00"),
    "skipped-hour": (change(ZONED, PLAIN, **BERLIN), "2021-03-28 02:30:00"),
    "not-midnight-there": (change("date", ZONED, **BERLIN), "2021-07-01 00:00:00+00"),
    "array-element-beyond": (change("integer[]", "bigint[]"), "{1,NULL,2147483648}"),
    "array-broken": (change("integer[]", "bigint[]"), "{1, 2}"),
    "array-quoted-for-nothing": (change("character varying(5)[]", "text[]"), '{"a"}'),
}

# Copies of the zones' data differ here.
UNKNOWN = {
    "before-1970": (by_zone("Europe/Amsterdam"), "1930-07-01 12:00:00+00"),
    "before-christ": (by_zone("Europe/Berlin"), "0044-03-15 12:00:00+00 BC"),
    "later-than-the-change": (by_zone("Europe/Berlin"), "2026-07-01 12:00:00+00"),
    "later-than-the-change-back": (change(ZONED, PLAIN, **BERLIN), "9999-12-31 00:00:00"),
}

write(
    "type-change",
    "changes of a column's type, made on 2026-01-01, that leave no reading (null), and live texts that have no text before ([]) "
    "or an unknown one (null)",
    [{"name": name, **case, "reading": None} for name, case in NO_READING.items()]
    + [{"name": name, **case, "live": live, "texts": []} for name, (case, live) in NO_TEXT.items()]
    + [{"name": name, **case, "live": live, "texts": None} for name, (case, live) in UNKNOWN.items()],
)

proofs = read("tlog-proofs")["proofs"]
sixth, seventh = proofs[5], proofs[6]
proof = sixth["text"]
assert sixth["seq"] == 6
header, checkpoint = proof.split("\n\n", 1)
first, extra, index, *hashes = header.split("\n")
assert len(hashes) == 5, hashes


def tlog_proof(*, first=first, extra=extra, index=index, hashes=hashes, checkpoint=checkpoint):
    return "\n".join([first, *([extra] if extra else []), index, *hashes]) + "\n\n" + checkpoint


def leaf_as(change):
    leaf = base64.b64decode(extra.removeprefix("extra "))
    return "extra " + base64.b64encode(change(leaf)).decode()


assert tlog_proof() == proof
event = {"kind": sixth["kind"], "pk": sixth["pk"]}
mutations = [
    (
        "proof_malformed",
        {
            "empty": "",
            "no-checkpoint": header + "\n",
            "another-first-line": tlog_proof(first="c2sp.org/tlog-proof@v2"),
            "spaces-at-the-end": tlog_proof(first=first + " "),
            "carriage-returns": proof.replace("\n", "\r\n"),
            "byte-order-mark": "\ufeff" + proof,
            "no-index": tlog_proof(index="").replace("\n\n", "\n", 1),
            "index-leading-zero": tlog_proof(index="index 05"),
            "index-plus": tlog_proof(index="index +5"),
            "index-negative": tlog_proof(index="index -1"),
            "index-hexadecimal": tlog_proof(index="index 0x5"),
            "index-2-63": tlog_proof(index=f"index {2**63}"),
            "index-2-63-less-one": tlog_proof(index=f"index {2**63 - 1}"),
            "index-of-a-million-digits": tlog_proof(index="index " + "1" * 100_000),
            "index-before-extra": tlog_proof(extra=index, index=extra),
            "extra-twice": tlog_proof(extra=extra + "\n" + extra),
            "extra-missing": tlog_proof(extra=None),
            "extra-without-padding": tlog_proof(extra=extra[:-4] + "eyJ"),
            "extra-of-the-url-alphabet": tlog_proof(extra="extra _-__"),
            "hash-short": tlog_proof(hashes=[hashes[0][:-4], *hashes[1:]]),
            "hash-unused-bits": tlog_proof(hashes=[hashes[0][:-2] + "B=", *hashes[1:]]),
            "hash-with-a-space": tlog_proof(hashes=[hashes[0] + " ", *hashes[1:]]),
            "hashes-of-64": tlog_proof(hashes=hashes[:1] * 64),
            "hashes-of-a-thousand": tlog_proof(hashes=hashes[:1] * 1000),
            "one-hash-too-few": tlog_proof(hashes=hashes[:-1]),
            "one-hash-too-many": tlog_proof(hashes=[*hashes, hashes[0]]),
            "index-on-another-level": tlog_proof(index="index 19"),
        },
    ),
    (
        "proof_mismatch",
        {
            "another-index": tlog_proof(index="index 4"),
            "hashes-in-another-order": tlog_proof(hashes=hashes[::-1]),
            "leaf-of-another-event": tlog_proof(extra=seventh["text"].split("\n")[1]),
            "leaf-changed": tlog_proof(extra=leaf_as(lambda leaf: leaf.replace(b'"seq":6', b'"seq":7'))),
            "leaf-with-white-space": tlog_proof(extra=leaf_as(lambda leaf: leaf + b"\n")),
            "leaf-empty": tlog_proof(extra="extra "),
        },
    ),
    ("tree_range", {"index-behind-the-tree": tlog_proof(index="index 20")}),
    (
        "note_malformed",
        {
            "checkpoint-unsigned": tlog_proof(checkpoint="\n".join(checkpoint.split("\n")[:3]) + "\n"),
            "checkpoint-cut": proof[:-1],
            "another-empty-line": proof + "\n",
        },
    ),
    ("checkpoint_malformed", {"extension-line": tlog_proof(checkpoint=checkpoint.replace("\n\n", "\nextension\n\n", 1))}),
    (
        "origin_mismatch",
        {"another-origin": tlog_proof(checkpoint=checkpoint.replace("audit-chain\n20", "audit-chaim\n20", 1))},
    ),
    (
        "signature_invalid",
        {
            "another-size": tlog_proof(checkpoint=checkpoint.replace("\n20\n", "\n21\n", 1)),
            "checkpoint-of-another-tree": tlog_proof(
                checkpoint=checkpoint.replace(
                    checkpoint.split("\n")[2], json.loads(heads["seq-19"])["checkpoint"].split("\n")[2], 1
                )
            ),
        },
    ),
    (
        "signature_missing",
        {
            "signed-by-the-log-only": tlog_proof(checkpoint="\n".join(checkpoint.split("\n")[:5]) + "\n"),
            "cosigned-only": tlog_proof(
                checkpoint="\n".join(checkpoint.split("\n")[:4] + checkpoint.split("\n")[5:])
            ),
        },
    ),
    ("event_mismatch", {"proof-of-another-event": seventh["text"]}),
]
write(
    "tlog-proof",
    "proofs that verifyProof refuses for the given event, with the origin and keys of heads.json",
    [
        {"name": name, **event, "text": text, "code": code}
        for code, cases in mutations
        for name, text in cases.items()
    ],
)
