# SPDX-License-Identifier: GPL-2.0
"""What the primitives of fusion cost, beside what programs use without it. For tests/bench/run."""

import pathlib
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
NS_PER_INSTRUCTION = 8
MUTEX = "a process-shared robust recursive mutex"

# name in the output of bench-fusion: (what it is, peer, target for the ratio)
ROWS = {
    "skirmish": ("lock + unlock, uncontended", MUTEX, 1.1),
    "skirmish-handoff": ("hand-off from process to process", MUTEX, 1.0),
}


def measure():
    """All rows."""
    done = subprocess.run(
        [TOP / "tests/guest/run", "--icount", "--timeout", "900", "--",
         TOP / "build/user/tests/bench/bench-fusion"],
        cwd=TOP, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"{done.stdout}\nThe guest ended with status {done.returncode}.")
    rows = []
    for line in done.stdout.splitlines():
        words = line.split()
        if len(words) != 3 or words[0] not in ROWS:
            continue
        name, peer_name, target = ROWS[words[0]]
        ours, peer = (int(word) // NS_PER_INSTRUCTION for word in words[1:])
        ratio = round(ours / peer, 3)
        rows.append({"name": name, "unit": "instructions", "ours": ours, "peer_name": peer_name,
                     "peer": peer, "ratio": ratio, "target": target, "met": ratio <= target})
    if len(rows) != len(ROWS):
        sys.exit(f"{done.stdout}\nbench-fusion has not printed all rows.")
    return rows
