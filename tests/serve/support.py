"""What the tests of `san serve` share: the program itself on the loopback interface, and answers held against its own
OpenAPI document."""
import base64
import http.client
import json
import os
import re
import signal
import socket
import struct
import subprocess
import tempfile
import time
import unittest
import zlib

import jsonschema

SAN = os.environ["SAN_PROGRAM"]
SOURCE = os.environ["SAN_SOURCE"]
PATIENCE = 60  # seconds until something that must come soon counts as never


def png(height, width, seed=1):
    """An RGB PNG that is no constant."""
    rows = bytearray()
    state = seed * 2654435761 % 2**32
    for y in range(height):
        rows.append(0)
        for x in range(width):
            state = (state * 1664525 + 1013904223) % 2**32
            rows += bytes(((x * 255 // max(width, 1)) % 256, (y * 255 // max(height, 1)) % 256, state >> 28 << 4))
    return png_of(height, width, 2, bytes(rows))


def png_of(height, width, color, rows):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    header = struct.pack(">IIBBBBB", width, height, 8, color, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b"")


def pixels(data):
    """(height, width, values) of a PNG of one 8 bit channel, grey or indexed, not interlaced."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n", data[:20]
    at, packed, head = 8, b"", None
    while at < len(data):
        size, name = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + size]
        if name == b"IHDR":
            head = struct.unpack(">IIBBBBB", body)
        if name == b"IDAT":
            packed += body
        at += 12 + size
    width, height, depth, color = head[:4]
    assert depth == 8 and color in (0, 3) and head[6] == 0, head
    raw, out, before = zlib.decompress(packed), bytearray(), bytearray(width)
    for y in range(height):
        kind, row = raw[y * (width + 1)], bytearray(raw[y * (width + 1) + 1:(y + 1) * (width + 1)])
        for x in range(width):
            left, up, corner = row[x - 1] if x else 0, before[x], before[x - 1] if x else 0
            if kind == 4:
                p = left + up - corner
                guess = min((abs(p - left), 0, left), (abs(p - up), 1, up), (abs(p - corner), 2, corner))[2]
            else:
                guess = (0, left, up, (left + up) // 2)[kind]
            row[x] = (row[x] + guess) % 256
        out += row
        before = row
    return height, width, bytes(out)


def b64(data):
    return base64.b64encode(data).decode()


class Answer:
    def __init__(self, response, body):
        self.status, self.body = response.status, body
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.type = self.headers.get("content-type", "")

    def json(self):
        return json.loads(self.body)

    def parts(self):
        """{name: (type, content)} of a multipart body."""
        boundary = re.search(r"boundary=(\S+)", self.type).group(1).encode()
        found = {}
        for part in self.body.split(b"--" + boundary)[1:-1]:
            head, content = part[2:-2].split(b"\r\n\r\n", 1)
            name = re.search(rb'name="([^"]*)"', head).group(1).decode()
            found[name] = (re.search(rb"Content-Type: (.*)", head).group(1).decode().strip(), content)
        return found


class Server:
    """`san serve` with the smallest network. Stops at the end of the with block."""

    def __init__(self, *arguments, model="formula:tiny", environment=None):
        self.folder = tempfile.TemporaryDirectory()
        self.log = open(os.path.join(self.folder.name, "log"), "w+")
        environment = dict(os.environ, SAN_CACHE_DIR=os.path.join(self.folder.name, "cache"), **(environment or {}))
        where = [] if "--socket" in arguments else ["--port", "0"]
        self.process = subprocess.Popen([SAN, "serve", "--model", model, *where, *arguments], stdout=subprocess.PIPE,
                                        stderr=self.log, text=True, env=environment)
        line = self.process.stdout.readline()
        self.name = line.removeprefix("listening on ").strip()
        if not line:
            self.process.wait(PATIENCE)
            said = self.said()
            self.stop()
            raise RuntimeError(said)
        self.port = int(self.name.rsplit(":", 1)[1]) if self.name.startswith("http") else None

    def said(self):
        self.log.flush()
        with open(self.log.name) as log:
            return log.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Ends it as a service manager does; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE)
        self.process.stdout.close()
        self.log.close()
        self.folder.cleanup()
        return code

    def request(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Answer(response, response.read())
        finally:
            connection.close()

    def get(self, path, **headers):
        return self.request("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})

    def post(self, path, document, **headers):
        headers = {"Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
        return self.request("POST", path, json.dumps(document).encode(), headers)

    def segment(self, document, **headers):
        return self.post("/v1/segment", document, **headers)

    def form(self, path, fields, **headers):
        """`fields`: (name, content) or (name, filename, content)."""
        body = b""
        for name, *rest in fields:
            extra = f'; filename="{rest[0]}"' if len(rest) == 2 else ""
            body += f'--limit\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n\r\n'.encode() + rest[-1] + b"\r\n"
        headers = {"Content-Type": "multipart/form-data; boundary=limit", **headers}
        return self.request("POST", path, body + b"--limit--\r\n", headers)

    def connect(self):
        s = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s

    def raw(self, data):
        """Sends bytes as they are; everything that comes back until the service closes."""
        with self.connect() as s:
            try:
                s.sendall(data)
            except (BrokenPipeError, ConnectionResetError):
                pass  # refused before all was read
            return read_all(s)

    def metric(self, name):
        found = re.search(rf"^{re.escape(name)} (\S+)$", self.get("/metrics").body.decode(), re.M)
        return float(found.group(1)) if found else 0.0

    def wait_until(self, condition, what):
        end = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"never: {what}; the service said: {self.said()}")
            time.sleep(0.02)

    def alive(self):
        return self.process.poll() is None and self.get("/healthz").status == 200


def read_all(s):
    data = b""
    while True:
        try:
            more = s.recv(65536)
        except (ConnectionResetError, socket.timeout):
            return data
        if not more:
            return data
        data += more


def status_of(answer):
    """Of the first answer in raw bytes; None where there is none."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else None


class Schemas:
    """The service's own description of its answers."""

    def __init__(self, document):
        self.document = document

    def operation(self, method, path):
        """The description of a path as it was asked for, and its pattern."""
        path = path.split("?")[0]
        for pattern in sorted(self.document["paths"], key=lambda p: p.count("{")):
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", pattern), path):
                if method.lower() in self.document["paths"][pattern]:
                    return self.document["paths"][pattern][method.lower()]
        return None

    def check(self, method, path, answer):
        """Raises AssertionError on an answer that the document does not describe."""
        operation = self.operation(method, path)
        assert operation, f"{method} {path} is not described"
        responses = operation["responses"]
        described = responses.get(str(answer.status)) or responses.get(f"{answer.status // 100}XX")
        assert described, f"{method} {path}: status {answer.status} is not described"
        if "content" not in described:
            assert not answer.body, answer.body[:100]
            return
        media = answer.type.split(";")[0]
        content = described["content"].get(media) or described["content"].get("*/*")
        assert content, f"{method} {path}: {media} is not described"
        if media == "application/json":
            jsonschema.Draft4Validator(self.plain(content["schema"])).validate(answer.json())

    def plain(self, schema):
        """A schema of OpenAPI 3.0 as JSON Schema has it: without nullable, and references followed."""
        if isinstance(schema, list):
            return [self.plain(s) for s in schema]
        if not isinstance(schema, dict):
            return schema
        if "$ref" in schema:
            return self.plain(self.document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]])
        out = {k: self.plain(v) for k, v in schema.items()}
        if out.pop("nullable", False) is True:
            out["type"] = [out["type"], "null"]
        return out


class Checked(Server):
    """A server every answer of which is held against its document."""

    def __init__(self, *arguments, **more):
        super().__init__(*arguments, **more)
        self.schemas = Schemas(json.loads(super().request("GET", "/openapi.json").body))

    def request(self, method, path, body=None, headers=None):
        answer = super().request(method, path, body, headers)
        if path != "/openapi.json":
            self.schemas.check(method, path, answer)
        return answer


class OneServer(unittest.TestCase):
    """Tests that share a server."""
    arguments = ()

    @classmethod
    def setUpClass(cls):
        cls.server = Checked(*cls.arguments)

    @classmethod
    def tearDownClass(cls):
        assert cls.server.alive(), cls.server.said()
        code = cls.server.stop()
        assert code == 0, code

    def refused(self, answer, status, code=None, field=None):
        self.assertEqual(answer.status, status, answer.body[:300])
        error = answer.json()["error"]
        self.assertEqual(error["status"], status)
        self.assertNotRegex(error["message"], r"(^|[\s(\"'])/(?!v1/|openapi)\w|0x[0-9a-f]{6}")
        if code:
            self.assertEqual(error["code"], code, error)
        if field:
            self.assertEqual(error.get("field"), field, error)
        return error
