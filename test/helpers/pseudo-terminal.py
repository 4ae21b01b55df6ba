"""Runs a program in a pseudo-terminal of its own, for tests: a session of its own whose controlling terminal it is.

usage: pseudo-terminal.py COLUMNS ROWS PROGRAM [ARGUMENT...]

stdin   takes JSON lines: {"keys": TEXT}, {"resize": [COLUMNS, ROWS]}, {"settings": true}
stdout  is what the program writes, byte for byte
fd 3    tells JSON lines: {"pid": N}, {"settings": [...]}, {"exit": CODE or null, "signal": N or null}

At the end of stdin, or when the program has ended, nothing of its session is left.
"""

import fcntl
import json
import os
import pty
import select
import signal
import struct
import sys
import termios

EVENTS = 3


def tell(event):
    os.write(EVENTS, (json.dumps(event) + "\n").encode())


def resize(master, columns, rows):
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def settings(master):
    """The terminal's settings as plain values: what `stty -a` shows."""
    *flags, special = termios.tcgetattr(master)
    return flags + [[each if isinstance(each, int) else each.decode("latin1") for each in special]]


def obey(master, line):
    order = json.loads(line)
    if "keys" in order:
        os.write(master, order["keys"].encode())
    if "resize" in order:
        resize(master, *order["resize"])
    if "settings" in order:
        tell({"settings": settings(master)})


def kill_session(leader):
    """Whatever is left of the session, background jobs too; only where there is a /proc."""
    if not os.path.isdir("/proc/self"):
        return
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open("/proc/%s/stat" % name, encoding="latin1") as file:
                session = int(file.read().rpartition(")")[2].split()[3])
            if session == leader:
                os.kill(int(name), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            pass


def pump(master, child):
    """Until the program has ended or nobody steers any more. Returns its wait status, None when it still runs."""
    rest = b""
    status = None
    while True:
        ready, _, _ = select.select([master, 0], [], [], 0.02)
        if master in ready:
            try:
                data = os.read(master, 65536)
            except OSError:
                # EIO: nobody holds the other end.
                data = b""
            if data:
                stdout_write(data)
            elif status is None:
                return os.waitpid(child, 0)[1]
            else:
                return status
        if 0 in ready:
            data = os.read(0, 65536)
            if not data:
                return status
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                obey(master, line)
        if status is not None and master not in ready:
            return status
        if status is None:
            pid, found = os.waitpid(child, os.WNOHANG)
            if pid:
                status = found


def stdout_write(data):
    while data:
        data = data[os.write(1, data) :]


def main():
    columns, rows, *command = sys.argv[1:]
    # The program starts once the window has its size.
    reading, writing = os.pipe()
    child, master = pty.fork()
    if child == 0:
        os.read(reading, 1)
        os.close(reading)
        os.close(writing)
        os.close(EVENTS)
        os.execvp(command[0], command)
    resize(master, int(columns), int(rows))
    os.write(writing, b".")
    tell({"pid": child})
    status = pump(master, child)
    final = settings(master)
    kill_session(child)
    if status is None:
        os.waitpid(child, 0)
        return
    exited = os.WIFEXITED(status)
    code = os.WEXITSTATUS(status) if exited else None
    tell({"exit": code, "signal": None if exited else os.WTERMSIG(status), "settings": final})


main()
