#!/usr/bin/env python3
"""Uploads that mean harm: mutated and cut media of every format, wrong types, bombs, broken forms, smuggling. Each is
answered with a status that the contract has, the service stays up and does not grow.

HOSTILE_UPLOADS=10000 is the number of uploads (200), HOSTILE_SEED the seed of their choice (1).
"""

import collections
import concurrent.futures
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "http"))

import service
from service import ROOT, Daemon, form, head, wait_for
from test_contract import CONTRACT, check

UPLOADS = int(os.environ.get("HOSTILE_UPLOADS", "200"))
SEED = int(os.environ.get("HOSTILE_SEED", "1"))
IMAGES = ROOT / "tests/data/reference/images"
CLIENTS = 16
# What may be said of a file; 400 of its form.
FILE_STATUSES = {200, 415, 422, 504}

VIDEOS = {"mp4": ["-c:v", "libx264", "-g", "10"], "fast.mp4": ["-c:v", "libx264", "-movflags", "faststart"], "webm": ["-c:v", "libvpx"],
          "mkv": ["-c:v", "libx265", "-x265-params", "log-level=none"], "avi": ["-c:v", "mjpeg"], "ts": ["-c:v", "mpeg2video"],
          "gif": []}


def make_media(folder):
    """{name: content}, small ones of every kind."""
    media = {path.name: path.read_bytes() for path in IMAGES.iterdir() if path.stat().st_size < 200_000}
    media["gradient.avif"] = (ROOT / "tests/data/gradient.avif").read_bytes()
    source = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=160x120:rate=10:duration=1"]
    for ending, codec in VIDEOS.items():
        path = os.path.join(folder, "a." + ending)
        pixels = [] if ending == "gif" else ["-pix_fmt", "yuvj420p" if ending == "avi" else "yuv420p"]
        subprocess.run([*source, *codec, *pixels, "-y", path], check=True)
        media[os.path.basename(path)] = pathlib.Path(path).read_bytes()
    for ending in ("bmp", "tiff", "webp", "png"):
        path = os.path.join(folder, "p." + ending)
        subprocess.run([*source, "-frames:v", "1", "-y", path], check=True)
        media[os.path.basename(path)] = pathlib.Path(path).read_bytes()
    return media


def png(width, height, data):
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", data) + chunk(b"IEND", b""))


BOMBS = [png(60_000, 60_000, zlib.compress(bytes(10_000_000), 9)), png(9000, 9000, zlib.compress(bytes(10_000_000), 9)),
         png(0, 0, b""), png(2**31 - 1, 2**31 - 1, b"x"), b"GIF89a" + struct.pack("<HH", 65535, 65535) + b"\x80\0\0" + bytes(6) + b"\x2c",
         b"BM" + struct.pack("<IHHIIiiHHIIiiII", 100, 0, 0, 54, 40, 2**31 - 1, 2**31 - 1, 1, 24, 0, 0, 0, 0, 0, 0)]


def mutate(content, rng):
    content = bytearray(content)
    kind = rng.randrange(7)
    if kind == 0:  # cut: to nothing, within the header, anywhere, near the end
        return bytes(content[:rng.choice([0, 1, rng.randrange(32), rng.randrange(len(content)), len(content) - rng.randrange(1, 20)])])
    for _ in range(rng.choice([1, 4, 40])):
        at = rng.randrange(len(content))
        if kind == 1:
            content[at] ^= 1 << rng.randrange(8)
        elif kind == 2:
            content[at] = rng.choice([0, 255, 127, 128])
        elif kind == 3:  # sizes and counts are near the start
            content[min(at, rng.randrange(1, 200))] = rng.randrange(256)
        elif kind == 4:
            del content[at:at + rng.randrange(1, 100)]
            if not content:
                break
        elif kind == 5:
            content[at:at] = content[rng.randrange(len(content)):][:rng.randrange(1, 200)]
        else:
            content[at:at + 4] = struct.pack(">I", rng.choice([0, 1, 2**31 - 1, 2**32 - 1, len(content)]))
    return bytes(content)


def mutate_form(content_type, body, rng):
    body = bytearray(body)
    for _ in range(rng.randrange(1, 4)):
        at = min(rng.randrange(len(body)), rng.choice([200, len(body) - 1]))
        body[at:at + rng.randrange(3)] = rng.choice([b"", b"\r\n", b"--", b'"', b"\0", b"\r\n--b0undary", b"name=", b";"])
    return content_type, bytes(body)


