#!/usr/bin/env python3
"""clipembedd as a whole: the real program, its workers and a small model."""

import concurrent.futures
import json
import math
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "http"))

import service
from service import CLIPEMBEDD, ROOT, Daemon, events_of, form, head, wait_for
from test_contract import check

REFERENCE = ROOT / "tests/data/reference"
IMAGES = REFERENCE / "images"
GOLDEN = json.loads((REFERENCE / "golden.json").read_text())["images"]


def cosine(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True)) / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def make_video(path, *codec, seconds=2):
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=size=320x240:rate=25:duration={seconds}",
                    *codec, "-pix_fmt", "yuv420p", "-y", path], check=True)
    return pathlib.Path(path).read_bytes()


class Embeddings(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.service = cls.enterClassContext(Daemon("--media-root", str(IMAGES), "--max-pixels=2000000", "--max-duration=60s"))

    def embed(self, content, query="", headers=()):
        response = self.service.embed(content, "/embed" + query, headers)
        check(response.json, {"$ref": "#/components/schemas/Embedding"})
        return response

    def video(self, name, *codec, seconds=2):
        return make_video(os.path.join(self.folder, name), *codec, seconds=seconds)

    def test_pictures_have_the_vectors_of_the_reference(self):
        for name in ("building.jpg", "cmyk.jpg", "gray.png", "palette.png", "progressive.jpg", "onepixel.png"):
            with self.subTest(name=name):
                answer = self.embed((IMAGES / name).read_bytes(), "?normalize=false").json
                self.assertGreater(cosine(answer["embedding"], GOLDEN[name]["model-a"]["image_embeds"]), 0.99999)

    def test_vectors_have_length_one_unless_they_are_not_to(self):
        picture = (IMAGES / "fruits.jpg").read_bytes()
        self.assertAlmostEqual(math.hypot(*self.embed(picture).json["embedding"]), 1, places=5)
        self.assertGreater(math.hypot(*self.embed(picture, "?normalize=false").json["embedding"]), 2)

    def test_every_way_in_gives_the_same_vector(self):
        picture = (IMAGES / "fruits.jpg").read_bytes()
        vector = self.embed(picture).json["embedding"]
        content_type, body = form(("anything.txt", picture))
        in_form = self.service.request("POST", "/embed", body, [("Content-Type", content_type)]).json
        self.assertEqual(in_form["embedding"], vector)
        paths = self.service.request("POST", "/embed", b'{"imagePaths": ["fruits.jpg", "missing.jpg"]}', [("Content-Type", "application/json")]).json
        self.assertEqual(paths["fruits.jpg"]["embedding"], vector)
        self.assertEqual(paths["missing.jpg"]["error"], "File not found")

    def test_other_formats_of_pictures(self):
        for path in (IMAGES / "photo.webp", ROOT / "tests/data/gradient.avif"):
            answer = self.embed(path.read_bytes())
            self.assertEqual(answer.status, 200, answer.body[:300])
            self.assertNotIn("num_frames", answer.json["debugMetadata"])

    def test_videos(self):
        for name, codec in (("a.mp4", ["-c:v", "libx264"]), ("a.webm", ["-c:v", "libvpx", "-b:v", "200k"]), ("a.mkv", ["-c:v", "mpeg4"])):
            with self.subTest(name=name):
                answer = self.embed(self.video(name, *codec), "?frames=4&detail=frames").json
                self.assertIsNone(answer["error"], answer["detail"])
                self.assertGreaterEqual(answer["debugMetadata"]["num_frames"], 4)
                self.assertEqual(len(answer["frames"]), answer["debugMetadata"]["num_frames"])
                self.assertEqual([frame["time"] for frame in answer["frames"]], answer["debugMetadata"]["selected_times"])
                self.assertAlmostEqual(math.hypot(*answer["embedding"]), 1, places=5)

    def test_videos_with_sound_for_which_a_worker_has_no_decoder(self):
        sine = ["-f", "lavfi", "-i", "sine=duration=2"]
        for name, codec in (("aac.mp4", ["-c:v", "libx264", "-c:a", "aac"]), ("mp3.mp4", ["-c:v", "mjpeg", "-c:a", "mp3"]),
                            ("ac3.mov", ["-c:v", "mpeg4", "-c:a", "ac3"]), ("aac.ts", ["-c:v", "libx264", "-c:a", "aac"]),
                            ("opus.webm", ["-c:v", "libvpx", "-b:v", "200k", "-c:a", "libopus"])):
            with self.subTest(name=name):
                answer = self.embed(self.video(name, *sine, *codec)).json
                self.assertIsNone(answer["error"], answer["detail"])

    def test_an_animation_is_a_video(self):
        answer = self.embed(self.video("a.gif", seconds=1)).json
        self.assertIsNone(answer["error"], answer["detail"])
        self.assertGreaterEqual(answer["debugMetadata"]["num_frames"], 2)

    def test_progress_of_a_video(self):
        answer = self.service.embed(self.video("long.mp4", "-c:v", "libx264", seconds=20), "/embed?sampling=thorough&frames=100",
                                    [("Accept", "text/event-stream")])
        events = events_of(answer.body)
        for name, data in events[:-1]:
            self.assertEqual(name, "progress")
            check(data, {"$ref": "#/components/schemas/Progress"})
        self.assertTrue(any("position" in data for _, data in events[:-1]))
        check(events[-1][1], {"$ref": "#/components/schemas/Success"})

    def test_what_cannot_be_embedded(self):
        fruits = (IMAGES / "fruits.jpg").read_bytes()
        for content, status in ((b"hello, world", 415), (b"\0" * 1000, 415), (b"%PDF-1.7\n", 415), (fruits[:100], 422),
                                (b"\x89PNG\r\n\x1a\n" + b"x" * 100, 422)):
            with self.subTest(content=content[:10]):
                answer = self.embed(content)
                self.assertEqual(answer.status, status, answer.body)
                self.assertNotIn("/", answer.json["detail"].replace("image/", ""))

    def test_files_beyond_a_limit(self):
        big = os.path.join(self.folder, "big.png")
        subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=size=2000x1100", "-frames:v", "1", "-y", big], check=True)
        answer = self.embed(pathlib.Path(big).read_bytes())
        self.assertEqual((answer.status, answer.json["error"]), (422, "Processing failed"))
        answer = self.embed(self.video("long.mp4", "-c:v", "libx264", "-preset", "ultrafast", "-r", "1", seconds=90))
        self.assertEqual((answer.status, answer.json["error"]), (422, "Processing failed"))

    def test_sixteen_clients_at_once(self):
        picture = (IMAGES / "fruits.jpg").read_bytes()
        vector = self.embed(picture).json["embedding"]
        with concurrent.futures.ThreadPoolExecutor(16) as clients:
            answers = list(clients.map(lambda _: self.service.embed(picture).json, range(64)))
        for answer in answers:
            self.assertIsNone(answer["error"])
            self.assertGreater(cosine(answer["embedding"], vector), 0.999999)

    def test_metrics_of_real_work(self):
        self.embed((IMAGES / "fruits.jpg").read_bytes())
        text = self.service.request("GET", "/metrics").body.decode()
        values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        for name in ("inference_seconds_count", "batch_size_count", "decode_seconds_count", "images_total", "files_embedded_total"):
            self.assertGreaterEqual(float(values["clipembed_" + name]), 1, name)
        self.assertGreaterEqual(self.service.request("GET", "/health").json["processed_files"], 1)


class Trouble(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        self.picture = (IMAGES / "small.png").read_bytes()

    def long_video(self):
        return make_video(os.path.join(self.folder, "long.mp4"), "-c:v", "libx264", "-preset", "ultrafast", seconds=120)

    def begin_long_video(self, running, connection):
        """Posts it, and returns once a worker has it."""
        video = self.long_video()
        query = "/embed?sampling=thorough&frames=300"
        connection.send(head("POST", query, video, [("Content-Type", "video/mp4")]) + video)
        wait_for(lambda: b'clipembed_workers{state="busy"} 1' in running.request("GET", "/metrics").body)

    def test_a_killed_worker_costs_the_request_that_it_had(self):
        with Daemon("--workers=1", "--video-workers=1") as running, running.connect(120) as connection:
            self.begin_long_video(running, connection)
            for child in running.children():
                os.kill(child, signal.SIGKILL)
            answer = connection.response()
            self.assertEqual((answer.status, answer.json["error"]), (422, "Processing failed"))
            wait_for(lambda: running.embed(self.picture).status == 200, 60)
            self.assertIn(b'clipembed_worker_failures_total{cause="crash"} 1', running.request("GET", "/metrics").body)

    def test_a_killed_service_leaves_nothing_behind(self):
        with Daemon("--workers=1", "--video-workers=1", "--spool-memory=0", "--spool-dir", self.folder) as running:
            with running.connect() as connection:
                connection.send(head("POST", "/embed", b"x" * 100_000, [("Content-Type", "image/png")]) + b"x" * 50_000)
                wait_for(lambda: running.request("GET", "/health").json["active_requests"] == 1)
                children = running.children()
                self.assertTrue(children)
                running.process.kill()
                running.process.wait()
                wait_for(lambda: not any(os.path.exists(f"/proc/{child}/exe") for child in children))
        self.assertEqual(os.listdir(self.folder), [])

    def test_a_model_that_is_missing_and_comes(self):
        model = pathlib.Path(self.folder, "model")
        with Daemon(f"--model={model}", ready=False) as running:
            wait_for(lambda: running.request("GET", "/health").json["status"] == "failed", 60)
            health = running.request("GET", "/health")
            self.assertEqual(health.status, 503)
            self.assertIn(str(model), health.json["detail"])
            self.assertEqual(running.embed(self.picture).status, 503)
            self.assertEqual(running.request("GET", "/health/live").status, 200)
            model.symlink_to(REFERENCE / "model-a")
            wait_for(lambda: running.embed(self.picture).status == 200, 60)

    def test_no_room_for_uploads(self):
        spool = os.path.join(self.folder, "spool")
        with Daemon("--spool-memory=0", "--spool-dir", spool) as running:
            answer = running.embed(self.picture)
            self.assertEqual((answer.status, answer.json["error"]), (503, "Unavailable"))
            os.mkdir(spool)
            self.assertEqual(running.embed(self.picture).status, 200)

    def test_sigterm_answers_first(self):
        with Daemon("--video-workers=1") as running, running.connect(120) as connection:
            self.begin_long_video(running, connection)
            running.terminate()
            answer = connection.response()
            self.assertEqual(answer.status, 200)
            self.assertEqual(running.process.wait(60), 0)

    def test_a_second_signal_ends_it_at_once(self):
        with Daemon("--video-workers=1") as running, running.connect(120) as connection:
            self.begin_long_video(running, connection)
            running.terminate()
            wait_for(lambda: any(line.get("message", "").startswith("ending") for line in running.log_lines()))
            running.terminate()
            self.assertEqual(running.process.wait(20), 128 + signal.SIGTERM)

    def test_systemd_is_told(self):
        path = os.path.join(self.folder, "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(path)
            notify.settimeout(60)
            with Daemon(variables={"NOTIFY_SOCKET": path}) as running:
                self.assertIn(b"READY=1", notify.recv(1000))
                running.terminate()
                wait_for(lambda: b"STOPPING=1" in notify.recv(1000))
                self.assertEqual(running.process.wait(20), 0)

    def test_what_cannot_start_says_why(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            for flags, status, words in ((["--listen", address], 1, address), (["--listen=nowhere"], 2, "ADDRESS:PORT"),
                                         (["--max-body=x"], 2, "--max-body"), (["--media-root=/nowhere"], 2, "/nowhere"),
                                         (["--api-key-file=/nowhere"], 2, "/nowhere"), (["--config=/nowhere"], 2, "/nowhere"),
                                         (["--nonsense"], 2, "--help")):
                with self.subTest(flags=flags):
                    done = subprocess.run([CLIPEMBEDD, *flags], capture_output=True, text=True, timeout=60)
                    self.assertEqual(done.returncode, status, done.stderr)
                    self.assertIn(words, done.stderr)


if __name__ == "__main__":
    service.main()
