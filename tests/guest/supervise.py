#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Run QEMU for one command: the second half of "run", which starts it.

Passes the guest's output on, serves requests for pictures, enforces the
time-out, judges the kernel log and removes the temporary directory.
"""

import argparse
import ctypes
import fcntl
import json
import os
import re
import select
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import time

import klog

FAILED = 125
PR_SET_PDEATHSIG = 1
KVM_CREATE_VM = 0xAE01
COMMAND_STARTS = "guest: the command starts"


class Failure(Exception):
    """The run failed, whatever the status of the command."""


class Stopped(Exception):
    """A signal asked us to end."""

    def __init__(self, number):
        super().__init__(number)
        self.number = number


def say(text):
    try:
        print(f"guest: {text}", file=sys.stderr, flush=True)
    except OSError:
        pass


def escape(path):
    """A comma in a path is doubled in QEMU's options."""
    return path.replace(",", ",,")


def write_all(fd, data):
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view):]
        except BlockingIOError:
            # Somebody made our output non-blocking.
            select.select([], [fd], [])


def die_with_parent(parent):
    """The kernel kills us when our parent ends, even by SIGKILL."""
    libc = ctypes.CDLL(None, use_errno=True)

    def prepare():
        os.setsid()
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(FAILED)

    return prepare


def kvm_works():
    """/dev/kvm may open on a machine that cannot run a guest with it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            if not re.search(r"^flags\s*:.*\b(vmx|svm)\b", file.read(), re.MULTILINE):
                return False
        fd = os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        os.close(fcntl.ioctl(fd, KVM_CREATE_VM, 0))
        return True
    except OSError:
        return False
    finally:
        os.close(fd)


class Machine:
    """One QEMU process and its channels."""

    def __init__(self, opts):
        self.opts = opts
        self.log = os.path.join(opts.dir, "kernel.log")
        self.errors = os.path.join(opts.dir, "qemu.err")
        self.ours = {}
        self.theirs = []
        self.process = None

    def _channel(self, name):
        """A socket pair: nothing in the file system that others could meet."""
        mine, its = socket.socketpair()
        self.ours[name] = mine
        self.theirs.append(its)
        return f"socket,id={name},fd={its.fileno()}"

    def command(self):
        opts = self.opts
        ioeventfd = ""  # with it, output would wake another thread
        args = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-no-reboot",
                "-M", "q35", "-display", "none", "-m", str(opts.mem),
                "-kernel", opts.kernel, "-initrd", os.path.join(opts.dir, "initrd"),
                "-append", opts.append]
        if opts.icount:
            # Everything in one thread and at virtual time. A file takes the
            # output at once: a full socket would make the guest wait.
            args += ["-accel", "tcg,thread=single", "-icount", "shift=3,sleep=off",
                     "-rtc", "clock=vm,base=2024-01-01", "-smp", "1",
                     "-cpu", "max,-rdrand,-rdseed,la57=off"]
            ioeventfd = ",ioeventfd=off"
            self.output = os.path.join(opts.dir, "output")
            out = f"file,id=out,path={escape(self.output)}"
        else:
            if kvm_works():
                args += ["-accel", "kvm", "-cpu", "host"]
            else:
                # Five levels of page tables cost time and serve nobody here.
                args += ["-accel", "tcg,thread=multi", "-cpu", "max,la57=off"]
            args += ["-smp", str(opts.cpus)]
            out = self._channel("out")
        args += ["-chardev", f"file,id=log,path={escape(self.log)}", "-serial", "chardev:log",
                 "-device", f"virtio-serial-pci{ioeventfd}",
                 "-chardev", out, "-device", "virtserialport,chardev=out,nr=1"]
        if opts.display:
            args += ["-vga", "none", "-device", "cirrus-vga",
                     "-chardev", self._channel("ask"),
                     "-device", "virtserialport,chardev=ask,nr=2",
                     "-chardev", self._channel("qmp"), "-mon", "chardev=qmp,mode=control"]
        else:
            args += ["-vga", "none"]
        if not opts.icount:
            args += ["-fsdev", "local,id=root,path=/,security_model=none,readonly=on,"
                     "multidevs=remap",
                     "-device", "virtio-9p-pci,fsdev=root,mount_tag=root",
                     "-fsdev", f"local,id=out9p,path={escape(opts.out)},security_model=none",
                     "-device", "virtio-9p-pci,fsdev=out9p,mount_tag=out"]
        return args

    def start(self):
        command = self.command()
        if self.opts.verbose > 1:
            say(" ".join(command))
        with open(self.errors, "wb") as errors:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors,
                pass_fds=[its.fileno() for its in self.theirs],
                preexec_fn=die_with_parent(os.getpid()))
        for its in self.theirs:
            its.close()

    def end(self):
        if not self.process or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(2)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def qmp(self, name, **arguments):
        """One command to QEMU; raises Failure with its message."""
        sock = self.ours["qmp"]
        if not hasattr(self, "qmp_file"):
            sock.settimeout(60)
            self.qmp_file = sock.makefile("rw", encoding="utf-8")
            self.qmp_file.readline()  # the greeting
            self.qmp("qmp_capabilities")
        json.dump({"execute": name, "arguments": arguments}, self.qmp_file)
        self.qmp_file.write("\n")
        self.qmp_file.flush()
        for line in self.qmp_file:
            answer = json.loads(line)
            if "error" in answer:
                raise Failure(f"QEMU: {answer['error']['desc']}")
            if "return" in answer:
                return
        raise Failure("QEMU has closed its monitor")

    def picture(self, path):
        self.qmp("screendump", filename=path, format="png")

    def log_lines(self):
        try:
            with open(self.log, encoding="utf-8", errors="replace") as file:
                return klog.clean(file.read())
        except FileNotFoundError:
            return []


class Run:
    """The life of one guest, seen from the host."""

    def __init__(self, opts):
        self.opts = opts
        self.machine = Machine(opts)
        self.buffer = bytearray()
        self.asked = bytearray()
        self.booted = None
        self.mark = None
        self.pictured = False

    def frames(self, data):
        self.buffer += data
        while len(self.buffer) >= 4:
            length = int.from_bytes(self.buffer[1:4], "little")
            if len(self.buffer) < 4 + length:
                return
            kind = chr(self.buffer[0])
            payload = bytes(self.buffer[4:4 + length])
            del self.buffer[:4 + length]
            self.frame(kind, payload)

    def frame(self, kind, payload):
        if kind == "o":
            write_all(1, payload)
        elif kind == "e":
            write_all(2, payload)
        elif kind == "b":
            self.booted = time.monotonic()
            if self.opts.verbose:
                say(f"boot to command: {self.booted - self.started:.1f} s")
        elif kind == "m":
            say(payload.decode(errors="replace"))
        elif kind == "x":
            text = payload.decode(errors="replace")
            found = re.fullmatch(r"status=(\d+) taint=(\d+) left=(\S*) fail=(.*)", text, re.DOTALL)
            if not found:
                raise Failure(f"the end mark makes no sense: {text!r}")
            self.mark = found.groups()

    def requests(self, data):
        self.asked += data
        while b"\n" in self.asked:
            line, _, rest = self.asked.partition(b"\n")
            self.asked = bytearray(rest)
            answer = "ok"
            try:
                verb, _, name = line.decode(errors="replace").partition(" ")
                if verb == "final":
                    self.last_picture()
                elif verb == "shot" and re.fullmatch(r"\.screenshot\.\d+\.png", name):
                    self.machine.picture(os.path.join(self.opts.out, name))
                else:
                    answer = f"no such request: {line!r}"
            except (Failure, OSError, ValueError) as error:
                answer = str(error).replace("\n", " ")
            self.machine.ours["ask"].sendall(answer.encode() + b"\n")

    def last_picture(self):
        path = os.path.abspath(self.opts.screenshot)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self.machine.picture(path)
        self.pictured = True

    def watch(self):
        """Until the end mark, the end of QEMU or the time-out."""
        machine = self.machine
        deadline = self.started + self.opts.timeout
        selector = selectors.DefaultSelector()
        ended = os.pidfd_open(machine.process.pid)
        selector.register(ended, selectors.EVENT_READ, "end")
        for name, handler in (("out", self.frames), ("ask", self.requests)):
            if name in machine.ours:
                selector.register(machine.ours[name], selectors.EVENT_READ, handler)
        tail = None
        while self.mark is None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise Failure(f"time-out: the guest was not done after {self.opts.timeout} s")
            if self.opts.icount:
                # A file cannot be waited for.
                left = min(left, 0.05)
            events = selector.select(left)
            if self.opts.icount:
                if tail is None and os.path.exists(machine.output):
                    tail = open(machine.output, "rb")
                if tail:
                    self.frames(tail.read())
            over = False
            for key, _ in events:
                if key.data == "end":
                    over = True
                    continue
                try:
                    data = key.fileobj.recv(1 << 16)
                except ConnectionResetError:
                    data = b""
                if data:
                    key.data(data)
                    over = False
                    break
                selector.unregister(key.fileobj)
            if over and self.mark is None:
                if self.opts.icount and tail:
                    self.frames(tail.read())
                if self.mark is None:
                    raise Failure(self.why_ended())
        os.close(ended)

    def why_ended(self):
        with open(self.machine.errors, encoding="utf-8", errors="replace") as file:
            errors = file.read().strip()
        if errors:
            return f"QEMU ended: {errors}"
        return "the end mark is missing: the guest has crashed or was rebooted by the command"

    def judge(self, failures):
        """The status of the run, after printing what is wrong."""
        lines = self.machine.log_lines()
        try:
            known = klog.read_known()
        except (OSError, ValueError) as error:
            failures.append(str(error))
            known = []
        found = klog.reports(lines, known)
        status = FAILED
        if self.mark:
            status = int(self.mark[0])
            failures += klog.taints(int(self.mark[1]), known)
            if self.mark[2]:
                failures.append(f"modules cannot be removed, something holds them: {self.mark[2]}")
            if self.mark[3]:
                failures.append(self.mark[3])
        if not failures and not found:
            return status
        for text in failures:
            say(f"FAILED: {text}")
        if found:
            say(f"FAILED: {len(found)} report(s) in the kernel log:")
            for text in found[:10]:
                print(text, end="\n\n", file=sys.stderr)
            if len(found) > 10:
                say(f"{len(found) - 10} more are in the log")
        else:
            # What init has written there splits the boot off.
            starts = [at for at, line in enumerate(lines) if line.endswith(COMMAND_STARTS)]
            say("the kernel log since the command started:" if starts else
                "the end of the kernel log:")
            print("\n".join(lines[max(starts[-1:] + [len(lines) - 60]):]), file=sys.stderr)
        if not self.opts.log:
            say("use --log FILE to keep the whole kernel log")
        return FAILED

    def __call__(self):
        failures = []
        self.started = time.monotonic()
        try:
            self.machine.start()
            try:
                self.watch()
            except Failure as error:
                failures.append(str(error))
                if self.opts.display and not self.pictured and self.machine.process.poll() is None:
                    try:
                        self.last_picture()
                    except (Failure, OSError, ValueError):
                        pass
        finally:
            self.machine.end()
            self.keep_log()
        if self.opts.verbose:
            say(f"the whole run: {time.monotonic() - self.started:.1f} s")
        return self.judge(failures)

    def keep_log(self):
        try:
            if self.opts.log:
                shutil.copyfile(self.machine.log, self.opts.log)
        except OSError as error:
            say(f"cannot keep the kernel log: {error}")


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("dir", "kernel", "append", "out"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("mem", "cpus", "timeout"):
        parser.add_argument(f"--{name}", type=int, required=True)
    for name in ("log", "screenshot"):
        parser.add_argument(f"--{name}", default="")
    for name in ("display", "icount"):
        parser.add_argument(f"--{name}", action="store_true")
    parser.add_argument("--verbose", type=int, default=0)
    return parser.parse_args()


def stop(number, _frame):
    raise Stopped(number)


def main():
    opts = parse()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        return Run(opts)()
    except Stopped as error:
        say(f"stopped by signal {error.number}")
        return 128 + error.number
    except BrokenPipeError:
        # Nobody reads the output any more, as after "| head".
        return 128 + signal.SIGPIPE
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        shutil.rmtree(opts.dir, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
