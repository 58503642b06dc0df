"""python3 terminal.py COLUMNS COMMAND...: runs a command in a terminal. Its output goes to stdout. A line on stdin is either
a new width or `interrupt`, which presses Ctrl-C."""

import fcntl
import os
import pty
import struct
import sys
import termios
import threading


def set_width(terminal, columns):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 200, columns, 0, 0))


pid, terminal = pty.fork()
if pid == 0:
    set_width(1, int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])


def read_commands():
    for line in sys.stdin:
        if line.strip() == "interrupt":
            os.write(terminal, b"\x03")
        else:
            set_width(terminal, int(line))


threading.Thread(target=read_commands, daemon=True).start()
while True:
    try:
        data = os.read(terminal, 65536)
    except OSError:
        break
    if not data:
        break
    os.write(1, data)
_, status = os.waitpid(pid, 0)
os._exit(os.waitstatus_to_exitcode(status) & 255)
