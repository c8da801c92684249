# SPDX-License-Identifier: GPL-2.0
"""What a frame costs in shrbufsink, beside kmssink, on vkms. For tests/bench/run."""

import pathlib
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
NS_PER_INSTRUCTION = 8
PEER = "kmssink"

# name in the output of bench-gst: (what it is, target for the ratio)
ROWS = {
    "shown": ("a frame in a dma-buf on vkms, by shrbufsink", 1.0),
    "copied": ("a frame in other memory, which has to be copied", 1.0),
}


def measure():
    """All rows."""
    program = TOP / "build/user/tests/bench/bench-gst"
    if not program.exists():
        return []
    plugins = subprocess.run(
        ["pkg-config", "--variable=pluginsdir", "gstreamer-1.0"],
        stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    kms = f"{plugins}/libgstkms.so"
    done = subprocess.run(
        [TOP / "tests/guest/run", "--icount", "--mem", "2048", "--timeout", "900",
         "--modules", "vkms", "--env", "GST_REGISTRY_DISABLE=yes",
         "--env", "GST_PLUGIN_SYSTEM_PATH_1_0=", "--file", kms, "--", program, kms],
        cwd=TOP, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"{done.stdout}\nThe guest ended with status {done.returncode}.")
    rows = []
    for line in done.stdout.splitlines():
        words = line.split()
        if len(words) != 3 or words[0] not in ROWS:
            continue
        name, target = ROWS[words[0]]
        ours, peer = (int(word) // NS_PER_INSTRUCTION for word in words[1:])
        ratio = round(ours / peer, 3)
        rows.append({"name": name, "unit": "instructions", "ours": ours, "peer_name": PEER,
                     "peer": peer, "ratio": ratio, "target": target, "met": ratio <= target})
    if len(rows) != len(ROWS):
        sys.exit(f"{done.stdout}\nbench-gst has not printed all rows.")
    return rows
