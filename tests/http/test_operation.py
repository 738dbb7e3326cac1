#!/usr/bin/env python3
"""Health, metrics, the page, limits, keys, draining, the log: the service as those see it who run it."""

import math
import os
import re
import resource
import signal
import socket
import tempfile
import threading
import time
import unittest

import service
from service import ROOT, SCRIPTED, Service, form, head, wait_for

PNG = [("Content-Type", "image/png")]


class Health(unittest.TestCase):
    def test_states(self):
        with Service() as running:
            for word, status, code in (("ready", "ok", 200), ("loading", "loading", 503), ("failed-model", "failed", 503)):
                running.say(word)
                for path in ("/health", "/health/ready"):
                    answer = running.request("GET", path)
                    self.assertEqual((answer.status, answer.json["status"]), (code, status))
                self.assertEqual(running.request("GET", "/health/live").json, {"status": "ok"})

    def test_what_health_says(self):
        with Service() as running:
            running.embed(b"1")
            running.embed(b"failed")
            answer = running.request("GET", "/health").json
            self.assertEqual((answer["processed_files"], answer["model_name"], answer["device"], answer["model_loaded"],
                              answer["queue_depth"], answer["active_requests"]), (1, "scripted", "cpu", True, 0, 0))

    def test_no_embedding_before_the_model_is_there(self):
        with Service() as running:
            running.say("loading")
            answer = running.embed(b"1")
            self.assertEqual((answer.status, answer.json["error"]), (503, "Loading"))
            self.assertGreaterEqual(int(answer.headers["retry-after"]), 1)
            running.say("failed-model")
            answer = running.embed(b"1")
            self.assertEqual((answer.status, answer.json["error"], answer.json["detail"]),
                             (503, "Unavailable", "there is no such model"))
            running.say("ready")
            self.assertEqual(running.embed(b"1").status, 200)


# ---- metrics ----

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf"^({NAME})(?:\{{((?:[a-zA-Z_]\w*=\"(?:[^\"\\\n]|\\[\\\"n])*\",?)*)\}})? (\S+)$")


def parse_metrics(text):
    """{family: (type, [(name, {label: value}, number)])}, of text that follows format 0.0.4 to the letter."""
    assert text.endswith("\n") and "\r" not in text
    families, current = {}, None
    for line in text[:-1].split("\n"):
        if match := re.fullmatch(rf"# HELP ({NAME}) (.*)", line):
            current = match[1]
            assert current not in families, f"{current} comes twice"
            families[current] = None
        elif match := re.fullmatch(rf"# TYPE ({NAME}) (counter|gauge|histogram)", line):
            assert match[1] == current and families[current] is None, line
            families[current] = (match[2], [])
        else:
            match = SAMPLE.match(line)
            assert match, line
            kind, samples = families[current]
            suffixes = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
            assert match[1] in [current + suffix for suffix in suffixes], line
            labels = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match[2] or ""))
            samples.append((match[1], labels, float(match[3])))
            assert kind != "counter" or current.endswith("_total")
    for family, (kind, samples) in families.items():
        keys = [(name, tuple(sorted(labels.items()))) for name, labels, _ in samples]
        assert len(keys) == len(set(keys)), f"{family} has a sample twice"
        if kind == "histogram":
            check_histogram(family, samples)
    return families


def check_histogram(family, samples):
    series = {}
    for name, labels, value in samples:
        rest = tuple(sorted((k, v) for k, v in labels.items() if k != "le"))
        series.setdefault(rest, []).append((name.removeprefix(family), labels.get("le"), value))
    for parts in series.values():
        buckets = [(float(le), value) for suffix, le, value in parts if suffix == "_bucket"]
        assert buckets == sorted(buckets) and buckets[-1][0] == math.inf
        assert [value for suffix, _, value in parts if suffix == "_count"] == [buckets[-1][1]]
        assert len([value for suffix, _, value in parts if suffix == "_sum"]) == 1


