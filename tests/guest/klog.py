#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Find reports of faults in a kernel log.

usage: klog.py LOG     print the reports; the status is 1 if there are any
"""

import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))

# What starts a report. "BUG" has no colon in SLUB's, and "DEBUG" is none.
START = re.compile(
    r"""WARNING: | \bBUG\b | \bOops\b | KASAN | UBSAN | KCSAN: | KFENCE
    | Kernel\ panic | general\ protection\ fault | Unable\ to\ handle
    | possible\ recursive\ locking | possible\ circular\ locking
    | inconsistent\ lock\ state | suspicious\ RCU | bad\ unlock\ balance
    | INFO:\ trying\ to\ register\ non-static\ key
    | unreferenced\ object
    | kmemleak:.*\bdisabled
    | refcount_t: | list_(add|del)\ corruption | DMA-API:.*(device\ driver|exceeded)
    | ODEBUG: | memory\ corruption | nobody\ cared
    | INFO:\ task\ .*\ blocked\ for\ more | detected\ stalls | self-detected\ stall
    """,
    re.VERBOSE,
)
END = re.compile(r"---\[ end ")
LEAK = re.compile(r"unreferenced object")
MOST = 80

# Bits of /proc/sys/kernel/tainted: the letter of each.
TAINT = "PFSRMBUDAWCIOELKXTN"
TAINT_ALLOWED = "OE"


def read_known(path=os.path.join(HERE, "known-reports")):
    """The list of known foreign reports: pairs of expression and reason."""
    known = []
    reason = []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            line = line.rstrip("\n")
            if line.startswith("#"):
                reason.append(line.lstrip("# "))
            elif not line.strip():
                reason = []
            elif not reason:
                raise ValueError(f"{path}:{number}: say the reason in a comment above")
            else:
                known.append((re.compile(line, re.DOTALL), " ".join(reason)))
    return known


def clean(text):
    """Without the control characters of firmware and terminal."""
    text = re.sub(r"\x1b(\[[0-9;?=]*[A-Za-z]|c)", "", text)
    return text.replace("\r", "").split("\n")


def reports(lines, known):
    """All reports in a list of lines, each as one text."""
    found = []
    at = 0
    while at < len(lines):
        if not START.search(lines[at]):
            at += 1
            continue
        end = at + 1
        closed = False
        while end < len(lines) and end - at < MOST and not closed:
            if LEAK.search(lines[end]):
                break
            closed = bool(END.search(lines[end]))
            end += 1
        text = "\n".join(lines[at:end])
        foreign = any(regexp.search(text) for regexp, _ in known)
        if not foreign:
            # A few lines from before show what was going on.
            found.append("\n".join(lines[max(0, at - 3):end]))
        # Do not let a foreign report hide one of ours that follows it.
        at = end if closed or not foreign else at + 1
    return found


def taints(value, known):
    """A report if the kernel is tainted by more than external modules."""
    letters = "".join(c for bit, c in enumerate(TAINT) if value >> bit & 1)
    if value >> len(TAINT):
        letters += "?"
    bad = "".join(c for c in letters if c not in TAINT_ALLOWED)
    if not bad:
        return []
    text = f"the kernel is tainted: {bad} (/proc/sys/kernel/tainted is {value})"
    return [] if any(regexp.search(text) for regexp, _ in known) else [text]


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__.strip())
    with open(sys.argv[1], encoding="utf-8", errors="replace") as file:
        found = reports(clean(file.read()), read_known())
    for text in found:
        print(text, end="\n\n")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
