"""Verifies one agent's rows of a SQLite ledger with Python's standard library, as a plain program would, and prints
the seconds that took, the key's derivation included: ledger.py FILE SECRET AGENT"""

import datetime
import hashlib
import hmac
import json
import sqlite3
import sys
import time

SIGNED = (
    "id", "timestamp", "agent_id", "session_id", "operation", "input_hash", "output_hash",
    "model_used", "human_oversight_flag", "risk_flag", "prev_hmac",
)

source, secret, agent = sys.argv[1:]
start = time.perf_counter()
key = hashlib.pbkdf2_hmac("sha256", secret.encode("utf-8"), b"molecule-audit-ledger-v1", 210_000, dklen=32)
connection = sqlite3.connect("file:" + source + "?mode=ro", uri=True)
connection.row_factory = sqlite3.Row
previous = None
rows = connection.execute("SELECT * FROM audit_events WHERE agent_id = ? ORDER BY timestamp", (agent,))
for row in rows:
    members = {name: row[name] for name in SIGNED}
    at = datetime.datetime.strptime(row["timestamp"], "%Y-%m-%d %H:%M:%S.%f")
    members["timestamp"] = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    members["human_oversight_flag"] = bool(row["human_oversight_flag"])
    members["risk_flag"] = bool(row["risk_flag"])
    text = json.dumps(members, sort_keys=True, separators=(",", ":"))
    expected = hmac.new(key, text.encode("utf-8"), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, row["hmac"]) or row["prev_hmac"] != previous:
        raise SystemExit(f"broken at {row['id']}")
    previous = row["hmac"]
print(time.perf_counter() - start)
