"""Uploads that mean harm. Each is (name, raw request bytes, statuses that are right); none: the client goes without one."""

import random
import struct
import zlib

BOUNDARY = b"hostile-boundary"
EMBEDDED, MALFORMED, TOO_LARGE, UNSUPPORTED, UNPROCESSABLE = 200, 400, 413, 415, 422
# Damaged media may still show something, may be too damaged to be recognised, or break.
DAMAGED = {EMBEDDED, UNSUPPORTED, UNPROCESSABLE}


def request(body, content_type, query=b""):
    return (
        b"POST /embed" + query + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        + b"Content-Type: " + content_type + b"\r\nContent-Length: " + str(len(body)).encode() + b"\r\n\r\n"
        + body
    )


def form(parts):
    """parts: (header lines, content)"""
    body = b"".join(b"--" + BOUNDARY + b"\r\n" + head + b"\r\n\r\n" + content + b"\r\n" for head, content in parts)
    return body + b"--" + BOUNDARY + b"--\r\n"


def file_part(content, filename=b"upload", type=b"application/octet-stream"):
    head = b'Content-Disposition: form-data; name="file"; filename="' + filename + b'"\r\nContent-Type: ' + type
    return head, content


FORM_TYPE = b"multipart/form-data; boundary=" + BOUNDARY


def upload(content, **named):
    return request(form([file_part(content, **named)]), FORM_TYPE)


# ---- media ----


