"""Starts a program of the daemon on a free port, and talks to it over plain sockets: tests say every byte they send."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

SCRIPTED = os.environ.get("SCRIPTED_SERVICE")
CLIPEMBEDD = os.environ.get("CLIPEMBEDD")
FAKE_NVML = os.environ.get("FAKE_NVML", "")
ROOT = pathlib.Path(__file__).resolve().parents[2]


class Service:
    """A running program, `scripted-service` unless another is named. Stopped at the end of a `with`."""

    def __init__(self, *flags, program=SCRIPTED, gpus=False, variables=(), **popen):
        self.log = tempfile.TemporaryFile("ab+")  # appends, whatever has been read of it
        environment = {**os.environ, **dict(variables)}
        # meson names the fake library's folder here for everybody.
        folders = [folder for folder in environment.get("LD_LIBRARY_PATH", "").split(":") if folder != FAKE_NVML]
        environment["LD_LIBRARY_PATH"] = ":".join(folders + [FAKE_NVML] * gpus)
        self.process = subprocess.Popen([program, "--listen=127.0.0.1:0", *flags], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=self.log, text=True, env=environment, **popen)
        self.port = int(self.address().rsplit(":", 1)[1])

    def address(self):
        return self.process.stdout.readline()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self.log.close()

    def say(self, word):
        """A command to scripted-service, and its echo."""
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        while self.process.stdout.readline() != word + "\n":
            pass

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def log_text(self):
        return os.pread(self.log.fileno(), 1 << 24, 0).decode()

    def log_lines(self):
        """The complete lines that are JSON; a decoder may write others."""
        return [json.loads(line) for line in self.log_text().split("\n")[:-1] if line.startswith("{")]

    def connect(self, timeout=20):
        return Connection(self.port, timeout)

    def request(self, method, path, body=None, headers=(), version="1.1"):
        """One request on a connection of its own."""
        with self.connect() as connection:
            return connection.request(method, path, body, headers, version)

    def embed(self, content, path="/embed", headers=()):
        return self.request("POST", path, content, [("Content-Type", "image/jpeg"), *headers])


class Daemon(Service):
    """The real program, ready with the small reference model in fp32 unless the flags say otherwise."""

    def __init__(self, *flags, ready=True, **popen):
        super().__init__(f"--model={ROOT}/tests/data/reference/model-a", "--precision=fp32", "--device=cpu",
                         "--log-format=json", *flags, program=CLIPEMBEDD, **popen)
        if ready:
            wait_for(lambda: self.request("GET", "/health/ready").status == 200, 120)

    def address(self):
        return wait_for(self._address)

    def _address(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the program ended: {self.log_text()}")
        return next((line["message"] for line in self.log_lines() if "listening" in line.get("message", "")), None)

    def children(self):
        """The ids of its processes that live."""
        listing = subprocess.run(["ps", "-o", "pid=,stat=", "--ppid", str(self.process.pid)], capture_output=True, text=True)
        return [int(line.split()[0]) for line in listing.stdout.splitlines() if "Z" not in line.split()[1]]


class Response:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)


class Connection:
    def __init__(self, port, timeout):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def request(self, method, path, body=None, headers=(), version="1.1"):
        self.send(head(method, path, body, headers, version) + (body or b""))
        return self.response(method)

    def _read(self):
        data = self.socket.recv(65536)
        self.buffer += data
        return bool(data)

    def _until(self, end):
        while end not in self.buffer:
            if not self._read():
                raise EOFError(f"the connection ended within {self.buffer!r}")
        part, self.buffer = self.buffer.split(end, 1)
        return part

    def _exactly(self, size):
        while len(self.buffer) < size:
            if not self._read():
                raise EOFError("the connection ended within the body")
        part, self.buffer = self.buffer[:size], self.buffer[size:]
        return part

    def response_head(self):
        """Status and headers (names in lower case) of the next response that is no 100 Continue."""
        while True:
            lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
            status = int(lines[0].split(" ")[1])
            if status != 100:
                return status, dict((name.lower(), value.strip()) for name, _, value in
                                    (line.partition(":") for line in lines[1:]))

    def response(self, method="GET"):
        status, headers = self.response_head()
        if method == "HEAD" or status == 304:
            body = b""
        elif headers.get("transfer-encoding") == "chunked":
            body = b"".join(iter(self.chunk, b""))
        else:
            body = self._exactly(int(headers["content-length"]))
        return Response(status, headers, body)

    def chunk(self):
        """The next chunk of a body in chunked coding; empty at its end."""
        data = self._exactly(int(self._until(b"\r\n"), 16))
        assert self._exactly(2) == b"\r\n"
        return data

    def at_end(self):
        """Whether the service closes the connection without another word."""
        try:
            while self._read():
                pass
        except ConnectionResetError:
            pass
        return self.buffer == b""


def head(method, path, body=None, headers=(), version="1.1"):
    fields = [("Host", "localhost"), *headers]
    if body is not None and not any(name.lower() in ("content-length", "transfer-encoding") for name, _ in headers):
        fields.append(("Content-Length", str(len(body))))
    lines = [f"{method} {path} HTTP/{version}", *(f"{name}: {value}" for name, value in fields), "", ""]
    return "\r\n".join(lines).encode()


def form(*files, boundary="b0undary"):
    """(content type, body) of a form with parts named `file`; each is (filename, content)."""
    body = b""
    for name, content in files:
        body += (f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
                 "Content-Type: application/octet-stream\r\n\r\n").encode() + content + b"\r\n"
    return f"multipart/form-data; boundary={boundary}", body + f"--{boundary}--\r\n".encode()


def chunked(*chunks):
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


def wait_for(condition, seconds=20):
    """Until the condition holds; its value."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError("what was waited for did not happen")
        time.sleep(0.01)
    return value


def events_of(body):
    """[(event, data)] of an event stream's text; comments left out."""
    events = []
    for block in body.decode().split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith(":")]
        if lines:
            fields = dict(line.split(": ", 1) for line in lines)
            events.append((fields["event"], json.loads(fields["data"])))
    return events


class _Result(unittest.TextTestResult):
    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        print(f"SKIP: {test.id()}: {reason}", flush=True)


def main():
    """As unittest.main(), with the line that tests/run counts by."""
    program = unittest.main(module="__main__", exit=False,
                            testRunner=unittest.TextTestRunner(resultclass=_Result, verbosity=1, stream=sys.stdout))
    result = program.result
    print(f"Checks: {result.testsRun}, Failures: {len(result.failures)}, Errors: {len(result.errors)}")
    sys.exit(0 if result.wasSuccessful() else 1)
