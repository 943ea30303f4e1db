"""Recomputes a ledger's rows with Python's standard library alone, as the existing implementation verifies them.

Usage: recompute.py FILE.sqlite SECRET, or the rows as JSON lines on stdin: recompute.py - SECRET
Prints one JSON object: how many rows each agent has whose signed text, HMAC and place in the order of time are right, and
what is wrong otherwise. Nothing here is shared with the TypeScript code.
"""

import datetime
import hashlib
import hmac
import json
import sqlite3
import sys

SIGNED = (
    "id", "timestamp", "agent_id", "session_id", "operation", "input_hash",
    "output_hash", "model_used", "human_oversight_flag", "risk_flag", "prev_hmac",
)


def rows_of(source):
    if source == "-":
        for line in sys.stdin:
            row = json.loads(line)
            at = datetime.datetime.strptime(row["timestamp"], "%Y-%m-%dT%H:%M:%S.%fZ")
            yield {**row, "timestamp": at}
        return
    connection = sqlite3.connect("file:" + source + "?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    for row in connection.execute("SELECT * FROM audit_events"):
        at = datetime.datetime.strptime(row["timestamp"], "%Y-%m-%d %H:%M:%S.%f")
        flags = {name: bool(row[name]) for name in ("human_oversight_flag", "risk_flag")}
        yield {**dict(row), **flags, "timestamp": at}


def main():
    source, secret = sys.argv[1:3]
    key = hashlib.pbkdf2_hmac("sha256", secret.encode("utf-8"), b"molecule-audit-ledger-v1", 210_000, dklen=32)
    counts, faults, last, seen = {}, [], {}, {}
    for row in sorted(rows_of(source), key=lambda row: row["timestamp"]):
        agent = row["agent_id"]
        members = {name: row[name] for name in SIGNED}
        members["timestamp"] = row["timestamp"].strftime("%Y-%m-%dT%H:%M:%SZ")
        text = json.dumps(members, sort_keys=True, separators=(",", ":"))
        expected = hmac.new(key, text.encode("utf-8"), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, row["hmac"]):
            faults.append([row["id"], "hmac"])
        if row["prev_hmac"] != last.get(agent):
            faults.append([row["id"], "prev_hmac"])
        if agent in seen and row["timestamp"] <= seen[agent]:
            faults.append([row["id"], "timestamp"])
        last[agent], seen[agent] = row["hmac"], row["timestamp"]
        counts[agent] = counts.get(agent, 0) + 1
    print(json.dumps({"counts": counts, "faults": faults}))


main()
