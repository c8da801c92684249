#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Judge the evidence that guest-script has collected, and say what it means.

usage: report.py EVIDENCE TOP

Writes demo.png and demo.json to the directory TOP. Exit status: 0 if all proofs
hold, 1 if not; what does not hold is said in sentences.

All counts of frames and buffers are from trace events of the kernel, so they do
not depend on what the programs believe they did.
"""

import json
import os
import re
import struct
import sys
import zlib

# What a program draws has at least so many colours. A screen that was never drawn
# has one, text has two.
MIN_COLOURS = 6


class Evidence:
    """The files of one part of the run, and what is wrong with them."""

    def __init__(self, base, name):
        self.name = name
        self.dir = os.path.join(base, name)
        self.problems = []
        self.facts = {}
        for line in self.read("facts").splitlines():
            key, _, value = line.partition("=")
            self.facts.setdefault(key, []).append(value)

    def read(self, name):
        path = os.path.join(self.dir, name)
        try:
            with open(path, encoding="utf-8", errors="replace") as f:
                return f.read()
        except OSError as error:
            self.problems.append(f"{self.name}: {path} cannot be read: {error.strerror}.")
            return ""

    def fact(self, key):
        return self.facts.get(key, [""])[-1]

    def expect(self, condition, sentence):
        if not condition:
            self.problems.append(f"{self.name}: {sentence}")
        return bool(condition)

    def expect_success(self, program):
        statuses = self.facts.get("status", [])
        self.expect(statuses and set(statuses) == {"0"},
                    f"{program} has failed with status {', '.join(statuses) or 'unknown'}.")

    def colours(self, name):
        """Number of colours, and the pixels."""
        path = os.path.join(self.dir, name)
        try:
            with open(path, "rb") as f:
                rows = pixels(f.read())
        except (OSError, ValueError, zlib.error, struct.error) as error:
            self.problems.append(f"{self.name}: the picture {path} cannot be read: {error}.")
            return 0, None
        count = len({bytes(row[i:i + 3]) for row in rows for i in range(0, len(row), 3)})
        self.expect(count >= MIN_COLOURS,
                    f"the display showed {count} colours, a picture has {MIN_COLOURS} or more.")
        return count, rows

    def pictures(self):
        """Names of the screenshots, in their order."""
        names = [n for n in os.listdir(self.dir) if n.startswith("picture-")]
        names.sort(key=lambda n: int(re.sub(r"\D", "", n)))
        self.expect(len(names) > 1, "there are no pictures of the display.")
        return names or [""]


def pixels(data):
    """The rows of a PNG, three bytes for each pixel."""
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        raise ValueError("it is not a PNG")
    position, packed, header = 8, b"", None
    while position < len(data):
        size, kind = struct.unpack(">I4s", data[position:position + 8])
        body = data[position + 8:position + 8 + size]
        position += size + 12
        if kind == b"IHDR":
            header = struct.unpack(">IIBBBBB", body)
        elif kind == b"IDAT":
            packed += body
    if not header or header[2:] not in ((8, 2, 0, 0, 0), (8, 6, 0, 0, 0)):
        raise ValueError(f"its format is not known: {header}")
    width, height = header[:2]
    bpp = 3 if header[3] == 2 else 4
    raw = zlib.decompress(packed)
    stride = width * bpp
    if len(raw) != (stride + 1) * height:
        raise ValueError("it is cut off")

    rows, above = [], bytearray(stride)
    for y in range(height):
        start = y * (stride + 1)
        row = bytearray(raw[start + 1:start + 1 + stride])
        unfilter(raw[start], row, above, bpp)
        above = row
        if bpp == 4:
            row = bytearray(b for i, b in enumerate(row) if i % 4 != 3)
        rows.append(bytes(row))
    return rows


def write_png(path, rows):
    """Rows of three bytes for each pixel as a PNG."""
    def chunk(kind, body):
        return (struct.pack(">I", len(body)) + kind + body +
                struct.pack(">I", zlib.crc32(kind + body)))

    header = struct.pack(">IIBBBBB", len(rows[0]) // 3, len(rows), 8, 2, 0, 0, 0)
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) +
                chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows))) +
                chunk(b"IEND", b""))


def unfilter(kind, row, above, bpp):
    if kind == 0:
        return
    for i in range(len(row)):
        left = row[i - bpp] if i >= bpp else 0
        up = above[i]
        corner = above[i - bpp] if i >= bpp else 0
        if kind == 1:
            guess = left
        elif kind == 2:
            guess = up
        elif kind == 3:
            guess = (left + up) // 2
        elif kind == 4:
            p = left + up - corner
            guess = min((abs(p - left), 0, left), (abs(p - up), 1, up),
                        (abs(p - corner), 2, corner))[2]
        else:
            raise ValueError(f"it has a row of unknown kind {kind}")
        row[i] = (row[i] + guess) & 255


class Trace:
    """Events by name, in their order."""

    def __init__(self, text):
        self.events = {}
        for line in text.splitlines():
            match = re.match(r"\s*(.*?)-\d+ +\[\d+\] \S+ +[\d.]+: (\w+): (.*)", line)
            # The program that plays a camera maps its own buffers, across the cable.
            if not match or match[1] == "uvc-gadget":
                continue
            # A black picture, with which the mode was set. Its number is used again.
            if match[2] == "show" and "shrbuf_device_attach" not in self.events:
                continue
            self.events.setdefault(match[2], []).append(match[3])

    def count(self, name):
        return len(self.events.get(name, []))

    def ids(self, name):
        return [int(re.match(r"id=(\d+)", e)[1]) for e in self.events.get(name, [])]

    def indexes(self):
        """Index of a buffer in its queue by the id of the buffer."""
        found = {}
        for event in self.events.get("shrbuf_create", []):
            match = re.match(r"id=(\d+) .*/(\d+)\.0$", event)
            if match:
                found[int(match[1])] = int(match[2])
        return found

    def importers(self):
        """Devices by the id of the buffer, once for each import."""
        found = {}
        for event in self.events.get("shrbuf_device_attach", []):
            match = re.match(r"id=(\d+) dev=(.*)", event)
            found.setdefault(int(match[1]), []).append(match[2])
        return found

    def framebuffers(self):
        """Numbers of the framebuffers that a display was told to show, in their order.

        A request that a signal interrupts is there twice, but no program shows a frame
        twice: it has another one by then.
        """
        found = []
        for event in self.events.get("show", []):
            number = int(re.search(r"fb=(\d+)", event)[1])
            if number and found[-1:] != [number]:
                found.append(number)
        return found

    def frames(self, event, minor):
        """(index, sequence) of each frame."""
        found = []
        for text in self.events.get(event, []):
            match = re.match(r"minor = (\d+), index = (\d+),.* sequence = (\d+)", text)
            if match and match[1] == minor:
                found.append((int(match[2]), int(match[3])))
        return found


def numbers(values):
    return ", ".join(str(v) for v in values)


def pick(shown, captured):
    """Position in captured of each frame of shown, None if the order differs."""
    positions, position = [], 0
    for index in shown:
        while position < len(captured) and captured[position] != index:
            position += 1
        if position == len(captured):
            return None
        positions.append(position)
        position += 1
    return positions


def display(base, part, program="gst-launch-1.0"):
    """A part in which a program has shown frames of a camera on a display."""
    ev = Evidence(base, part)
    trace = Trace(ev.read("trace"))
    log = ev.read("log")
    driver, device = ev.fact("driver"), ev.fact("device")
    name = f"{driver} ({device})" if device != driver else driver
    result = {"driver": driver, "device": device}

    ev.expect_success(program)
    captured = trace.frames("v4l2_dqbuf", ev.fact("minor"))
    rendered = [int(n) for n in re.findall(r"rendered: (\d+), dropped", log)]
    rendered = rendered[-1] if rendered else 0
    ev.expect(captured, "the camera gave no frame.")
    ev.expect(rendered, f"{program} reports no frame.")

    # What the display held while it streamed, as the DRM core sees it: which of its
    # framebuffers are imported memory. The programs import a buffer when they show it
    # for the first time, so both come in one order.
    text = ev.read("framebuffers")
    imported = {int(number) for number in re.findall(
        r"framebuffer\[(\d+)\]:\n.*\n\s*imported=yes", text)}
    importers = trace.importers()
    exported = set(trace.ids("shrbuf_export"))
    if not ev.expect(importers, f"{rendered} frames were shown, but none of them was a shared "
                     "buffer. Is the camera attached?"):
        return ev, {**result, "frames_shown": 0}
    ev.expect(len(imported) == len(importers),
              f"the display has imported {len(importers)} shared buffers, but "
              f"{len(imported)} of its framebuffers are imported memory.")
    told = trace.framebuffers()
    by_framebuffer = dict(zip(dict.fromkeys(fb for fb in told if fb in imported), importers))
    shown = [by_framebuffer[fb] for fb in told if fb in by_framebuffer]
    buffers = sorted(set(shown))
    # Only the last one, the picture of before, is something else.
    others = len([fb for fb in told[:-1] if fb not in by_framebuffer])
    ev.expect(not others, f"{others} pictures in between were not shared buffers.")
    ev.expect(len(shown) >= rendered,
              f"the program showed {rendered} frames, but only {len(shown)} of them were "
              "shared buffers.")

    foreign = [b for b in buffers if importers.get(b) != [device]]
    ev.expect(not foreign, f"the buffers {numbers(foreign)} were shown, but not imported by "
              f"{name} alone and once.")
    missing = [b for b in buffers if b not in exported]
    ev.expect(not missing, f"the buffers {numbers(missing)} were shown but not exported.")
    imports = sum(len(devices) for devices in importers.values())
    ev.expect(imports == len(buffers),
              f"{len(buffers)} buffers were shown, but there were {imports} imports.")

    indexes = trace.indexes()
    positions = pick([indexes.get(b) for b in shown], [index for index, _ in captured])
    skipped = lost = unshown = 0
    if ev.expect(positions,
                 "the frames were not shown in the order in which the camera gave them."):
        unshown = len(captured) - 1 - positions[-1]
        skipped = positions[-1] + 1 - len(shown)
        last = captured[positions[-1]][1]
        lost = last - captured[0][1] - positions[-1]

    current = re.search(r"^\tfb=([1-9]\d*)", text, re.M)
    ev.expect(current and int(current[1]) in by_framebuffer,
              "the framebuffer that was shown in the middle is not an imported one.")
    try:
        listed = {b["id"]: b["devices"] for b in json.loads(ev.read("list.json"))["buffers"]}
    except (ValueError, KeyError, TypeError):
        listed = {}
    ev.expect(all(device in listed.get(b, []) for b in buffers),
              f"shrbufctl list did not show {name} as a user of all buffers.")

    copies = log.count("frame copy")
    mapped = trace.count("v4l2_mmap") + trace.count("shrbuf_mmap")
    size = int(re.search(r"size=(\d+)", trace.events["shrbuf_create"][0])[1])
    ev.expect(copies == 0, f"{program} has copied {copies} frames.")
    ev.expect(mapped == 0, f"frames were mapped by a program {mapped} times, so it may have "
              "copied them.")

    result.update(frames_shown=len(shown), frames_captured=len(captured),
                  frames_dropped=skipped + lost, frames_dropped_by_program=skipped,
                  frames_dropped_by_camera=lost, frames_left_at_stop=unshown,
                  buffers=buffers, imports=imports, bytes_of_a_frame=size,
                  mappings_by_user_space=mapped, frame_copies_by_user_space=copies,
                  bytes_copied_by_user_space=copies * size if not mapped else None)

    if driver == "cirrus":
        names = ev.pictures()
        _, first = ev.colours(names[0])
        count, second = ev.colours(names[-1])
        ev.expect(first != second, "two pictures of the display are the same.")
        result["colours_in_picture"] = count
    else:
        sums = re.findall(r"0x[0-9a-f]+ (0x[0-9a-f]+)", ev.read("checksums"))
        result["different_pictures_seen"] = len(set(sums))
        ev.expect(len(set(sums)) > 1, "the checksum of what the display shows does not change.")

    print(f"{name}\n"
          f"  frames shown                {len(shown)}, in the order of the camera\n"
          f"  frames dropped              {skipped + lost} "
          f"(by the program {skipped}, by the camera {lost})\n"
          f"  buffers                     {len(buffers)} of {size} bytes")
    if not ev.problems:
        print(f"  all {len(buffers)} buffers that were shown are shrbufs imported by {name}\n"
              "  bytes copied by user space  0: no program mapped a frame (v4l2_mmap 0, "
              "shrbuf_mmap 0),\n"
              f"                              no frame copy in the sink, {imports} imports for "
              f"{len(buffers)} buffers")
    print()
    return ev, result


def plugin(base):
    """shrbufroute on the display, and its frames in a second process: the main picture."""
    ev = Evidence(base, "plugin")
    text = ev.read("trace")
    ev.expect_success("gst-launch-1.0")
    shown, tapped = int(ev.fact("shown") or 0), int(ev.fact("tapped") or 0)
    ev.expect(shown, "the route has shown no frame.")
    ev.expect(tapped, "the tap of the route has given no frame.")
    mapped = Trace(text).count("v4l2_mmap")
    # The receiver maps frames: it makes files of them. The publisher must not.
    threads = "|".join(ev.fact("threads").split())
    ev.expect(threads, "the publisher had ended early.")
    mapped += len(re.findall(rf"-({threads}) .*: shrbuf_mmap: ", text)) if threads else 0
    ev.expect(not mapped, f"the publisher has mapped frames {mapped} times, so it may have "
              "copied them.")
    names = ev.pictures()
    _, first = ev.colours(names[0])
    count, second = ev.colours(names[-1])
    ev.expect(first != second, "two pictures of the display are the same.")
    received = sorted(n for n in os.listdir(ev.dir) if n.startswith("receiver-"))
    if ev.expect(len(received) > 1, "the second process has received no pictures."):
        _, first = ev.colours(received[0])
        _, third = ev.colours(received[-1])
        ev.expect(first != third, "two pictures that the second process got are the same.")
        ev.expect(third and second and len(third) == len(second),
                  "the second process got pictures of another size.")
        rows = [a + b for a, b in zip(second or [], third or [])]
    print(f"shrbufroute on cirrus, and fusionsrc in a second process\n"
          f"  frames shown                {shown}\n"
          f"  frames tapped               {tapped}\n"
          f"  pictures received           {len(received)}\n")
    return ev, {"frames_shown": shown, "frames_tapped": tapped,
                "pictures_received": len(received), "mappings_by_publisher": mapped,
                "colours_in_picture": count}, None if ev.problems else rows


def v4l2_ctl(base):
    ev = Evidence(base, "v4l2-ctl")
    trace = Trace(ev.read("trace"))
    ev.expect_success("v4l2-ctl")
    captured = trace.frames("v4l2_dqbuf", ev.fact("minor"))
    given = trace.frames("v4l2_qbuf", ev.fact("target"))
    buffers = sorted(set(trace.ids("shrbuf_create")))
    importers = trace.importers()
    devices = sorted({d for found in importers.values() for d in found})
    ev.expect(buffers, "no shared buffer was made. Is the camera attached?")
    ev.expect(sorted(importers) == buffers,
              f"of the buffers {numbers(buffers)} only {numbers(sorted(importers))} were imported.")
    # Those that are still under way when it stops.
    ev.expect(captured and len(given) >= len(captured) - len(buffers),
              f"of {len(captured)} captured frames only {len(given)} reached the output.")
    print(f"v4l2-ctl: {len(captured)} frames captured, {len(given)} of them given to a second "
          f"video device;\n  it imported {len(importers)} of {len(buffers)} buffers "
          f"({numbers(devices)})\n")
    return ev, {"frames_captured": len(captured), "frames_given_to_output": len(given),
                "buffers": buffers, "importers": devices}


def modetest(base):
    ev = Evidence(base, "modetest")
    ev.expect_success("modetest")
    # A line comes after each 60 frames.
    frames = 60 * len(re.findall(r"^freq: ", ev.read("log"), re.M))
    ev.expect(frames, "it has not shown 60 frames.")
    count, _ = ev.colours("picture.png")
    print(f"modetest: a picture with {count} colours, then at least {frames} page flips on the "
          "same display\n")
    return ev, {"frames_at_least": frames, "colours_in_picture": count}


def kmscube(base):
    ev = Evidence(base, "kmscube")
    ev.expect_success("kmscube")
    frames = re.findall(r"^Rendered (\d+) frames", ev.read("log"), re.M)
    frames = int(frames[-1]) if frames else 0
    ev.expect(frames, "it has shown no frame.")
    ev.expect(ev.fact("shown") == "1", "its picture was not the one on the display.")
    count, _ = ev.colours("picture.png")
    plain = ev.fact("plain") == "0"
    why = "It works without the preload addfb2-compat.so, too."
    if not plain:
        words = ev.read("plain.log").strip().splitlines()
        modifier = " after \"Using modifier ffffffffffffff\"" if any(
            w.startswith("Using modifier ffffffffffffff") for w in words) else ""
        why = ("Without the preload addfb2-compat.so it ended with\n"
               f"  \"{words[-1] if words else ''}\"{modifier},\n"
               "  for it hands the kernel the modifier INVALID, which must be left out.")
    print(f"kmscube: {frames} frames drawn by software, a picture with {count} colours\n"
          f"  {why}\n")
    return ev, {"frames": frames, "colours_in_picture": count, "works_without_preload": plain}


REAL = """On a real machine, from a text console (the desktop must not hold the display):
  make && sudo make modules_install install && sudo modprobe shrbuf
  sudo shrbufctl attach /dev/video0
  gst-launch-1.0 v4l2src device=/dev/video0 io-mode=dmabuf ! kmssink
  sudo shrbufctl list             # in a second console: the display is in DEVICES
  sudo shrbufctl detach /dev/video0
