# SPDX-License-Identifier: GPL-2.0
"""What /dev/fusionN costs, beside the render node of fusion. For tests/bench/run."""

import pathlib
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
NS_PER_INSTRUCTION = 8
NODE = "the render node, by requests"
TEN = "the same with 10 idle objects"

# name in the output of bench-legacy: (what it is, peer, target for the ratio)
ROWS = {
    "legacy-call": ("/dev/fusion0: call and return, 64 bytes", NODE, 1.1),
    "legacy-lock": ("/dev/fusion0: prevail + dismiss", NODE, 1.1),
    "legacy-dispatch": ("/dev/fusion0: dispatch and read, 64 bytes", NODE, 1.1),
    "legacy-call-many": ("/dev/fusion0: call, 1000 idle objects", TEN, 1.1),
    "legacy-lock-many": ("/dev/fusion0: prevail + dismiss, 1000 idle", TEN, 1.1),
    "legacy-dispatch-many": ("/dev/fusion0: dispatch, 1000 idle objects", TEN, 1.1),
}


def measure():
    """All rows in instructions."""
    done = subprocess.run(
        [TOP / "tests/guest/run", "--icount", "--timeout", "900", "--",
         TOP / "build/user/tests/bench/bench-legacy"],
        cwd=TOP, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"{done.stdout}\nThe guest ended with status {done.returncode}.")
    lines = [line.split() for line in done.stdout.splitlines()]
    pairs = {words[0]: [int(word) // NS_PER_INSTRUCTION for word in words[1:]]
             for words in lines if len(words) == 3 and words[0] in ROWS}
    if pairs.keys() != ROWS.keys():
        sys.exit(f"{done.stdout}\nRows are missing: {sorted(ROWS.keys() - pairs.keys())}")
    rows = []
    for key, (name, peer_name, target) in ROWS.items():
        ours, peer = pairs[key]
        ratio = round(ours / peer, 3)
        rows.append({"name": name, "unit": "instructions", "ours": ours, "peer_name": peer_name,
                     "peer": peer, "ratio": ratio, "target": target, "met": ratio <= target})
    return rows
