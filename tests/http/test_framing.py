#!/usr/bin/env python3
"""Where requests begin and end: nothing that a proxy might read in another way gets past."""

import socket
import unittest

import service
from service import Service, chunked, head


class Framing(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = cls.enterClassContext(Service())

    def refused(self, data, status=400):
        """One answer, and then the end, whatever follows."""
        with self.service.connect() as connection:
            connection.send(data)
            response = connection.response()
            self.assertEqual(response.status, status, response.body)
            self.assertIsNone(response.json["embedding"])
            self.assertEqual(response.headers["connection"], "close")
            self.assertTrue(connection.at_end())
        return response

    HEALTH = "GET /health/live HTTP/1.1\r\nHost: a\r\n"
    EMBED = "POST /embed HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\n"
    SMUGGLED = b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"

    def test_both_lengths_are_refused(self):
        self.refused((self.EMBED + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n").encode() +
                     b"0\r\n\r\n" + self.SMUGGLED)
        self.refused((self.EMBED + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n").encode() +
                     b"0\r\n\r\n" + self.SMUGGLED)

    def test_two_content_lengths_are_refused_even_if_equal(self):
        for second in ("6", "5"):
            self.refused((self.EMBED + f"Content-Length: 5\r\nContent-Length: {second}\r\n\r\n").encode() + b"hello")

    def test_what_is_no_content_length(self):
        for value in ("+5", "-5", "5 5", "5,5", "0x5", "5;", "", " ", "5.0", "9" * 16, "\u0665".encode().decode("latin-1")):
            with self.subTest(value=value):
                self.refused((self.EMBED + f"Content-Length: {value}\r\n\r\n").encode("latin-1") + b"hello")

    def test_what_is_no_transfer_encoding(self):
        for value in ("gzip", "gzip, chunked", "chunked, chunked", "xchunked", "chunked;q=1", "identity", "\x0bchunked"):
            with self.subTest(value=value):
                status = 400 if value.startswith("\x0b") else 501
                self.refused((self.EMBED + f"Transfer-Encoding: {value}\r\n\r\n").encode() + chunked(b"hello"), status)
        self.refused((self.EMBED + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n").encode())
        self.refused(b"POST /embed HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"hello"))

    def test_a_field_that_goes_on_in_the_next_line(self):
        self.refused((self.HEALTH + "X: a\r\n b\r\n\r\n").encode())
        self.refused((self.EMBED + "Transfer-Encoding:\r\n chunked\r\n\r\n").encode())

    def test_lf_alone(self):
        self.refused(b"GET /health/live HTTP/1.1\nHost: a\r\n\r\n")
        self.refused((self.HEALTH + "X: a\n\r\n").encode())
        self.refused((self.HEALTH + "X: a\r\n\n").encode())

    def test_a_space_before_the_colon(self):
        self.refused((self.EMBED + "Content-Length : 5\r\n\r\n").encode() + b"hello")
        self.refused((self.HEALTH + "X\r\n\r\n").encode())
        self.refused((self.HEALTH + ": a\r\n\r\n").encode())

    def test_control_characters(self):
        self.refused((self.HEALTH + "X: a\x00b\r\n\r\n").encode())
        self.refused((self.HEALTH + "X: a\rb\r\n\r\n").encode())
        self.refused(b"GET /health\x00 HTTP/1.1\r\nHost: a\r\n\r\n")

    def test_request_lines(self):
        for line in ("GET /health", "GET  /health HTTP/1.1", "GET /health HTTP/1.1 ", " GET /health HTTP/1.1",
                     "GET\t/health\tHTTP/1.1", "G(T /health HTTP/1.1", "GET health HTTP/1.1", "GET * HTTP/1.1",
                     "CONNECT a:80 HTTP/1.1", "GET /a#b HTTP/1.1", "GET /\x7f HTTP/1.1", "GET /health HTTP/11",
                     "GET https://a/health HTTP/1.1", "GET /%zz HTTP/1.1", "GET /a?b=%1 HTTP/1.1", "GET http:///a HTTP/1.1"):
            with self.subTest(line=line):
                self.refused((line + "\r\nHost: a\r\n\r\n").encode())

    def test_versions(self):
        self.refused(b"GET /health HTTP/2.0\r\nHost: a\r\n\r\n", 505)
        self.refused(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505)
        self.assertEqual(self.service.request("GET", "/health/live", version="1.0").status, 200)

    def test_hosts(self):
        self.refused(b"GET /health HTTP/1.1\r\n\r\n")
        self.refused(b"GET /health HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n")
        self.refused(b"GET /health HTTP/1.1\r\nHost: a/b\r\n\r\n")
        self.refused(b"GET /health HTTP/1.1\r\nHost: u@a\r\n\r\n")
        self.refused(b"GET /health HTTP/1.1\r\nHost: a:99999\r\n\r\n")
        self.refused(b"GET /health HTTP/1.1\r\nHost: [::1\r\n\r\n")

    def test_malformed_chunks(self):
        for body in (b"5\nhello\r\n0\r\n\r\n", b"5\r\nhelloo\r\n0\r\n\r\n", b"-5\r\nhello\r\n0\r\n\r\n",
                     b"0x5\r\nhello\r\n0\r\n\r\n", b"5;a=b\r\nhello\r\n0\r\n\r\n", b" 5\r\nhello\r\n0\r\n\r\n",
                     b"\r\nhello\r\n0\r\n\r\n", b"5\r\nhello\r\n0\r\nX: y\r\n\r\n", b"5\r\nhello\n0\r\n\r\n",
                     b"fffffffffffffffff\r\n", b"5\r\nhello\r\n0\r\n\n"):
            with self.subTest(body=body):
                self.refused((self.EMBED + "Transfer-Encoding: chunked\r\n\r\n").encode() + body)

    def test_a_chunked_body_in_any_pieces(self):
        request = (self.EMBED + "Transfer-Encoding: chunked\r\n\r\n").encode() + chunked(b"hel", b"lo")
        with self.service.connect() as connection:
            for byte in range(len(request)):
                connection.send(request[byte:byte + 1])
            self.assertEqual(connection.response().json["embedding"][0], 5)

    def test_pipelined_requests_are_answered_in_order(self):
        with self.service.connect() as connection:
            connection.send(head("POST", "/embed", b"sleep 50", [("Content-Type", "image/png")]) + b"sleep 50" +
                            head("GET", "/health/live") + head("GET", "/nowhere"))
            self.assertEqual(connection.response().json["embedding"][0], 8)
            self.assertEqual(connection.response().json, {"status": "ok"})
            self.assertEqual(connection.response().status, 404)

    def test_what_is_refused_behind_a_good_request(self):
        with self.service.connect() as connection:
            connection.send(head("GET", "/health/live") + b"GET /health/live HTTP/1.1\nHost: a\r\n\r\n" + self.SMUGGLED)
            self.assertEqual(connection.response().status, 200)
            self.assertEqual(connection.response().status, 400)
            self.assertTrue(connection.at_end())

    def test_a_line_break_too_many_before_a_request(self):
        with self.service.connect() as connection:
            connection.send(b"\r\n" + head("GET", "/health/live") + b"\r\n" + head("GET", "/health/live"))
            self.assertEqual(connection.response().status, 200)
            self.assertEqual(connection.response().status, 200)

    def test_large_headers(self):
        self.refused((self.HEALTH + "X: " + "a" * 20000 + "\r\n\r\n").encode(), 431)
        self.refused((self.HEALTH + "X: a\r\n" * 101 + "\r\n").encode(), 431)

    def test_expectations(self):
        self.refused((self.EMBED + "Content-Length: 5\r\nExpect: the-unexpected\r\n\r\n").encode(), 417)
        with self.service.connect() as connection:
            connection.send((self.EMBED + "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n").encode())
            self.assertTrue(connection._until(b"\r\n\r\n").startswith(b"HTTP/1.1 100"))
            connection.send(b"hello")
            self.assertEqual(connection.response().status, 200)
        with self.service.connect() as connection:
            connection.send(b"POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
            self.assertTrue(connection._until(b"\r\n").startswith(b"HTTP/1.1 404"))

    def test_requests_that_end_early(self):
        request = (self.EMBED + "Content-Length: 5\r\n\r\n").encode() + b"hell"
        for size in range(1, len(request)):
            with self.subTest(size=size), self.service.connect() as connection:
                connection.send(request[:size])
                connection.socket.shutdown(socket.SHUT_WR)
                self.assertEqual(connection.response().status, 400)
                self.assertTrue(connection.at_end())

    def test_a_client_that_closes_its_half_gets_its_answer(self):
        with self.service.connect() as connection:
            connection.send(head("POST", "/embed", b"sleep 600", [("Content-Type", "image/png")]) + b"sleep 600")
            connection.socket.shutdown(socket.SHUT_WR)
            self.assertEqual(connection.response().status, 200)

    def test_absolute_targets(self):
        self.assertEqual(self.service.request("GET", "http://localhost/health/live").status, 200)


if __name__ == "__main__":
    service.main()
