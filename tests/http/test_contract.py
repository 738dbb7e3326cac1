#!/usr/bin/env python3
"""openapi.json is valid, and what the service really answers is what it says."""

import json
import os
import tempfile
import unittest

import jsonschema
import openapi_spec_validator

import service
from service import ROOT, Service, events_of, form, head

CONTRACT = json.loads((ROOT / "tools/clipembedd/openapi.json").read_text())
COMPONENTS = CONTRACT["components"]
JSON = "application/json"


def check(instance, schema):
    jsonschema.Draft202012Validator({"components": COMPONENTS, **schema},
                                    format_checker=jsonschema.FormatChecker()).validate(instance)


def resolve(node):
    while "$ref" in node:
        target = CONTRACT
        for key in node["$ref"].removeprefix("#/").split("/"):
            target = target[key]
        node = target
    return node


class Contract(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        with open(os.path.join(cls.folder, "a.jpg"), "w") as file:
            file.write("video")
        cls.service = cls.enterClassContext(Service("--media-root", cls.folder, "--max-body=100K", "--queue=1"))
        cls.seen = set()

    def conforms(self, path, response, method="post", template=None):
        """The contract has this status for the path, with this type, schema and headers."""
        responses = CONTRACT["paths"][template or path][method]["responses"]
        self.assertIn(str(response.status), responses, response.body)
        entry = resolve(responses[str(response.status)])
        for name, header in entry.get("headers", {}).items():
            header = resolve(header)
            if header.get("required") or name.lower() in response.headers:
                value = response.headers[name.lower()]
                check(int(value) if header["schema"].get("type") == "integer" else value, {"$ref": "#/x", "x": header["schema"]})
        content_type = response.headers.get("content-type", "").split(";")[0]
        if response.body:
            schema = entry["content"][content_type]["schema"]
            if content_type == JSON:
                check(response.json, {"$ref": "#/x", "x": schema})
        self.seen.add((template or path, response.status))
        return response

    def embed(self, content, query="", headers=()):
        response = self.service.embed(content, "/embed" + query, headers)
        return self.conforms("/embed", response)

    def test_the_document_is_valid(self):
        openapi_spec_validator.validate(CONTRACT)

    def test_the_service_serves_it(self):
        answer = self.conforms("/openapi.json", self.service.request("GET", "/openapi.json"), "get")
        self.assertEqual(answer.json, CONTRACT)
        tag = answer.headers["etag"]
        self.conforms("/openapi.json", self.service.request("GET", "/openapi.json", headers=[("If-None-Match", tag)]), "get")

    def test_embeddings(self):
        self.embed(b"1")
        self.embed(b"1", "?encoding=base64&normalize=false&augment=flip")
        self.embed(b"video")
        self.embed(b"video", "?detail=frames")
        self.embed(b"video", "?detail=frames&encoding=base64")
        content_type, body = form(("a", b"1"), ("b", b"failed"), ("c", b"video"))
        self.conforms("/embed", self.service.request("POST", "/embed?detail=frames", body, [("Content-Type", content_type)]))
        paths = json.dumps({"imagePaths": ["a.jpg", "missing", "../x"]}).encode()
        check(json.loads(paths), {"$ref": "#/components/schemas/ImagePaths"})
        self.conforms("/embed", self.service.request("POST", "/embed", paths, [("Content-Type", JSON)]))

    def test_event_streams(self):
        content_type, body = form(("a", b"progress 2"), ("b", b"failed"))
        response = self.service.request("POST", "/embed", body, [("Content-Type", content_type), ("Accept", "text/event-stream")])
        self.conforms("/embed", response)
        events = events_of(response.body)
        for name, data in events[:-1]:
            self.assertEqual(name, "progress")
            check(data, {"$ref": "#/components/schemas/Progress"})
        check(events[-1][1], {"$ref": "#/components/schemas/EmbeddingMap"})

    def test_failures(self):
        self.assertEqual(self.embed(b"1", "?frames=0").status, 400)
        self.assertEqual(self.embed(b"format").status, 415)
        self.assertEqual(self.embed(b"failed").status, 422)
        self.assertEqual(self.embed(b"timeout").status, 504)
        self.assertEqual(self.embed(b"gone").status, 503)
        self.assertEqual(self.embed(b"x" * 200_000).status, 413)
        self.assertEqual(self.embed(b"1", headers=[("Sec-Fetch-Site", "cross-site")]).status, 403)
        self.assertEqual(self.embed(b"1", headers=[("X", "a" * 20_000)]).status, 431)
        self.assertEqual(self.embed(b"1", headers=[("Expect", "more")]).status, 417)
        self.assertEqual(self.embed(b"1", headers=[("Transfer-Encoding", "gzip")]).status, 501)
        self.conforms("/embed", self.service.request("GET", "/embed"))

    def test_keys(self):
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("a-key-0123456789-abcdef\n")
            file.flush()
            with Service("--api-key-file", file.name) as guarded:
                self.conforms("/embed", guarded.embed(b"1"))

    def test_operation(self):
        for word in ("loading", "failed-model", "ready"):
            self.service.say(word)
            for path in ("/health", "/health/live", "/health/ready"):
                self.conforms(path, self.service.request("GET", path), "get")
                self.conforms(path, self.service.request("POST", path), "get")
        for path in ("/metrics", "/metrics/gpu", "/"):
            self.conforms(path, self.service.request("GET", path), "get")
        self.conforms("/page/main.js", self.service.request("GET", "/page/main.js"), "get", "/page/{file}")
        self.conforms("/page/nothing", self.service.request("GET", "/page/nothing"), "get", "/page/{file}")

    def test_gpus(self):
        with Service(gpus=True) as with_gpus:
            self.conforms("/metrics/gpu", with_gpus.request("GET", "/metrics/gpu"), "get")

    def test_a_full_queue(self):
        with self.service.connect() as a, self.service.connect() as b, self.service.connect() as c:
            for i, connection in enumerate((a, b, c)):
                connection.send(head("POST", "/embed", b"sleep 60000", [("Content-Type", "image/png")]) + b"sleep 60000")
                service.wait_for(lambda: self.service.request("GET", "/health").json["active_requests"] == i + 1)
            service.wait_for(lambda: self.service.request("GET", "/health").json["queue_depth"] == 1)
            self.assertEqual(self.embed(b"1").status, 429)
        service.wait_for(lambda: self.service.request("GET", "/health").json["active_requests"] == 0)


if __name__ == "__main__":
    service.main()