def smuggle(content, rng):
    """Raw requests with two readings; (bytes, the statuses that are right)."""
    start = "POST /embed HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\n"
    tail = b"0\r\n\r\nGET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"
    fields = rng.choice(["Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n",
                         "Content-Length: 6\r\nContent-Length: 7\r\n", "Transfer-Encoding: xchunked\r\n", "Transfer-Encoding : chunked\r\n",
                         "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "Content-Length: +6\r\n", "X: a\r\n b\r\n",
                         "Content-Length: 6\n", "X\x00: a\r\n", "Transfer-Encoding:\x0bchunked\r\n"])
    return (start + fields + "\r\n").encode() + tail, {400, 501}


class Hostile(unittest.TestCase):
    def one(self, running, media, seed):
        """Sends an upload that the seed chooses; (kind, status)."""
        rng = random.Random(seed)
        name = rng.choice(sorted(media))
        kind = rng.choices(["mutated", "wrong", "bomb", "form", "smuggled", "gone"], [70, 5, 3, 12, 8, 2])[0]
        if kind == "smuggled":
            data, statuses = smuggle(media[name], rng)
            with running.connect(300) as connection:
                connection.send(data)
                response = connection.response()
                self.assertIn(response.status, statuses, data)
                self.assertTrue(connection.at_end())
            return kind, response.status
        content = mutate(media[name], rng)
        if kind == "gone":
            with running.connect() as connection:
                connection.send(head("POST", "/embed", content, [("Content-Type", "image/png")]) + content[:rng.randrange(len(content) + 1)])
            return kind, 0
        if kind == "wrong":
            content = rng.choice([rng.randbytes(rng.randrange(5000)), b"\0" * 5000, b"<svg/>", b"#!/bin/sh\n", b"file:///etc/passwd",
                                  b"#EXTM3U\nfile:///etc/passwd\n", b"PK\3\4" + rng.randbytes(500)])
        if kind == "bomb":
            content = rng.choice(BOMBS)
        content_type, body = form(("a", content)) if rng.randrange(2) or kind == "form" else ("application/octet-stream", content)
        if kind == "form":
            content_type, body = mutate_form(content_type, body, rng)
        query = rng.choice(["", "?frames=2", "?sampling=keyframes&frames=2", "?detail=frames&encoding=base64"])
        with running.connect(300) as connection:
            response = connection.request("POST", "/embed" + query, body, [("Content-Type", content_type)])
        self.assertIn(response.status, FILE_STATUSES | {400, 413}, (kind, name, seed, response.body[:500]))
        check(response.json, {"anyOf": [{"$ref": "#/components/schemas/Embedding"}, {"$ref": "#/components/schemas/EmbeddingMap"}]})
        return kind, response.status

    def test_hostile_uploads(self):
        with tempfile.TemporaryDirectory() as folder, Daemon("--max-pixels=50M", "--deadline=20s", "--worker-memory=1G") as running:
            media = make_media(folder)
            warm_up = min(UPLOADS // 3, 1000)
            seen = self.send(running, media, range(SEED * 10**6, SEED * 10**6 + warm_up))
            before = self.resident(running)
            seen += self.send(running, media, range(SEED * 10**6 + warm_up, SEED * 10**6 + UPLOADS))
            wait_for(lambda: running.request("GET", "/health").json["active_requests"] == 0, 60)
            after = self.resident(running)
            print(f"{sum(seen.values())} uploads:", dict(sorted(seen.items())), flush=True)
            print(f"resident: {before >> 10} KB, after the last {UPLOADS - warm_up} {after >> 10} KB", flush=True)
            self.assertIsNone(running.process.poll())
            self.assertLess(after, before * 1.02 + (8 << 20))
            self.assertEqual(running.embed((IMAGES / "small.png").read_bytes()).status, 200)

    def send(self, running, media, seeds):
        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as clients:
            return collections.Counter(clients.map(lambda seed: self.one(running, media, seed), seeds))

    @staticmethod
    def resident(running):
        text = running.request("GET", "/metrics").body.decode()
        return int(next(line for line in text.splitlines() if line.startswith("process_resident_memory_bytes ")).split()[1])


if __name__ == "__main__":
    service.main()