If it ends with "not-negotiated", camera and display have no format in common: see
v4l2-ctl --list-formats-ext and modetest -p. Not all drivers can be attached;
shrbufctl says so.
"""


def directories(usage):
    """The two of the command line."""
    if len(sys.argv) != 3:
        sys.exit(usage)
    print()
    return sys.argv[1:]


def whole(base):
    """The run as a whole."""
    general = Evidence(base, ".")
    general.name = "demo"
    general.expect(general.fact("mappings") not in ("", "0"),
                   "the probe on v4l2_mmap saw no mapping where there was one, so it proves "
                   "nothing.")
    try:
        left = json.loads(general.read("list.json"))
        general.expect(not left["buffers"] and not left["queues"],
                       "buffers or attached queues are left at the end.")
    except (ValueError, KeyError, TypeError):
        general.expect(False, "shrbufctl --json list gave no listing at the end.")
    return general


def conclude(top, general, problems, details, name="demo.json"):
    """Write demo.json, and say what does not hold. True if all does."""
    result = {"kernel": general.fact("kernel"), "passed": not problems, "problems": problems,
              **details}
    with open(os.path.join(top, name), "w", encoding="utf-8") as f:
        json.dump(result, f, indent=2)
        f.write("\n")
    for problem in problems:
        print(f"demo: FAILED: {problem}", file=sys.stderr)
    return not problems


def main():
    base, top = directories(__doc__)
    general = whole(base)
    shown = [display(base, driver) for driver in ("cirrus", "vkms")]
    part, result, picture = plugin(base)
    programs = {"plugin": (part, result), "v4l2_ctl": v4l2_ctl(base), "modetest": modetest(base),
                "kmscube": kmscube(base)}
    problems = general.problems
    for part, _ in [*shown, *programs.values()]:
        problems += part.problems

    if not conclude(top, general, problems,
                    {"displays": [r for _, r in shown],
                     **{name: r for name, (_, r) in programs.items()}}):
        return 1

    write_png(os.path.join(top, "demo.png"), picture)
    print("Neither display has hardware that reads memory by itself: their drivers read each\n"
          "frame where it is, by the CPU. That is in the kernel and no copy by a program.\n")
    print(REAL)
    print("demo.png: left what the display showed by shrbufroute, right the same camera in a second\n"
          "process by fusionsrc. demo.json: the numbers.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
