#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Judge the evidence that guest-script-usb has collected, and say what it means.

usage: report-usb.py EVIDENCE TOP

Writes demo.png and demo.json to the directory TOP. Exit status: 0 if all proofs
hold, 1 if not; what does not hold is said in sentences. See report.py.
"""

import os
import shutil
import sys

from report import conclude, directories, display, whole

# The picture of samples/uvc-gadget/picture.c: colour bars that move by STEP pixels
# with each frame, and its number in the upper left corner.
BARS = ((191, 191, 191), (191, 191, 0), (0, 191, 191), (0, 191, 0),
        (191, 0, 191), (191, 0, 0), (0, 0, 191), (0, 0, 0))
STEP = 4
BITS = 16
BLOCK = 16

PARTS = {
    "stock-cirrus": "show-dmabuf",
    "stock-vkms": "show-dmabuf",
    "patched-cirrus": "gst-launch-1.0",
    "patched-vkms": "gst-launch-1.0",
}


def frame_number(rows):
    """The number of the frame that a screenshot shows, None if it is not exactly one."""
    width = len(rows[0]) // 3
    number = 0
    for bit in range(BITS):
        if rows[0][bit * BLOCK * 3] > 127:
            number |= 1 << bit
    bar = width // len(BARS)
    shift = number * STEP
    line = b"".join(bytes(BARS[(x + shift) // bar % len(BARS)]) for x in range(width))
    top = b"".join((b"\xff" if number >> bit & 1 else b"\0") * 3 * BLOCK for bit in range(BITS))
    for y, row in enumerate(rows):
        if row != (top + line[len(top):] if y < BLOCK else line):
            return None
    return number


def frames_seen(ev):
    """Which frames were seen on the display, and the name of one such picture."""
    numbers, good = [], None
    for name in ev.pictures():
        _, rows = ev.colours(name)
        number = frame_number(rows) if rows else None
        if number is not None:
            numbers.append(number)
            good = name
    ev.expect(len(numbers) >= 2,
              f"of the pictures of the display only {len(numbers)} are a frame of the camera.")
    ev.expect(numbers == sorted(set(numbers)), f"the frames {numbers} were seen in this order.")
    return numbers, good


def main():
    base, top = directories(__doc__)
    general = whole(base)
    general.expect(general.fact("attach") not in ("", "0") and
                   "EOPNOTSUPP" in general.read("attach"),
                   "shrbufctl attach was not refused with EOPNOTSUPP.")

    problems = general.problems
    results = []
    picture = None
    for part, program in PARTS.items():
        driver = part.split("-", maxsplit=1)[0]
        print(f"uvcvideo, {driver}: {program} on")
        ev, result = display(base, part, program)
        result["uvcvideo"] = driver
        if ev.fact("driver") == "cirrus":
            result["frames_seen_on_display"], good = frames_seen(ev)
            if good:
                picture = os.path.join(ev.dir, good)
        results.append(result)
        problems += ev.problems

    if not conclude(top, general, problems, {"camera": "usb", "displays": results}):
        return 1

    shutil.copyfile(picture, os.path.join(top, "demo.png"))
    print("uvcvideo itself copies each frame once, from USB packets into the buffer, with\n"
          "shrbuf and without. After that nothing was copied by a program. The displays' drivers\n"
          "read each frame where it is, by the CPU.\n\n"
          "demo.png: what the display showed. demo.json: the numbers.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
