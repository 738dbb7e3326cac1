#!/usr/bin/env python3
"""`clipembedd --check-health URL` against servers that are well, unwell, silent and gone.

    check_health_check.py PROGRAM
"""

import contextlib
import http.server
import socket
import subprocess
import sys
import threading
import unittest

PROGRAM = sys.argv.pop(1)


def check(url):
    """(exit status, standard output, standard error)"""
    done = subprocess.run([PROGRAM, "--check-health", url], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


@contextlib.contextmanager
def server_answering(status, body):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/health"
        server.shutdown()


class CheckHealth(unittest.TestCase):
    def test_200_is_well_and_its_answer_is_printed(self):
        with server_answering(200, b'{"status":"ok"}') as url:
            self.assertEqual(check(url), (0, '{"status":"ok"}\n', ""))

    def test_503_is_unwell_and_its_answer_is_printed(self):
        with server_answering(503, b'{"status":"loading"}') as url:
            self.assertEqual(check(url), (1, '{"status":"loading"}\n', ""))

    def test_nobody_there(self):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        status, out, err = check(f"http://127.0.0.1:{port}/health")
        self.assertEqual((status, out), (1, ""))
        self.assertIn("refused", err)

    def test_somebody_silent(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            status, out, err = check(f"http://127.0.0.1:{silent.getsockname()[1]}/health")
        self.assertEqual((status, out), (1, ""))
        self.assertIn("no answer in time", err)

    def test_no_url(self):
        status, out, err = check("8000")
        self.assertEqual((status, out), (2, ""))
        self.assertIn("8000", err)


if __name__ == "__main__":
    unittest.main()
