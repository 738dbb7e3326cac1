#!/usr/bin/env python3
"""Uploads that mean harm: damaged and cut media of every format, wrong types, bombs, broken forms, smuggling, clients that
go. Each is answered with a status that is right for its kind, in the contract's shape, naming no path of the server; the
service stays up, and does not grow.

HOSTILE_UPLOADS=10000 is their number (200); they are the same ones each time. HOSTILE_FIRST=N begins with the N-th, so
HOSTILE_FIRST=N HOSTILE_UPLOADS=1 repeats one that a failure names.
"""

import collections
import concurrent.futures
import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "http"))

import service
from hostile_attacks import attack
from hostile_media import make_media
from service import Daemon, wait_for
from test_contract import check

UPLOADS = int(os.environ.get("HOSTILE_UPLOADS", "200"))
FIRST = int(os.environ.get("HOSTILE_FIRST", "0"))
CLIENTS = 16
PATHS = ("/usr/", "/tmp/", "/proc/", "/home/", "/work/", "/var/", "/etc/", "/root/")
ANSWER = {"anyOf": [{"$ref": "#/components/schemas/Embedding"}, {"$ref": "#/components/schemas/EmbeddingMap"}]}


class Hostile(unittest.TestCase):
    def one(self, running, media, number):
        """Sends the upload of this number; its status."""
        name, raw, statuses = attack(number, media)
        with running.connect(300) as connection:
            try:
                connection.send(raw)
            except (ConnectionResetError, BrokenPipeError):
                pass  # refused before it was read to its end; the answer may be there all the same
            if not statuses:
                return "gone"
            try:
                response = connection.response()
            except (EOFError, ConnectionResetError) as error:
                self.fail(f"upload {number}, {name}: no answer, {error}")
            answer = response.body[:500]
            self.assertIn(response.status, statuses, f"upload {number}, {name}: {answer}")
            if raw.startswith(b"POST /embed"):
                check(response.json, ANSWER)
                detail = response.json.get("detail") or ""
                self.assertFalse([path for path in PATHS if path in detail], f"upload {number}, {name}: {answer}")
            return response.status

    def test_hostile_uploads(self):
        media = make_media()
        with Daemon("--max-pixels=50M", "--deadline=30s", "--worker-memory=1G", "--max-body=64M") as running:
            photo = media["HappyFish.jpg"]
            vector = running.embed(photo).json["embedding"]
            workers = self.wait_for_workers(running)
            self.send_photos(running, photo)
            warm_up = min(UPLOADS // 3, 1000)
            seen = self.send(running, media, range(FIRST, FIRST + warm_up))
            self.wait_for_workers(running, workers)
            before = self.resident(running)
            seen += self.send(running, media, range(FIRST + warm_up, FIRST + UPLOADS))
            wait_for(lambda: running.request("GET", "/health").json["active_requests"] == 0, 60)
            self.wait_for_workers(running, workers)
            after = self.resident(running)
            print(f"{sum(seen.values())} uploads:", dict(sorted(seen.items(), key=str)), flush=True)
            print(f"resident: {before >> 10} KB, after the last {UPLOADS - warm_up} {after >> 10} KB", flush=True)
            self.assertIsNone(running.process.poll())
            self.assertLess(after, before * 1.02 + (8 << 20))
            self.assertEqual(running.embed(photo).json["embedding"], vector)

    def send(self, running, media, numbers):
        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as clients:
            return collections.Counter(clients.map(lambda number: self.one(running, media, number), numbers))

    @staticmethod
    def send_photos(running, photo):
        """One, two, three at once and so on: LibTorch keeps something for each size of a batch, when it first comes."""
        for clients in range(1, CLIENTS + 1):
            with concurrent.futures.ThreadPoolExecutor(clients) as pool:
                list(pool.map(running.embed, [photo] * clients))

    @staticmethod
    def metric(running, name):
        text = running.request("GET", "/metrics").body.decode()
        return int(next(line for line in text.splitlines() if line.startswith(name + " ")).split()[1])

    def resident(self, running):
        return self.metric(running, "process_resident_memory_bytes")

    def wait_for_workers(self, running, count=2):
        """Until so many wait for files and none starts; how many there are."""
        wait_for(lambda: self.metric(running, 'clipembed_workers{state="idle"}') >= count
                 and self.metric(running, 'clipembed_workers{state="starting"}') == 0, 120)
        return self.metric(running, 'clipembed_workers{state="idle"}')


if __name__ == "__main__":
    service.main()
