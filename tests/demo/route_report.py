#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Judge what route-script has collected, and print it as a table.

usage: route_report.py EVIDENCE TOP WAY...

Writes demo-route.json to the directory TOP. Exit status: 0 if all proofs hold, 1 if not;
what does not hold is said in sentences.

All numbers are from the trace events of the kernel and from its count of system calls, the
same for each way, so they do not depend on what the programs believe they did.
"""

import os
import re
import sys

from report import Evidence, conclude

NAMES = {
    "route": "route, its program stopped",
    "realtime": "the same, realtime",
    "client": "camera-to-kms",
    "stopped": "camera-to-kms, stopped",
    "gst": "gst-launch-1.0, kmssink",
}
# What is under way at the end cannot be judged.
MARGIN = 0.5
LINE = re.compile(r"^.{16,}-\d+ +\[\d+\] +\S+ +(\d+\.\d+): (\w+): (.*)$")


def number(text, field):
    return int(re.search(rf"\b{field} ?= ?(-?\d+)", text)[1])


class Frames:
    """What became of the frames of a camera: reads a trace."""

    def __init__(self, text):
        self.done = []          # times
        self.latencies = {}     # microseconds, by number of the frame
        self.ticks = self.due = self.mappings = 0
        self.latest = {}        # number of the frame in each buffer
        self.taken = None       # buffer that a program took last
        self.coming = None      # number of the frame that goes to the display
        self.end = 0.0
        for line in text.splitlines():
            match = LINE.match(line)
            if match:
                self.end = float(match[1])
                self.event(self.end, match[2], match[3])

    def show(self, frame, time):
        if frame is not None and frame not in self.latencies:
            self.latencies[frame] = (time - self.done[frame]) * 1e6

    def event(self, time, name, text):
        if name == "vb2_buf_done":
            self.latest[number(text, "index")] = len(self.done)
            self.done.append(time)
        elif name == "tick":
            self.ticks += 1
            self.due += number(text, "due")
        elif name == "v4l2_dqbuf":
            self.taken = number(text, "index")
        elif name == "set_fb" and self.taken is not None:
            # A program shows what it has taken last.
            self.coming = self.latest.get(self.taken)
        elif name == "drm_vblank_event_delivered":
            self.show(self.coming, time)
            self.coming = None
        elif name == "shrbuf_route_shown":
            self.show(self.latest.get(number(text, "index")), time)
        elif name in ("shrbuf_mmap", "v4l2_mmap"):
            self.mappings += 1

    def summary(self):
        """Numbers of frames, and microseconds."""
        judged = [n for n, time in enumerate(self.done) if time < self.end - MARGIN]
        shown = sorted(self.latencies[n] for n in judged if n in self.latencies)

        def quantile(share):
            return round(shown[min(int(len(shown) * share), len(shown) - 1)]) if shown else None

        return {
            "captured": len(judged),
            "shown": len(shown),
            # what the way has taken and not shown
            "dropped": len(judged) - len(shown),
            # the camera had no buffer: whoever has them all is to blame
            "no_buffer": max(self.ticks - len(self.done), 0),
            # the thread of the camera came too late
            "camera_late": max(self.due - self.ticks, 0),
            "latency_median_us": quantile(0.5),
            "latency_99_us": quantile(0.99),
            "mappings_by_programs": self.mappings,
        }


def examine(base, way):
    """Evidence and result of one way."""
    ev = Evidence(base, way)
    result = Frames(ev.read("trace")).summary()
    try:
        before, after = (int(ev.fact(f"calls_{when}")) for when in ("before", "after"))
    except ValueError:
        before = after = 0
    ev.expect(before > 0, "its system calls were not counted, so a count proves nothing.")
    calls = after - before
    result.update(way=way, name=NAMES[way], system_calls=calls,
                  calls_per_frame=round(calls / max(result["captured"], 1), 2))
    ev.expect_success(NAMES[way])
    ev.expect(result["shown"] > 0, "no frame was shown.")
    return ev, result


def judge_route(ev, result):
    """What a route promises."""
    ev.expect(set(ev.facts.get("state", [])) == {"T"}, "its program was not stopped.")
    ev.expect(result["system_calls"] == 0, f"it made {result['system_calls']} system calls.")
    ev.expect(result["mappings_by_programs"] == 0,
              f"frames were mapped by a program {result['mappings_by_programs']} times.")
    # Busy as the machine may be, a picture that moves is more than one frame.
    ev.expect(result["shown"] > 10, f"only {result['shown']} frames were shown.")
    if os.path.exists(os.path.join(ev.dir, "picture-1.png")):
        pictures = [ev.colours(f"picture-{n}.png")[1] for n in (1, 2)]
        ev.expect(pictures[0] != pictures[1], "the picture does not move.")


def table(results):
    print(f"{'':28}{'frames':>8}{'shown':>8}{'dropped':>9}{'no':>8}{'latency, us':>14}"
          f"{'system calls':>14}\n"
          f"{'':28}{'':8}{'':8}{'':9}{'buffer':>8}{'median / 99 %':>16}{'a frame':>12}")
    for r in results:
        latency = f"{r['latency_median_us'] or '-'} / {r['latency_99_us'] or '-'}"
        print(f"{r['name']:28}{r['captured']:8}{r['shown']:8}{r['dropped']:9}{r['no_buffer']:8}"
              f"{latency:>16}{r['calls_per_frame']:12}")
    print("Frames that the camera made too late, which nobody could show: " +
          ", ".join(f"{r['camera_late']}" for r in results))


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    base, top, *ways = sys.argv[1:]
    general = Evidence(base, ".")
    general.name = "demo"
    general.expect(general.fact("mappings") not in ("", "0"),
                   "the probe on v4l2_mmap saw no mapping where there was one, so it proves "
                   "nothing.")
    problems, results = general.problems, []
    for way in ways:
        ev, result = examine(base, way)
        # "stopped" stands for a route, and cannot keep its promises.
        if way in ("route", "realtime", "stopped"):
            judge_route(ev, result)
        problems += ev.problems
        results.append(result)
    print(f"\nA camera on a display, {general.fact('hogs')} busy programs on "
          f"{general.fact('cpus')} CPUs:\n")
    table(results)
    return 0 if conclude(top, general, problems, {"ways": results}, "demo-route.json") else 1


if __name__ == "__main__":
    sys.exit(main())