class Metrics(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = cls.enterClassContext(Service())

    def metrics(self):
        answer = self.service.request("GET", "/metrics")
        self.assertEqual(answer.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8")
        return parse_metrics(answer.body.decode())

    def value(self, family, **labels):
        return sum(value for name, has, value in self.metrics()[family][1]
                   if name == family and labels.items() <= has.items())

    def count(self, family, **labels):
        return sum(value for name, has, value in self.metrics()[family][1]
                   if name == family + "_count" and labels.items() <= has.items())

    def test_what_is_counted(self):
        before = {reason: self.value("clipembed_rejected_requests_total", reason=reason) for reason in ("not_found", "malformed_request")}
        embedded = self.value("clipembed_files_embedded_total")
        self.service.embed(b"1")
        self.service.embed(b"format")
        self.service.embed(b"1", "/embed?frames=0")
        self.service.request("GET", "/nowhere")
        self.assertEqual(self.value("clipembed_files_embedded_total"), embedded + 1)
        self.assertGreaterEqual(self.value("clipembed_files_failed_total", reason="unsupported_file_type"), 1)
        for reason, count in before.items():
            self.assertEqual(self.value("clipembed_rejected_requests_total", reason=reason), count + 1)
        self.assertGreaterEqual(self.value("clipembed_requests_total", path="/embed", status="200"), 1)
        self.assertGreaterEqual(self.value("clipembed_requests_total", path="other", status="404"), 1)
        self.assertGreaterEqual(self.count("clipembed_request_duration_seconds", path="/embed"), 3)
        for family in ("queue", "decode", "preprocess"):
            self.assertGreaterEqual(self.count(f"clipembed_{family}_seconds"), 1)

    def test_what_is_measured(self):
        families = self.metrics()
        for family in ("clipembed_inference_seconds", "clipembed_batch_size", "clipembed_engine_queue_seconds",
                       "clipembed_request_duration_seconds"):
            self.assertEqual(families[family][0], "histogram")
        for family in ("clipembed_worker_restarts_total", "clipembed_images_total"):
            self.assertEqual(families[family][0], "counter")
        self.assertEqual(self.value("clipembed_workers"), 2)
        self.assertEqual(self.value("clipembed_model_info", model="scripted", device="cpu", precision="fp32"), 1)
        self.assertGreater(self.value("process_resident_memory_bytes"), 1e6)
        self.assertGreaterEqual(self.value("clipembed_connections"), 1)

    def test_gpus_without_a_library(self):
        self.assertEqual(self.service.request("GET", "/metrics/gpu").json, {"error": "CUDA not available"})
        self.assertFalse(self.service.request("GET", "/health").json["gpu_available"])

    def test_gpus(self):
        with Service(gpus=True) as running:
            answer = running.request("GET", "/metrics/gpu").json
            self.assertTrue(running.request("GET", "/health").json["gpu_available"])
        self.assertEqual(answer["driver_version"], "550.1")
        self.assertEqual(answer["gpus"], [
            {"index": 0, "name": "Fake GPU", "memory_total_bytes": 8 << 30, "memory_used_bytes": 2 << 30,
             "memory_free_bytes": 6 << 30, "utilization_percent": 42, "memory_utilization_percent": 7},
            {"index": 1, "name": "Old GPU", "memory_total_bytes": 8 << 30, "memory_used_bytes": 2 << 30,
             "memory_free_bytes": 6 << 30, "utilization_percent": None, "memory_utilization_percent": None}])

    def test_gpus_of_a_library_without_a_driver(self):
        with Service(gpus=True, variables={"FAKE_NVML_FAILS": "1"}) as running:
            self.assertEqual(running.request("GET", "/metrics/gpu").json, {"error": "CUDA not available"})


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = cls.enterClassContext(Service())

    def test_every_file_of_the_page_is_served(self):
        types = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
                 ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
        files = sorted((ROOT / "tools/clipembedd/page").iterdir())
        self.assertTrue(files)
        for file in files:
            with self.subTest(file=file.name):
                answer = self.service.request("GET", "/page/" + file.name)
                self.assertEqual(answer.status, 200)
                self.assertEqual(answer.body, file.read_bytes())
                self.assertEqual(answer.headers["content-type"], types[file.suffix])
                self.assertEqual(answer.headers["x-content-type-options"], "nosniff")
                self.assertIn("frame-ancestors 'none'", answer.headers["content-security-policy"])

    def test_the_first_page(self):
        self.assertEqual(self.service.request("GET", "/").body, (ROOT / "tools/clipembedd/page/index.html").read_bytes())

    def test_what_has_not_changed_is_not_sent_again(self):
        tag = self.service.request("GET", "/page/main.js").headers["etag"]
        with self.service.connect() as connection:
            answer = connection.request("GET", "/page/main.js", headers=[("If-None-Match", tag)])
            self.assertEqual(answer.status, 304)
            self.assertEqual(answer.headers["etag"], tag)
            self.assertEqual(connection.request("GET", "/page/main.js", headers=[("If-None-Match", '"x"')]).status, 200)

    def test_nothing_else_is_served(self):
        for path in ("/page/", "/page", "/page/x.js", "/page/../page.cpp", "/page//main.js"):
            self.assertEqual(self.service.request("GET", path).status, 404, path)

    def test_the_page_can_be_turned_off(self):
        with Service("--page=no") as running:
            self.assertEqual(running.request("GET", "/").status, 404)
            self.assertEqual(running.request("GET", "/page/main.js").status, 404)
            self.assertEqual(running.request("GET", "/openapi.json").status, 200)


class Keys(unittest.TestCase):
    def setUp(self):
        self.file = tempfile.NamedTemporaryFile("w")
        self.file.write("# the web shop\nfirst-key-0123456789\n\n  second-key-0123456789  \n")
        self.file.flush()

    def tearDown(self):
        self.file.close()

    def test_embedding_needs_a_key_and_nothing_else_does(self):
        with Service("--api-key-file", self.file.name) as running:
            for key in ("first-key-0123456789", "second-key-0123456789"):
                self.assertEqual(running.embed(b"1", headers=[("Authorization", "Bearer " + key)]).status, 200)
            for authorization in ("Bearer ", "Bearer first-key-012345678", "Bearer # the web shop", "Basic first-key-0123456789",
                                  "first-key-0123456789"):
                answer = running.embed(b"1", headers=[("Authorization", authorization)])
                self.assertEqual((answer.status, answer.json["error"]), (401, "Unauthorized"))
                self.assertEqual(answer.headers["www-authenticate"], "Bearer")
            self.assertEqual(running.embed(b"1").status, 401)
            for path in ("/health", "/metrics", "/", "/openapi.json"):
                self.assertEqual(running.request("GET", path).status, 200)

    def test_a_key_file_that_cannot_be_used(self):
        for content, mode, words in (("short\n", 0o600, "16"), ("# none\n", 0o600, "no key"), ("first-key-0123456789\n", 0o644, "everybody")):
            with tempfile.NamedTemporaryFile("w") as file:
                file.write(content)
                file.flush()
                os.chmod(file.name, mode)
                status, _, errors = run(SCRIPTED, "--api-key-file", file.name)
                self.assertNotEqual(status, 0)
                self.assertIn(words, errors)


def run(*command, **options):
    import subprocess
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, **options)
    return done.returncode, done.stdout, done.stderr


class Limits(unittest.TestCase):
    def test_a_full_queue(self):
        with Service("--queue=1") as running:
            held = [running.connect() for _ in range(3)]
            for i, connection in enumerate(held):
                connection.send(head("POST", "/embed", b"sleep 60000", PNG) + b"sleep 60000")
                wait_for(lambda: running.request("GET", "/health").json["active_requests"] == i + 1)
            wait_for(lambda: running.request("GET", "/health").json["queue_depth"] == 1)
            # Refused before its body is read.
            with running.connect() as connection:
                connection.send(head("POST", "/embed", None, [*PNG, ("Content-Length", "1000000")]))
                answer = connection.response()
            self.assertEqual((answer.status, answer.json["error"]), (429, "Too many requests"))
            self.assertEqual(answer.headers["retry-after"], "1")
            for connection in held:
                connection.socket.close()
            wait_for(lambda: running.embed(b"1").status == 200)

    def test_more_files_in_a_request_than_the_queue_has_places(self):
        with Service("--queue=1") as running:
            content_type, body = form(*[(str(i), b"sleep 20") for i in range(20)])
            answer = running.request("POST", "/embed", body, [("Content-Type", content_type)]).json
            self.assertEqual([item["error"] for item in answer.values()], [None] * 20)

    def test_too_many_requests_at_once(self):
        with Service("--max-requests=1") as running, running.connect() as held:
            held.send(head("POST", "/embed", b"12345", PNG) + b"123")
            wait_for(lambda: running.request("GET", "/health").json["active_requests"] == 1)
            self.assertEqual(running.embed(b"1").status, 429)
            held.send(b"45")
            self.assertEqual(held.response().status, 200)
            self.assertEqual(running.embed(b"1").status, 200)

    def test_headers_that_take_too_long(self):
        with Service("--header-timeout=300ms") as running:
            with running.connect() as connection:
                connection.send(b"GET /health HTTP/1.1\r\n")
                self.assertEqual(connection.response().status, 408)
                self.assertTrue(connection.at_end())
            with running.connect() as connection:
                connection.request("GET", "/health")
                connection.send(b"GET /health HTTP/1.1\r\n")
                self.assertEqual(connection.response().status, 408)
                self.assertTrue(connection.at_end())

    def test_bodies_that_take_too_long(self):
        with Service("--body-timeout=300ms") as running, running.connect() as connection:
            connection.send(head("POST", "/embed", b"12345", PNG) + b"12")
            answer = connection.response()
            self.assertEqual((answer.status, answer.json["error"]), (408, "Request timeout"))
            self.assertTrue(connection.at_end())
            self.assertEqual(running.request("GET", "/health").json["active_requests"], 0)

    def test_bodies_that_trickle(self):
        with Service("--min-rate=1K") as running, running.connect() as connection:
            connection.send(head("POST", "/embed", None, [*PNG, ("Content-Length", "100000")]))
            connection.socket.setblocking(False)
            answer = b""
            while not answer:
                try:
                    connection.socket.send(b"x")
                    answer = connection.socket.recv(65536)
                except BlockingIOError:
                    time.sleep(0.05)
            self.assertIn(b"408", answer.split(b"\r\n")[0])
            self.assertIn(b"slowly", answer)

    def test_idle_connections_are_closed_without_a_word(self):
        with Service("--idle-timeout=300ms") as running, running.connect() as connection:
            connection.request("GET", "/health")
            self.assertTrue(connection.at_end())

    def test_answers_that_are_left_unread(self):
        with Service("--write-timeout=500ms") as running, running.connect() as connection:
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            request = head("GET", "/openapi.json")
            wait_for(lambda: self.stuck(connection, request))
            wait_for(lambda: any(line.get("status") == 499 for line in running.log_lines()))

    @staticmethod
    def stuck(connection, request):
        """Sends until the service takes no more."""
        connection.socket.settimeout(0.3)
        try:
            connection.send(request * 100)
        except (TimeoutError, ConnectionError):
            return True
        return False

    def test_more_connections_than_the_service_takes(self):
        with Service("--max-connections=10") as running:
            idle = [running.connect() for _ in range(12)]
            wait_for(lambda: running.request("GET", "/health").status == 200)
            for connection in idle:
                connection.socket.close()

    def test_others_have_their_turn_while_a_body_arrives_as_fast_as_it_can_be_read(self):
        with Service() as running:
            upload = threading.Thread(target=running.embed, args=(bytes(256 << 20),))
            upload.start()
            wait_for(lambda: running.request("GET", "/health").json["active_requests"] == 1)
            served = 0
            while upload.is_alive():
                self.assertEqual(running.embed(b"1").status, 200)
                served += 1
            upload.join()
            self.assertGreater(served, 20)

    def test_no_descriptors_left(self):
        def few():
            resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
        with Service(preexec_fn=few) as running:
            idle = [running.connect() for _ in range(60)]
            self.assertEqual(running.request("GET", "/health").status, 200)
            for connection in idle:
                connection.socket.close()
            self.assertEqual(running.embed(b"1").status, 200)
            metrics = parse_metrics(running.request("GET", "/metrics").body.decode())
            rejected = {labels["reason"]: value for _, labels, value in metrics["clipembed_rejected_requests_total"][1]}
            self.assertGreaterEqual(rejected["no_descriptors"], 1)


class Draining(unittest.TestCase):
    def test_what_is_under_way_is_answered_first(self):
        with Service() as running, running.connect() as connection, running.connect() as other:
            other.request("GET", "/health")
            connection.send(head("POST", "/embed", b"sleep 700", PNG) + b"sleep 700")
            wait_for(lambda: running.request("GET", "/health").json["active_requests"] == 1)
            running.terminate()
            self.assertTrue(other.at_end())
            with self.assertRaises(OSError):
                running.connect()
            answer = connection.response()
            self.assertEqual((answer.status, answer.headers["connection"]), (200, "close"))
            self.assertEqual(running.process.wait(timeout=20), 0)

    def test_an_upload_that_has_begun_is_answered(self):
        with Service() as running, running.connect() as connection:
            connection.send(head("POST", "/embed", b"12345", PNG) + b"12")
            wait_for(lambda: running.request("GET", "/health").json["active_requests"] == 1)
            running.terminate()
            wait_for(lambda: not self.accepts(running))
            connection.send(b"345")
            self.assertEqual(connection.response().status, 200)
            self.assertEqual(running.process.wait(timeout=20), 0)

    @staticmethod
    def accepts(running):
        try:
            running.connect().socket.close()
            return True
        except OSError:
            return False

    def test_what_takes_too_long_is_told_so(self):
        with Service("--drain-timeout=300ms") as running, running.connect() as connection:
            connection.send(head("POST", "/embed", b"sleep 60000", PNG) + b"sleep 60000")
            wait_for(lambda: running.request("GET", "/health").json["active_requests"] == 1)
            running.terminate()
            answer = connection.response()
            self.assertEqual((answer.status, answer.json["error"]), (503, "Draining"))
            self.assertIn("retry-after", answer.headers)
            self.assertEqual(running.process.wait(timeout=20), 0)


class Log(unittest.TestCase):
    def test_a_line_of_json_for_each_request(self):
        with Service() as running:
            running.embed(b"format", headers=[("X-Request-ID", "me")])
            running.request("GET", "/health")
            lines = wait_for(lambda: (lines := running.log_lines()) if len(running.log_lines()) == 2 else None)
        self.assertEqual([(line["method"], line["path"], line["status"]) for line in lines], [("POST", "/embed", 415), ("GET", "/health", 200)])
        line = lines[0]
        self.assertEqual((line["request_id"], line["peer"], line["bytes_in"], line["files"], line["error"], line["level"]),
                         ("me", "127.0.0.1", 6, 1, "Unsupported file type", "info"))

    def test_plain_lines(self):
        with Service("--log-format=plain") as running:
            running.request("GET", "/nowhere")
            text = wait_for(running.log_text)
        self.assertRegex(text, r"^127\.0\.0\.1 GET /nowhere 404 \d+\.\d ms 0 bytes Not found: there is no /nowhere\n$")

    def test_clients_that_go_are_logged_as_499(self):
        with Service() as running:
            with running.connect() as connection:
                connection.send(head("POST", "/embed", b"12345", PNG) + b"12")
                wait_for(lambda: running.request("GET", "/health").json["active_requests"] == 1)
                connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            wait_for(lambda: any(line["status"] == 499 for line in running.log_lines()))


if __name__ == "__main__":
    service.main()
