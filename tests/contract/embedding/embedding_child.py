"""A child that speaks the protocol of the embedder and misbehaves on request.

argv: behaviour, counter file, order
"""

from __future__ import annotations

import base64
import json
import struct
import sys
import time
from pathlib import Path

DIMS = 8


def main() -> None:
    """Be ready, then answer as the behaviour says."""
    behaviour, counter, order = sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3])
    starts = int(counter.read_text()) + 1 if counter.exists() else 1
    counter.write_text(str(starts))
    assert Path(order["folder"]).is_absolute()
    if behaviour == "refuses":
        print(json.dumps({"event": "error", "message": "will not", "hint": "do this"}), flush=True)
        return
    if behaviour == "dies early" or (behaviour == "dies once" and starts == 1):
        print("out of memory", file=sys.stderr)
        sys.exit(9)
    print(json.dumps({"event": "ready", "dims": DIMS}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        numbers = [float(len(text)) for text in request["texts"] for _ in range(DIMS)]
        if behaviour == "sleeps":
            time.sleep(60)
        if behaviour == "zeros":
            numbers = [0.0] * len(numbers)
        if behaviour == "infinite":
            numbers[0] = float("inf")
        if behaviour == "short":
            numbers.pop()
        answer = base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()
        said = {"id": request["id"], "vectors": answer}
        if behaviour == "other id":
            said["id"] += 1
        if behaviour == "fails":
            said = {"id": request["id"], "error": "shape"}
        print("{nonsense" if behaviour == "nonsense" else json.dumps(said), flush=True)


main()
