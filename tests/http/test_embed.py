#!/usr/bin/env python3
"""POST /embed: every form of request and answer, and every error."""

import base64
import json
import os
import struct
import tempfile
import unittest

import service
from service import Service, chunked, events_of, form, head, wait_for


class Requests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.media = os.path.join(cls.folder, "media")
        os.mkdir(cls.media)
        with open(os.path.join(cls.folder, "secret"), "w") as file:
            file.write("secret")
        os.mkdir(os.path.join(cls.media, "a"))
        with open(os.path.join(cls.media, "a", "b.jpg"), "w") as file:
            file.write("picture")
        os.symlink("../secret", os.path.join(cls.media, "link"))
        os.symlink("a/b.jpg", os.path.join(cls.media, "inside"))
        os.mkfifo(os.path.join(cls.media, "fifo"))
        cls.service = cls.enterClassContext(Service("--media-root", cls.media, "--max-body=100K", "--max-files=5"))

    def post(self, content_type, body, path="/embed", headers=()):
        return self.service.request("POST", path, body, [("Content-Type", content_type), *headers])

    def failed(self, response, status, error, *words):
        self.assertEqual(response.status, status, response.body)
        answer = response.json
        self.assertEqual(set(answer), {"embedding", "debugMetadata", "error", "detail"})
        self.assertIsNone(answer["embedding"])
        self.assertEqual(answer["error"], error)
        for word in words:
            self.assertIn(word, answer["detail"])
        return answer

    # ---- one file ----

    def test_a_form_with_one_file_is_answered_with_one_object(self):
        response = self.post(*form(("a.jpg", b"12345")))
        self.assertEqual(response.status, 200)
        self.assertEqual(response.headers["content-type"], "application/json")
        answer = response.json
        self.assertEqual(answer["embedding"][0], 5)
        self.assertIsNone(answer["error"])
        self.assertIsNone(answer["detail"])
        self.assertEqual(answer["debugMetadata"]["model"], "scripted - cpu")
        self.assertRegex(answer["debugMetadata"]["timestamp"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
        self.assertRegex(answer["debugMetadata"]["request_id"], r"^req-\d+-\d+$")
        self.assertEqual(response.headers["x-request-id"], answer["debugMetadata"]["request_id"])

    def test_a_raw_body_is_one_file(self):
        for content_type in ("image/jpeg", "IMAGE/PNG", "video/mp4", "application/octet-stream"):
            self.assertEqual(self.post(content_type, b"12345").json["embedding"][0], 5)

    def test_a_chunked_body(self):
        content_type, body = form(("a.jpg", b"12345"))
        with self.service.connect() as connection:
            connection.send(head("POST", "/embed", b"", [("Content-Type", content_type), ("Transfer-Encoding", "chunked")]))
            connection.send(chunked(body[:7], body[7:]))
            self.assertEqual(connection.response().json["embedding"][0], 5)

    def test_the_callers_request_id(self):
        response = self.post("image/png", b"1", headers=[("X-Request-ID", "me:1.2-3_4")])
        self.assertEqual(response.json["debugMetadata"]["request_id"], "me:1.2-3_4")
        self.assertEqual(response.headers["x-request-id"], "me:1.2-3_4")

    def test_a_request_id_that_could_not_be_written_everywhere_is_replaced(self):
        for strange in ("a b", "<a>", "a" * 129):
            response = self.post("image/png", b"1", headers=[("X-Request-ID", strange)])
            self.assertRegex(response.headers["x-request-id"], r"^req-")

    # ---- several ----

    def test_several_files_are_answered_with_a_map_in_their_order(self):
        answer = self.post(*form(("z.jpg", b"1"), ("a.jpg", b"format"), ("dir/\u00fc.mp4", b"video"))).json
        self.assertEqual(list(answer), ["z.jpg", "a.jpg", "dir/\u00fc.mp4"])
        self.assertEqual(answer["z.jpg"]["embedding"][0], 1)
        self.assertEqual(answer["a.jpg"]["error"], "Unsupported file type")
        self.assertEqual(answer["dir/\u00fc.mp4"]["debugMetadata"]["num_frames"], 2)

    def test_two_files_of_one_name_are_refused(self):
        self.failed(self.post(*form(("a", b"1"), ("a", b"2"))), 400, "Malformed request", "a")

    def test_more_files_than_the_service_takes_are_refused(self):
        files = [(str(i), b"1") for i in range(6)]
        self.failed(self.post(*form(*files)), 413, "Too large", "5")
        self.assertEqual(len(self.post(*form(*files[:5])).json), 5)

    # ---- forms that are none ----

    def test_malformed_forms(self):
        content_type, good = form(("a", b"1"))
        part = good[:good.rindex(b"--b0undary--")]
        for body in (b"", b"x" + good, good[:-6], good + b"x", part, good.replace(b"file\"", b"other\""),
                     good.replace(b"; filename=\"a\"", b""), good.replace(b"filename=\"a\"", b"filename=\"\""),
                     good.replace(b"form-data", b"attachment"), b"--b0undary--\r\n"):
            with self.subTest(body=body):
                self.failed(self.post(content_type, body), 400, "Malformed request", "form")

    def test_malformed_boundaries(self):
        for content_type in ("multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=a; boundary=b",
                             "multipart/form-data; boundary=" + "a" * 71, "multipart/form-data; boundary=\"a\\r\""):
            with self.subTest(content_type=content_type):
                self.failed(self.post(content_type, b"--a--"), 400, "Malformed request")

    def test_types_that_embed_does_not_take(self):
        for content_type in ("text/plain", "multipart/mixed; boundary=a", "application/x-www-form-urlencoded"):
            self.failed(self.post(content_type, b"1"), 415, "Unsupported media type", content_type.split(";")[0])
        self.failed(self.service.request("POST", "/embed", b"1"), 415, "Unsupported media type")
        self.failed(self.post("image/png", b"1", headers=[("Content-Encoding", "gzip")]), 415, "Unsupported media type", "gzip")

    def test_no_body(self):
        self.failed(self.post("image/png", b""), 400, "Malformed request")
        self.failed(self.service.request("POST", "/embed", None, [("Content-Type", "image/png")]), 400, "Malformed request")

    # ---- paths ----

    def paths(self, *paths):
        return self.post("application/json", json.dumps({"imagePaths": paths}).encode())

    def test_paths_are_answered_with_a_map(self):
        answer = self.paths("a/b.jpg", "inside").json
        self.assertEqual(answer["a/b.jpg"]["embedding"][0], 7)
        self.assertEqual(answer["inside"]["embedding"][0], 7)
        self.assertEqual(list(self.paths("a/b.jpg").json), ["a/b.jpg"])

    def test_paths_that_lead_out_or_nowhere(self):
        answer = self.paths("../secret", "link", "/etc/passwd", "missing", "a").json
        for path in ("../secret", "link", "/etc/passwd", "a"):
            self.assertEqual(answer[path]["error"], "Malformed request", path)
            self.assertIsNone(answer[path]["embedding"])
        self.assertEqual(answer["missing"]["error"], "File not found")
        self.assertNotIn(self.folder, json.dumps(answer))
        answer = self.paths("a/../../secret", "fifo", "a/b.jpg/c", "/proc/self/root/etc/passwd", "a/b.jpg").json
        self.assertEqual([item["error"] is None for item in answer.values()], [False] * 4 + [True])

    def test_json_that_is_no_list_of_paths(self):
        for text in ("", "{", "[]", "{}", '{"imagePaths": []}', '{"imagePaths": "a"}', '{"imagePaths": [1]}',
                     '{"imagePaths": ["a", "a"]}', '{"imagePaths": ["a"], "x": 1}', '{"imagePaths": ["a\\u0000b"]}x'):
            with self.subTest(text=text):
                self.failed(self.post("application/json", text.encode()), 400, "Malformed request")

    def test_paths_without_a_media_root(self):
        with Service() as service_without:
            response = service_without.request("POST", "/embed", b'{"imagePaths": ["a"]}', [("Content-Type", "application/json")])
            self.failed(response, 403, "Not allowed", "media root")

    # ---- queries ----

    def test_frames_in_detail(self):
        answer = self.post("video/mp4", b"video", "/embed?detail=frames").json
        self.assertEqual([frame["time"] for frame in answer["frames"]], [0, 1])
        self.assertEqual(answer["frames"][0]["embedding"], [1, 0])
        self.assertNotIn("frames", self.post("video/mp4", b"video").json)
        self.assertNotIn("frames", self.post("image/png", b"1", "/embed?detail=frames").json)

    def test_base64(self):
        answer = self.post("image/png", b"12345", "/embed?encoding=base64").json
        self.assertEqual(struct.unpack("<2f", base64.b64decode(answer["embedding"]))[0], 5)

    def test_wrong_queries(self):
        for query in ("frames=0", "frames=301", "frames=x", "frames=", "frames=1&frames=1", "sampling=best", "normalize=yes",
                      "augment=all", "detail=1", "encoding=hex", "frame=1", "frames=1%00", "Frames=1"):
            with self.subTest(query=query):
                answer = self.failed(self.post("image/png", b"1", "/embed?" + query), 400, "Malformed request", "query")
                self.assertIn("query", answer["detail"])

    def test_right_queries(self):
        for query in ("", "&", "frames=1&sampling=keyframes&normalize=false&augment=five-crop&detail=none&encoding=float",
                      "frames=300", "sampling=%61uto"):
            with self.subTest(query=query):
                self.assertEqual(self.post("image/png", b"1", "/embed?" + query).status, 200)
        self.assertTrue(self.post("image/png", b"1", "/embed?augment=flip").json["debugMetadata"]["enable_augmentation"])

    # ---- errors of files ----

    def test_what_becomes_of_a_file_that_cannot_be_embedded(self):
        self.failed(self.post("image/png", b"format"), 415, "Unsupported file type", "no image")
        self.failed(self.post("image/png", b"failed"), 422, "Processing failed", "damaged")
        self.failed(self.post("image/png", b"timeout"), 504, "Deadline exceeded")
        response = self.post("image/png", b"gone")
        self.failed(response, 503, "Unavailable")
        self.assertGreaterEqual(int(response.headers["retry-after"]), 1)

    def test_bodies_that_are_too_large_are_refused_before_they_are_read(self):
        with self.service.connect() as connection:
            connection.send(head("POST", "/embed", None, [("Content-Type", "image/png"), ("Content-Length", "1000000000")]))
            self.failed(connection.response(), 413, "Too large", "1000000000")

    def test_chunked_bodies_that_grow_too_large(self):
        with self.service.connect() as connection:
            connection.send(head("POST", "/embed", None, [("Content-Type", "image/png"), ("Transfer-Encoding", "chunked")]))
            connection.send(b"fffff\r\n" + b"x" * 110_000)
            self.failed(connection.response(), 413, "Too large", "102400")
            self.assertTrue(connection.at_end())

    def test_malformed_forms_are_refused_before_they_have_arrived(self):
        with self.service.connect() as connection:
            connection.send(head("POST", "/embed", None, [("Content-Type", "multipart/form-data; boundary=a"),
                                                          ("Content-Length", "100000")]) + b"nonsense")
            self.failed(connection.response(), 400, "Malformed request")
            self.assertTrue(connection.at_end())

    # ---- other paths and methods ----

    def test_what_there_is_not(self):
        self.failed(self.service.request("GET", "/nowhere"), 404, "Not found", "/nowhere")
        self.failed(self.service.request("GET", "/embed/"), 404, "Not found")
        self.failed(self.service.request("POST", "/nowhere", b"body"), 404, "Not found")

    def test_methods_that_there_are_not(self):
        for method, path, allowed in (("GET", "/embed", "POST"), ("PUT", "/embed", "POST"), ("OPTIONS", "/embed", "POST"),
                                      ("POST", "/health", "GET, HEAD"), ("DELETE", "/", "GET, HEAD"),
                                      ("TRACE", "/metrics", "GET, HEAD")):
            with self.subTest(method=method, path=path):
                response = self.service.request(method, path, b"x" if method == "PUT" else None)
                self.failed(response, 405, "Method not allowed", allowed)
                self.assertEqual(response.headers["allow"], allowed)

    def test_head_is_get_without_a_body(self):
        with self.service.connect() as connection:
            answer = connection.request("HEAD", "/health")
            self.assertEqual((answer.status, answer.body), (200, b""))
            self.assertEqual(connection.request("GET", "/health/live").status, 200)

    def test_a_body_where_none_belongs(self):
        self.failed(self.service.request("GET", "/health", b"body"), 413, "Too large", "/health")

    def test_pages_of_other_sites(self):
        self.failed(self.post("image/png", b"1", headers=[("Sec-Fetch-Site", "cross-site")]), 403, "Not allowed")
        self.assertEqual(self.post("image/png", b"1", headers=[("Sec-Fetch-Site", "same-origin")]).status, 200)


class Events(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = cls.enterClassContext(Service("--write-timeout=900ms"))

    EVENTS = ("Accept", "text/event-stream")

    def test_progress_and_then_the_result(self):
        response = self.service.embed(b"progress 3 sleep 100", headers=[self.EVENTS])
        self.assertEqual(response.headers["content-type"], "text/event-stream")
        events = events_of(response.body)
        self.assertEqual([name for name, _ in events[:-1]], ["progress"] * (len(events) - 1))
        self.assertEqual(events[0][1], {"processed": 0, "total": 1, "current": "upload"})
        self.assertIn({"processed": 0, "total": 1, "current": "upload", "position": 1, "duration": 10}, [data for _, data in events])
        self.assertEqual(events[-2][1]["processed"], 1)
        self.assertEqual(events[-1][0], "result")
        self.assertEqual(events[-1][1]["embedding"][0], 20)

    def test_several_files(self):
        content_type, body = form(("a", b"1"), ("b", b"failed"))
        events = events_of(self.service.request("POST", "/embed", body, [("Content-Type", content_type), self.EVENTS]).body)
        self.assertEqual(sorted(events[-1][1]), ["a", "b"])
        self.assertEqual(events[-1][1]["b"]["error"], "Processing failed")

    def test_a_failure_is_the_result(self):
        name, data = events_of(self.service.embed(b"format", headers=[self.EVENTS]).body)[-1]
        self.assertEqual((name, data["error"], data["embedding"]), ("result", "Unsupported file type", None))

    def test_what_is_refused_before_has_its_own_status(self):
        self.assertEqual(self.service.embed(b"1", "/embed?frames=0", [self.EVENTS]).status, 400)

    def test_comments_keep_the_connection_alive(self):
        with self.service.connect() as connection:
            connection.send(head("POST", "/embed", b"sleep 5000", [("Content-Type", "image/png"), self.EVENTS]) + b"sleep 5000")
            connection.response_head()
            chunks = [connection.chunk() for _ in range(3)]
            self.assertIn(b":\n\n", chunks)

    def test_a_client_that_has_gone_cancels_its_files(self):
        for headers in ((), (self.EVENTS,)):
            with self.service.connect() as connection:
                connection.send(head("POST", "/embed", b"sleep 60000", [("Content-Type", "image/png"), *headers]) + b"sleep 60000")
                wait_for(lambda: self.service.request("GET", "/health").json["active_requests"] == 1)
            self.assertEqual(self.service.process.stdout.readline(), "cancelled\n")
            wait_for(lambda: self.service.request("GET", "/health").json["active_requests"] == 0)

    def test_the_connection_goes_on_afterwards(self):
        with self.service.connect() as connection:
            for _ in range(3):
                connection.request("POST", "/embed", b"1", [("Content-Type", "image/png"), self.EVENTS])
            self.assertEqual(connection.request("GET", "/health/live").status, 200)


if __name__ == "__main__":
    service.main()
