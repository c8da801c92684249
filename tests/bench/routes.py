# SPDX-License-Identifier: GPL-2.0
"""What routes cost, beside programs that do the same. For tests/bench/run.

The camera is vivid, the display vkms, in the deterministic guest with one CPU. There a
millisecond is 125000 instructions, so latencies are those of a slow machine, and repeat.
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/demo"))
from report import Evidence  # noqa: E402
from route_report import NAMES, examine  # noqa: E402

NS_PER_INSTRUCTION = 8
SECONDS = 60
WAYS = ("route", "realtime", "client", "gst", "element")
PROGRAM = "a program with libdrm"
GST = NAMES["gst"]
COPY = "mmap and memcpy"
TAPS = "so many times that of one"

# name in the output of bench-route: (what it is, unit, peer, target for the ratio)
COSTS = {
    "route-program": ("a frame to a display, outside drivers", "instructions", PROGRAM, 0.99),
    "route-gst": ("a frame to a display, outside drivers", "instructions", GST, 0.1),
    "route-program-all": ("a frame to a display, with calls of drivers", "instructions", PROGRAM, 0.99),
    "route-gst-all": ("a frame to a display, with calls of drivers", "instructions", GST, None),
    "route-copy-all": ("a frame to a display, with calls of drivers", "instructions", COPY, None),
}
for _count in (2, 4, 8):
    COSTS[f"route-taps-{_count}"] = (f"a frame to {_count} taps", "instructions", TAPS, 1.0)

# What the guest has to have for route-script
TOOLS = ("awk", "basename", "bash", "cat", "dirname", "gst-launch-1.0", "grep", "head", "mkdir",
         "nproc", "rmdir", "sed", "sleep", "uname", "v4l2-ctl")
FILES = ("build/gst", "build/user/gst-plugin/libgstshrbuf.so", "build/user/lib/libshrbuf.so.0",
         "build/user/lib/fusion/libdrm_fusion.so.0", "build/user/samples/camera-to-kms/camera-to-kms",
         "build/user/tools/shrbufctl/shrbufctl", "tests/demo/route-script")


def guest(command, modules, files, timeout, *plugins):
    """The output of a command in the deterministic guest, with GStreamer and more plugins."""
    env = subprocess.run([TOP / "tests/demo/gst-env", "--guest", *plugins],
                         stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    options = [word for file in files for word in ("--file", file)]
    done = subprocess.run(
        [TOP / "tests/guest/run", "--icount", "--mem", "2048", "--timeout", str(timeout),
         "--modules", modules, *env, *options, "--", *command],
        cwd=TOP, stdout=subprocess.PIPE, text=True, errors="replace", check=False)
    if done.returncode:
        sys.exit(f"{done.stdout[-4000:]}\nThe guest ended with status {done.returncode}.")
    return done.stdout


def result(name, unit, ours, peer_name, peer, target, met=None):
    """A row. @met: if the ratio does not say it"""
    ratio = round(ours / peer, 3) if peer else None
    if met is None and target is not None:
        met = ratio is not None and ratio <= target
    return {"name": name, "unit": unit, "ours": ours, "peer_name": peer_name, "peer": peer,
            "ratio": ratio, "target": target, "met": met}


def costs():
    """Rows of what bench-route measures, and the bytes that are copied where that is done."""
    gst = ["gst-launch-1.0", "-q", "v4l2src", "device=/dev/video0", "io-mode=dmabuf", "!",
           "video/x-raw,format=BGRx,width=640,height=480", "!",
           "kmssink", "driver-name=vkms", "force-modesetting=true", "sync=false"]
    output = guest([TOP / "build/user/tests/bench/bench-route", *gst],
                   "vivid:n_devs=2,multiplanar=1,2,allocators=0,1 shrbuf_testdev vkms",
                   [shutil.which("gst-launch-1.0"), TOP / "build/gst"], 1800)
    rows, copied = [], 0
    for line in output.splitlines():
        words = line.split()
        if len(words) == 2 and words[0] == "copied":
            copied = int(words[1])
        if len(words) != 3 or words[0] not in COSTS:
            continue
        name, unit, peer_name, target = COSTS[words[0]]
        ours, peer = map(int, words[1:])
        if unit == "instructions":
            ours, peer = ours // NS_PER_INSTRUCTION, peer // NS_PER_INSTRUCTION
        rows.append(result(name, unit, ours, peer_name, peer, target))
    if len(rows) != len(COSTS) or not copied:
        sys.exit(f"{output}\nbench-route has not printed all rows.")
    return rows, copied


def observe():
    """What became of the frames while the CPU was busy, by way."""
    files = [shutil.which(tool) for tool in TOOLS] + [TOP / file for file in FILES]
    output = guest([TOP / "tests/bench/route-load", TOP / "tests/demo/route-script",
                    TOP / "build/user", "vkms", str(SECONDS), *WAYS],
                   "vivid:node_types=0x1 vkms", files, 3600, "shrbuf")
    seen = {}
    with tempfile.TemporaryDirectory() as base:
        file = None
        for line in output.splitlines(keepends=True):
            if line.startswith("== "):
                path = pathlib.Path(base, line[3:].strip())
                path.parent.mkdir(exist_ok=True)
                if file:
                    file.close()
                file = path.open("w", encoding="utf-8")
            elif file:
                file.write(line)
        if file:
            file.close()
        if Evidence(base, ".").fact("mappings") in ("", "0"):
            sys.exit("The probe for maps has not seen one, so it proves nothing.")
        for way in WAYS:
            ev, seen[way] = examine(base, way)
            if ev.problems:
                sys.exit("\n".join(ev.problems))
    return seen


def measure():
    """All rows."""
    rows, copied = costs()
    seen = observe()
    # Who does not map a frame cannot copy it. The probe for that was seen to work.
    rows.append(result("a frame to a display, copied by the CPU", "bytes",
                       copied * seen["route"]["mappings_by_programs"], COPY, copied, 0))
    for peer in ("client", "gst"):
        rows.append(result("system calls for a frame", "calls", seen["route"]["calls_per_frame"],
                           NAMES[peer], seen[peer]["calls_per_frame"], 0))
    lost = {way: s["dropped"] + s["no_buffer"] for way, s in seen.items()}
    for peer in ("client", "gst"):
        # "fewer" cannot be more than none of none
        rows.append(result(f"frames dropped in {SECONDS} s, busy CPU", "frames", lost["route"],
                           NAMES[peer], lost[peer], 1,
                           lost["route"] < lost[peer] or not lost["route"]))
        rows.append(result(f"frames dropped in {SECONDS} s, busy CPU, realtime", "frames",
                           lost["realtime"], NAMES[peer], lost[peer], 0, not lost["realtime"]))
    for what, field, unit, target in (
            ("system calls for a frame", "calls_per_frame", "calls", 0.1),
            ("instructions of the program for a frame", "run_us_per_frame", "instructions", 0.1)):
        scale = 1000 / NS_PER_INSTRUCTION if unit == "instructions" else 1
        rows.append(result(f"{what}, shrbufroute", unit,
                           round(seen["element"][field] * scale, 2), NAMES["gst"],
                           round(seen["gst"][field] * scale, 2), target))
    rows.append(result(f"frames dropped in {SECONDS} s, busy CPU, shrbufroute", "frames",
                       lost["element"], NAMES["gst"], lost["gst"], 1,
                       lost["element"] <= lost["gst"]))
    for what, field in (("median", "commit_median_us"), ("99 %", "commit_99_us")):
        for peer in ("client", "gst"):
            rows.append(result(f"captured to committed, busy CPU, {what}", "us",
                               seen["route"][field], NAMES[peer], seen[peer][field], 0.99))
    # Lost before anybody could take them: its thread competes with the busy programs, too, and
    # waits for those who take frames.
    for way in ("route", "realtime"):
        for peer in ("client", "gst"):
            rows.append(result(f"left out by the camera itself, {way}", "frames",
                               seen[way]["camera_late"], NAMES[peer], seen[peer]["camera_late"],
                               None))
    return rows
