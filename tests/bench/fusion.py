# SPDX-License-Identifier: GPL-2.0
"""What the primitives of fusion cost, beside what programs use without it. For tests/bench/run."""

import pathlib
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
NS_PER_INSTRUCTION = 8
NS_PER_SECOND = 1000000000
PROGRAM = TOP / "build/user/tests/bench/bench-fusion"
MUTEX = "a process-shared robust recursive mutex"
TEN = "the same with 10 objects alive"

# name in the output of bench-fusion: (what it is, peer, target for the ratio)
ROWS = {
    "skirmish": ("lock + unlock, uncontended", MUTEX, 1.1),
    "skirmish-handoff": ("hand-off from process to process", MUTEX, 1.0),
    "ref": ("up + down", "atomic add + sub, a function each", 2.0),
    "ref-ioctl": ("up + down beside requests", "an ioctl each", 0.05),
    "call-seqpacket": ("call and reply, 64 bytes", "unix seqpacket ping-pong", 1.0),
    "call-binder": ("call and reply, 64 bytes", "binder", 1.0),
    "call-eventfd": ("call and reply, 64 bytes", "eventfds and shared memory", None),
}
for _count in (1, 10, 100, 1000):
    ROWS[f"dispatch-{_count}"] = (f"dispatch, per listener of {_count}", "a socket write each", 1.0)
ROWS |= {
    "dispatch-linear": ("dispatch to 1000, per listener", "the same of 100", 1.1),
    "death": ("death with 20000 objects, per object", "the same with 5000", 1.1),
}
for _count in (1000, 100000):
    ROWS |= {
        f"many-lock-{_count}": (f"lock + unlock by requests, {_count} alive", TEN, 1.1),
        f"many-ref-{_count}": (f"up + down by requests, {_count} alive", TEN, 1.1),
        f"many-call-{_count}": (f"one-way call and receive, {_count} alive", TEN, 1.1),
        f"many-death-{_count}": (f"death with 1000 objects, {_count} alive", TEN, 1.1),
    }
THROUGHPUT = [_name for _name in ROWS if not _name.startswith(("death", "many-"))
              and _name not in ("dispatch-100", "dispatch-1000", "dispatch-linear")]


def run(wanted, options, arguments=()):
    """Runs the program in the guest; gives pairs of nanoseconds by name."""
    done = subprocess.run(
        [TOP / "tests/guest/run", "--timeout", "900", "--modules", "binder_linux", *options,
         "--", PROGRAM, *arguments],
        cwd=TOP, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"{done.stdout}\nThe guest ended with status {done.returncode}.")
    lines = [line.split() for line in done.stdout.splitlines()]
    pairs = {words[0]: (int(words[1]), int(words[2]))
             for words in lines if len(words) == 3 and words[0] in wanted}
    if len(pairs) != len(wanted):
        sys.exit(f"{done.stdout}\nRows are missing: {sorted(set(wanted) - pairs.keys())}")
    return pairs


def measure():
    """All rows in instructions."""
    pairs = run(ROWS, ["--icount"])
    rows = []
    for key, (name, peer_name, target) in ROWS.items():
        ours, peer = (value // NS_PER_INSTRUCTION for value in pairs[key])
        ratio = round(ours / peer, 3)
        rows.append({"name": name, "unit": "instructions", "ours": ours, "peer_name": peer_name,
                     "peer": peer, "ratio": ratio, "target": target,
                     "met": None if target is None else ratio <= target})
    return rows


def throughput():
    """What an emulated machine with two processors does in a second: it varies, no targets."""
    pairs = run(THROUGHPUT, ["--cpus", "2", "--boot", "slub_debug=- page_poison=0"],
                ["throughput"])
    rows = []
    for key in THROUGHPUT:
        ours, peer = (NS_PER_SECOND // max(value, 1) for value in pairs[key])
        rows.append({"name": ROWS[key][0], "unit": "per second", "ours": ours,
                     "peer_name": ROWS[key][1], "peer": peer, "ratio": round(ours / peer, 3),
                     "target": None, "met": None})
    return rows
