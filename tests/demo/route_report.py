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
    "element": "gst-launch-1.0, shrbufroute",
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
        self.commits = {}       # microseconds from done to commit, by number of the frame
        self.flips = {}         # the same to the end of the flip
        self.late = self.empty = self.mappings = 0
        self.filling = False    # the camera was due, and is not done yet
        self.latest = {}        # number of the frame in each buffer
        self.taken = None       # buffer that a program took last
        self.coming = None      # number of the frame that goes to the display
        self.set_fb = None      # when something was set to go there
        self.end = 0.0
        for line in text.splitlines():
            match = LINE.match(line)
            if match:
                self.end = float(match[1])
                self.event(self.end, match[2], match[3])

    def note(self, latencies, frame, time):
        if frame is not None and frame not in latencies:
            latencies[frame] = (time - self.done[frame]) * 1e6

    def event(self, time, name, text):
        if name == "vb2_buf_done":
            self.latest[number(text, "index")] = len(self.done)
            self.done.append(time)
            self.filling = False
        elif name == "tick":
            self.empty += self.filling
            self.late += max(number(text, "due") - 1, 0)
            self.filling = True
        elif name == "v4l2_dqbuf":
            self.taken = number(text, "index")
        elif name == "set_fb":
            self.set_fb = time
            if self.taken is not None:
                # A program shows what it has taken last.
                self.coming = self.latest.get(self.taken)
                self.note(self.commits, self.coming, time)
        elif name == "shrbuf_route_commit" and self.set_fb is not None:
            self.note(self.commits, self.latest.get(number(text, "index")), self.set_fb)
        elif name == "drm_vblank_event_delivered":
            self.note(self.flips, self.coming, time)
            self.coming = None
        elif name == "shrbuf_route_shown":
            self.note(self.flips, self.latest.get(number(text, "index")), time)
        elif name in ("shrbuf_mmap", "v4l2_mmap"):
            self.mappings += 1

    def summary(self):
        """Numbers of frames, and microseconds."""
        judged = [n for n, time in enumerate(self.done) if time < self.end - MARGIN]
        shown = [n for n in judged if n in self.flips]

        def quantile(latencies, share):
            values = sorted(latencies[n] for n in shown if n in latencies)
            return round(values[min(int(len(values) * share), len(values) - 1)]) if values else None

        return {
            "captured": len(judged),
            "shown": len(shown),
            # what the way has taken and not shown
            "dropped": len(judged) - len(shown),
            # the camera had no buffer: whoever has them all is to blame
            "no_buffer": self.empty,
            # the thread of the camera came too late
            "camera_late": self.late,
            "commit_median_us": quantile(self.commits, 0.5),
            "commit_99_us": quantile(self.commits, 0.99),
            "flip_median_us": quantile(self.flips, 0.5),
            "flip_99_us": quantile(self.flips, 0.99),
            "mappings_by_programs": self.mappings,
        }


def count_calls(ev, result):
    """System calls of the program in the time of the trace."""
    try:
        before, after = (int(ev.fact(f"calls_{when}")) for when in ("before", "after"))
    except ValueError:
        before = after = 0
    ev.expect(before > 0, "its system calls were not counted, so a count proves nothing.")
    calls = after - before
    return {"system_calls": calls, "calls_per_frame": round(calls / max(result["captured"], 1), 2)}


def run_time(ev, result):
    """Microseconds that the program has run for a frame."""
    ran = int(ev.fact("run_time_after") or 0) - int(ev.fact("run_time_before") or 0)
    return {"run_us_per_frame": round(ran / 1000 / max(result["captured"], 1), 1)}


def examine(base, way):
    """Evidence and result of one way."""
    ev = Evidence(base, way)
    result = Frames(ev.read("trace")).summary()
    result.update(way=way, name=NAMES[way], **count_calls(ev, result), **run_time(ev, result))
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
    ev.expect(result["shown"] > 1, f"only {result['shown']} frames were shown.")
    if os.path.exists(os.path.join(ev.dir, "picture-1.png")):
        pictures = [ev.colours(f"picture-{n}.png")[1] for n in (1, 2)]
        ev.expect(pictures[0] != pictures[1], "the picture does not move.")


def table(results):
    """Latencies are milliseconds, median and 99th percentile."""
    def pair(result, what):
        values = (result[f"{what}_median_us"], result[f"{what}_99_us"])
        return " / ".join("-" if v is None else f"{v / 1000:.1f}" for v in values)

    print(f"{'':27}{'frames':>7}{'shown':>7}{'dropped':>9}{'no buffer':>11}"
          f"{'committed, ms':>16}{'flipped, ms':>16}{'calls':>7}")
    for r in results:
        print(f"{r['name']:27}{r['captured']:7}{r['shown']:7}{r['dropped']:9}{r['no_buffer']:11}"
              f"{pair(r, 'commit'):>16}{pair(r, 'flip'):>16}{r['calls_per_frame']:7}")
    print("dropped: by the way; no buffer: the camera had none; committed, flipped: median and\n"
          "99th percentile of the time since the camera was done; calls: of the system, a frame.")
    late = [r["camera_late"] for r in results]
    if any(late):
        print("The camera's own thread came too late for frames, nobody could show them: " +
              ", ".join(map(str, late)) + ".")


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