def damage(random, content):
    """One of the ways in which files are broken, by accident or on purpose."""
    data = bytearray(content)
    way = random.randrange(7)
    at = random.randrange(len(data))
    if way == 0:  # cut, at every length class
        del data[random.choice([0, 1, 2, 3, 4, 8, 12, 16, 32, 64, 256, 1024, len(data) // 2, len(data) - 1, at]) :]
    elif way == 1:  # single bytes
        for _ in range(random.choice([1, 2, 8, 64])):
            data[random.randrange(len(data))] = random.randrange(256)
    elif way == 2:  # bytes of the header
        for _ in range(random.choice([1, 4, 16])):
            data[random.randrange(min(512, len(data)))] = random.randrange(256)
    elif way == 3:  # a large number where a size may be
        data[at : at + 4] = random.choice([b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0", b"\x80\0\0\0"])
    elif way == 4:  # a hole
        data[at : at + random.choice([16, 256, 4096])] = bytes(random.choice([16, 256, 4096]))
    elif way == 5:  # a part twice
        data[at:at] = data[at : at + random.choice([16, 1024, 65536])]
    else:  # a part missing
        del data[at : at + random.choice([1, 16, 1024, 65536])]
    return bytes(data)


def damaged_media(random, seeds):
    name = random.choice(sorted(seeds))
    content = damage(random, seeds[name])
    statuses = DAMAGED if content else DAMAGED | {MALFORMED}
    if random.randrange(4) == 0:
        query = random.choice([b"", b"?frames=2", b"?sampling=keyframes&frames=2", b"?detail=frames&encoding=base64"])
        return "damaged " + name, request(content, b"application/octet-stream", query), statuses
    return "damaged " + name, upload(content, filename=name.encode()), statuses


def spliced_media(random, seeds):
    """The beginning of one format and the rest of another."""
    first, second = random.sample(sorted(seeds), 2)
    cut = random.choice([4, 12, 64, 1024])
    return f"{first} as {second}", upload(seeds[first][:cut] + seeds[second][cut:]), DAMAGED


def mislabelled_media(random, seeds):
    """Names and types mean nothing: the content counts, so these are embedded."""
    name = random.choice(sorted(seeds))
    label = random.choice([b"image/png", b"video/mp4", b"text/html", b"application/json"])
    return f"{name} as {label.decode()}", upload(seeds[name], filename=b"x.exe", type=label), {EMBEDDED}


def gone(random, seeds):
    name = random.choice(sorted(seeds))
    raw = upload(seeds[name])
    return name + " of a client that goes", raw[: random.randrange(len(raw) + 1)], set()


def no_media(random, _seeds):
    content = random.choice(
        [
            bytes(random.randrange(256) for _ in range(random.choice([1, 100, 5000]))),
            b"<html><script>alert(1)</script></html>" * 10,
            b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>",
            b"#EXTM3U\n#EXTINF:1\nhttp://127.0.0.1:1/x.ts\n",
            b"ffconcat version 1.0\nfile /etc/passwd\n",
            b"%PDF-1.4\n" + b"0" * 500,
            b"PK\x03\x04" + b"\0" * 500,
            b"\x7fELF" + b"\0" * 500,
            b"\0" * 100000,
        ]
    )
    return "no media", upload(content), {UNSUPPORTED, UNPROCESSABLE}


# ---- bombs ----


def png(width, height, data):
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def gif(width, height, frames):
    body = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    image = b"\x2c" + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x44\x01\0"
    return body + image * frames + b"\x3b"


def jpeg_of_size(seed, width, height):
    data = bytearray(seed)
    for at in range(len(data) - 9):
        if data[at] == 0xFF and data[at + 1] in (0xC0, 0xC2):
            data[at + 5 : at + 9] = struct.pack(">HH", height, width)
            break
    return bytes(data)


def bomb(random, seeds):
    kind = random.randrange(7)
    if kind == 6:
        sides = struct.pack("<IHHIIiiHHIIiiII", 100, 0, 0, 54, 40, 2**31 - 1, 2**31 - 1, 1, 24, 0, 0, 0, 0, 0, 0)
        return "bmp of 4 exapixels", upload(b"BM" + sides), DAMAGED
    if kind == 0:
        return "png of 900 megapixels", upload(png(30000, 30000, zlib.compress(bytes(1000)))), {UNPROCESSABLE}
    if kind == 1:
        return "png that unpacks to 1 GB", upload(png(65535, 65535, zlib.compress(bytes(10**8)))), {UNPROCESSABLE}
    if kind == 2:
        return "gif of many frames", upload(gif(2000, 2000, random.choice([1, 300]))), DAMAGED | {504}
    if kind == 3:
        return "jpeg of 4 gigapixels", upload(jpeg_of_size(seeds["HappyFish.jpg"], 65500, 65500)), {UNPROCESSABLE}
    if kind == 4:
        return "png of no size", upload(png(0, 0, b"")), DAMAGED
    return "gif of 4 gigapixels", upload(gif(65535, 65535, 2)), DAMAGED


# ---- multipart ----


def malformed_form(random, seeds):
    photo = seeds["HappyFish.jpg"]
    part = file_part(photo)
    whole = form([part])
    kind, body, type, statuses = random.choice(
        [
            ("no boundary", whole, b"multipart/form-data", {MALFORMED}),
            ("empty boundary", whole, b"multipart/form-data; boundary=", {MALFORMED}),
            ("another boundary", whole, b"multipart/form-data; boundary=other", {MALFORMED}),
            ("boundary too long", whole, b"multipart/form-data; boundary=" + b"x" * 200, {MALFORMED}),
            ("no end", whole[:-12], FORM_TYPE, {MALFORMED}),
            ("cut in the head", whole[:40], FORM_TYPE, {MALFORMED}),
            ("nothing", b"", FORM_TYPE, {MALFORMED}),
            ("only an end", b"--" + BOUNDARY + b"--\r\n", FORM_TYPE, {MALFORMED}),
            ("no name", form([(b"Content-Type: image/jpeg", photo)]), FORM_TYPE, {MALFORMED}),
            ("another name", form([(b'Content-Disposition: form-data; name="x"; filename="y"', photo)]), FORM_TYPE, {MALFORMED}),
            ("a head without end", form([(b"X: " + b"y" * 100000, photo)]), FORM_TYPE, {MALFORMED, 431}),
            ("the same name twice", form([part, part]), FORM_TYPE, {MALFORMED}),
            ("2000 parts", form([file_part(b"x", b"%d" % i) for i in range(2000)]), FORM_TYPE, {MALFORMED, TOO_LARGE}),
            ("NUL in a name", form([file_part(photo, b"a\0b")]), FORM_TYPE, {EMBEDDED, MALFORMED}),
            ("a path as a name", form([file_part(photo, b"../../../etc/passwd")]), FORM_TYPE, {EMBEDDED, MALFORMED}),
            ("no UTF-8 in a name", form([file_part(photo, b"\xff\xfe")]), FORM_TYPE, {EMBEDDED, MALFORMED}),
        ]
    )
    return "form: " + kind, request(body, type), statuses


def malformed_json(random, _seeds):
    body = random.choice(
        [b"", b"{", b"[]", b"null", b'{"imagePaths":1}', b'{"imagePaths":["/etc/passwd"]}', b'{"imagePaths":["../x"]}',
         b"[" * 100000, b'{"a":' * 50000, b'"\xff"', b'{"imagePaths":[]}']
    )  # fmt: skip
    return "json", request(body, b"application/json"), {MALFORMED, 403, TOO_LARGE}


# ---- HTTP ----


def smuggling(random, seeds):
    get = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    head = b"POST /embed HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: image/jpeg\r\n"
    photo = seeds["HappyFish.jpg"][:100]
    kind, raw, statuses = random.choice(
        [
            ("length and chunked", head + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + get, {MALFORMED}),
            ("chunked twice", head + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + get, {MALFORMED, 501}),
            ("a length with a sign", head + b"Content-Length: +5\r\n\r\nabcde", {MALFORMED}),
            ("a line that ends in LF", head + b"Content-Length: 5\n\r\nabcde", {MALFORMED}),
            ("two lengths", head + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", {MALFORMED}),
            ("a list of lengths", head + b"Content-Length: 5, 6\r\n\r\nabcdef", {MALFORMED}),
            ("a negative length", head + b"Content-Length: -1\r\n\r\n", {MALFORMED}),
            ("a hexadecimal length", head + b"Content-Length: 0x10\r\n\r\n" + b"a" * 16, {MALFORMED}),
            ("a length of 30 digits", head + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n", {MALFORMED, TOO_LARGE}),
            ("a length beyond the limit", head + b"Content-Length: 99999999999\r\n\r\n", {TOO_LARGE}),
            ("chunked by another name", head + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", {MALFORMED, 501}),
            ("chunked, and more", head + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", {MALFORMED, 501}),
            ("no chunk size", head + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + photo, {MALFORMED}),
            ("a huge chunk size", head + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n" + photo, {MALFORMED, TOO_LARGE}),
            ("a space before the colon", head + b"Content-Length : 5\r\n\r\nabcde", {MALFORMED}),
            ("a folded header", head + b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n", {MALFORMED, UNSUPPORTED}),
            ("NUL in a header", head + b"X: a\0b\r\nContent-Length: 0\r\n\r\n", {MALFORMED}),
            ("no host", b"POST /embed HTTP/1.1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", {MALFORMED}),
            ("another version", b"POST /embed HTTP/9.9\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", {MALFORMED, 505}),
            ("a long header", head + b"X: " + b"y" * 100000 + b"\r\nContent-Length: 0\r\n\r\n", {431}),
            ("many headers", head + b"".join(b"X%d: y\r\n" % i for i in range(5000)) + b"\r\n", {MALFORMED, 431}),
            ("another method", b"DELETE /embed HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", {405}),
            ("no method", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + b"\0" * 64 + b"\r\n\r\n", {MALFORMED}),
        ]
    )  # fmt: skip
    return "http: " + kind, raw, statuses


KINDS = [
    (damaged_media, 60),
    (spliced_media, 8),
    (mislabelled_media, 4),
    (no_media, 8),
    (gone, 3),
    (bomb, 2),
    (malformed_form, 8),
    (malformed_json, 2),
    (smuggling, 8),
]


def attack(number, seeds):
    """The same for the same number."""
    chance = random.Random(number)
    kind = chance.choices([kind for kind, _ in KINDS], [weight for _, weight in KINDS])[0]
    return kind(chance, seeds)
