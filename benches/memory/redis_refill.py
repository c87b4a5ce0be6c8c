"""redis_refill: the client. It sets BYTES of 100-byte values, deletes half of the keys, chosen at random, and sets
values of 150 bytes until there are as many bytes again.

    redis_refill.py SOCKET BYTES SAMPLES

Prints SAMPLES points: the commands so far, the server's RSS, and used=, the bytes of blocks as the server counts
them by malloc_usable_size. A point that ends a phase has the phase's name.
"""

import random
import re
import socket
import sys
import time
from pathlib import Path

FIRST, THEN = 100, 150  # bytes of a value
WAIT = 2  # seconds, for what is given back later
AT_ONCE = 2000  # commands in a message


def command(*words):
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


def connected(path):
    """The connection to a server that needs a moment to listen."""
    for _ in range(1000):
        try:
            server = socket.socket(socket.AF_UNIX)
            server.connect(path)
            return server
        except OSError:
            server.close()
            time.sleep(0.01)
    sys.exit("no server")


class Client:
    def __init__(self, path, commands, samples):
        self.server = connected(path)
        self.process = self.info("server", "process_id")
        self.done, self.between, self.next = 0, commands // samples, 0

    def send(self, commands):
        """Sends all at once. Each command has a one-line answer, which must not be an error."""
        self.server.sendall(b"".join(commands))
        answers = b""
        while answers.count(b"\n") < len(commands):
            answers += self.server.recv(1 << 16)
        if b"-" in answers:
            sys.exit(f"wrong: {answers[answers.index(b'-'):][:200]}")
        self.done += len(commands)
        if self.done >= self.next:
            self.sample()
            self.next += self.between

    def info(self, section, field):
        self.server.sendall(command(b"INFO", section.encode()))
        text = b""
        while not (found := re.search(rb"^%s:(\d+)\r\n" % field.encode(), text, re.M)) or not text.endswith(b"\r\n"):
            text += self.server.recv(1 << 16)
        return int(found.group(1))

    def sample(self, phase=""):
        used = self.info("memory", "used_memory")
        status = Path(f"/proc/{self.process}/status").read_text()
        kib = re.search(r"VmRSS:\s*(\d+)", status).group(1)
        print(f"sample work={self.done} rss_kib={kib} used={used}{phase and ' phase=' + phase}", flush=True)

    def run(self, phase, commands, count):
        for start in range(0, count, AT_ONCE):
            self.send([commands(i) for i in range(start, min(start + AT_ONCE, count))])
        self.sample(phase)


def main():
    path, size, samples = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    keys = size // FIRST
    victims = random.Random(1).sample(range(keys), keys // 2)
    again = len(victims) * FIRST // THEN
    client = Client(path, keys + len(victims) + again, samples)
    began = time.monotonic()
    client.run("filled", lambda i: command(b"SET", b"key:%d" % i, b"x" * FIRST), keys)
    client.run("half-deleted", lambda i: command(b"DEL", b"key:%d" % victims[i]), len(victims))
    time.sleep(WAIT)
    client.sample("2-s-later")
    client.run("refilled", lambda i: command(b"SET", b"other:%d" % i, b"y" * THEN), again)
    print(f"ops={client.done} seconds={time.monotonic() - began - WAIT:.3f}", flush=True)
    client.server.sendall(command(b"SHUTDOWN", b"NOSAVE"))


main()
