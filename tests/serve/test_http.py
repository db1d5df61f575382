"""Clients that are slow, broken or hostile, and what must hold of each: an answer in the one form, or none, and a
service that goes on."""
import gzip
import http.client
import json
import os
import select
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from support import PATIENCE, SAN, OneServer, Server, b64, png, read_all, status_of

HOST = b"Host: localhost\r\n"
JSON = b"Content-Type: application/json\r\n"


def request_of(body, path=b"/v1/segment", head=JSON, method=b"POST"):
    return method + b" " + path + b" HTTP/1.1\r\n" + HOST + head + b"Content-Length: %d\r\n\r\n" % len(body) + body


def chunked(body, size):
    pieces = [body[i:i + size] for i in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"


def segment_body(**fields):
    return json.dumps({"image": b64(png(8, 8)), "classes": ["a", "b"], "output": "labels", **fields}).encode()


class Http(OneServer):
    arguments = ("--patience", "1", "--max-body", "1", "--connections", "40")

    def test_chunked_bodies(self):
        body = segment_body()
        whole = self.server.raw(request_of(body, head=JSON + b"Connection: close\r\n"))
        for size in (1, 7, 4096, len(body)):
            head = b"POST /v1/segment HTTP/1.1\r\n" + HOST + JSON + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
            answer = self.server.raw(head + chunked(body, size))
            self.assertEqual(status_of(answer), 200, answer[:300])
            self.assertEqual(answer.split(b"\r\n\r\n", 1)[1], whole.split(b"\r\n\r\n", 1)[1])

    def test_damaged_chunks(self):
        head = b"POST /v1/segment HTTP/1.1\r\n" + HOST + JSON + b"Transfer-Encoding: chunked\r\n\r\n"
        for chunks in (b"zz\r\n", b"-1\r\n", b"ffffffffffffffff\r\n", b"ffffffffffffffffff\r\n", b"5\r\nabc\r\n0\r\n\r\n", b"\r\n\r\n",
                       b"3\r\nabcde\r\n0\r\n\r\n", b"4;x=\"y\r\nabcd\r\n0\r\n\r\n", b"0\r\nTrailer: x\r\n\r\n", b"1" * 100000):
            answer = self.server.raw(head + chunks)
            self.assertIn(status_of(answer), (400, 408, 413), (chunks[:20], answer[:200]))
            json.loads(answer.split(b"\r\n\r\n", 1)[1])

    def test_chunks_without_end_are_cut_off(self):
        with self.server.connect() as s:
            s.sendall(b"POST /v1/segment HTTP/1.1\r\n" + HOST + JSON + b"Transfer-Encoding: chunked\r\n\r\n")
            piece = b"10000\r\n" + b"x" * 65536 + b"\r\n"
            try:
                for _ in range(100):
                    s.sendall(piece)
            except (BrokenPipeError, ConnectionResetError):
                pass
            answer = read_all(s)
        if answer:  # else the system threw it away with what we still sent
            self.assertEqual(status_of(answer), 413)

    def test_pipelined_requests_are_answered_in_order(self):
        with self.server.connect() as s:
            s.sendall(request_of(segment_body()) + b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n" + request_of(b"{}") +
                      b"GET /readyz HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
            answer = read_all(s)
        statuses = [int(part.split(b" ", 1)[0]) for part in answer.split(b"HTTP/1.1 ")[1:]]
        self.assertEqual(statuses, [200, 200, 422, 200])

    def test_heads_that_two_readers_could_understand_in_two_ways(self):
        body = segment_body()
        for extra in (b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", b"Content-Length: 3\r\nContent-Length: 4\r\n",
                      b"Content-Length: -1\r\n", b"Content-Length: +3\r\n", b"Content-Length: 3, 3\r\n", b"Content-Length: 0x3\r\n",
                      b"Content-Length: 99999999999999999999\r\n", b"Content-Length:\r\n", b"Transfer-Encoding: gzip, chunked\r\n",
                      b"Transfer-Encoding: identity\r\n", b"Content-Length : 3\r\n", b" folded: x\r\n", b"no colon\r\n",
                      b": x\r\n", b"A: \x01\r\n", b"A\xc3\xa4: x\r\n", b"Host: other\r\n"):
            answer = self.server.raw(b"POST /v1/segment HTTP/1.1\r\n" + HOST + JSON + extra + b"\r\n" + body)
            self.assertEqual(status_of(answer), 400, (extra, answer[:200]))
            self.assertEqual(json.loads(answer.split(b"\r\n\r\n", 1)[1])["error"]["status"], 400)

    def test_lengths_that_are_too_large(self):
        for length in (b"1048577", b"18446744073709551615", b"9223372036854775808"):
            answer = self.server.raw(b"POST /v1/segment HTTP/1.1\r\n" + HOST + JSON + b"Content-Length: " + length + b"\r\n\r\n")
            self.assertEqual(status_of(answer), 413)

    def test_request_lines(self):
        for line, status in ((b"GET / HTTP/2.0", 505), (b"GET / HTTP/1.1 x", 400), (b"GET /", 400), (b"\x16\x03\x01\x02", 400),
                             (b"GET  HTTP/1.1", 400), (b"G{T / HTTP/1.1", 400), (b"GET http://evil/ HTTP/1.1", 400),
                             (b"CONNECT a:1 HTTP/1.1", 400), (b"GET /\x80 HTTP/1.1", 400), (b"A" * 20 + b" / HTTP/1.1", 400),
                             (b"GET /" + b"a" * 9000 + b" HTTP/1.1", 414), (b"BREW / HTTP/1.1", 400), (b"TRACE / HTTP/1.1", None)):
            answer = self.server.raw(line + b"\r\n" + HOST + b"Connection: close\r\n\r\n")
            self.assertIsNotNone(status_of(answer), line[:30])
            if status:
                self.assertEqual(status_of(answer), status, line[:30])
            else:
                self.assertGreaterEqual(status_of(answer), 400)
        self.assertEqual(status_of(self.server.raw(b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n")), 400)
        self.assertEqual(status_of(self.server.raw(b"GET /healthz HTTP/1.0\r\n\r\n")), 200)

    def test_paths(self):
        for path in (b"/%00", b"/..", b"/../../etc/passwd", b"/%2e%2e/%2e%2e/etc/passwd", b"//", b"/v1/vocabularies/", b"/v1/vocabularies/%ff",
                     b"/v1/vocabularies/a/b", b"/" + b"%41" * 2000, b"/?" + b"a=b&" * 1500, b"/healthz/", b"*", b"/%0a%0d", b"/%"):
            answer = self.server.raw(b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
            self.assertIn(status_of(answer), (200, 400, 404, 422), path[:40])
            self.assertNotIn(b"root:", answer)

    def test_many_and_long_headers(self):
        for headers, status in ((b"X: y\r\n" * 100000, 431), (b"X: " + b"y" * 100000 + b"\r\n", 431), (b"X: y\r\n" * 90, 200),
                                (b"Range: bytes=" + b"1" * 8000 + b"\r\n", 200), (b"Accept-Encoding: " + b"gzip, " * 1000 + b"\r\n", 200),
                                (b"Range: bytes=-1,-1\r\n", 200), (b"Cookie: " + b"a=b; " * 1000 + b"\r\n", 200)):
            answer = self.server.raw(b"GET /healthz HTTP/1.1\r\n" + HOST + headers + b"Connection: close\r\n\r\n")
            if answer or status == 200:  # the system may throw an answer away with what we still send
                self.assertEqual(status_of(answer), status, headers[:30])

    def test_bodies_that_are_none(self):
        deep = b'{"image":' + b"[" * 100000
        for body, status in ((b"", 400), (b"null", 422), (b"[]", 422), (b"{", 400), (deep, 400), (b"[" * 33 + b"]" * 33, 400),
                             (b'{"a":1}' * 2, 400), (b'"\xff"', 400), (b'{"image":"\\ud800"}', 400), (b"1e999", 400), (b"{}", 422),
                             (b"\x00" * 100, 400), (b'{"image": 1e400}', 400), (b"[" + b"1," * 500000 + b"1]", 422), (b'{"' + b"a" * 900000 + b'":1}', 422)):
            answer = self.server.request("POST", "/v1/segment", body, {"Content-Type": "application/json"})
            self.assertEqual(answer.status, status, body[:30])
            self.assertLess(len(answer.body), 2000)

    def test_forms_that_are_none(self):
        good = b'--b\r\nContent-Disposition: form-data; name="classes"\r\n\r\na\r\n'
        for kind, body in (("multipart/form-data", good), ("multipart/form-data; boundary=", good), ("multipart/form-data; boundary=b", b""),
                           ("multipart/form-data; boundary=b", good), ("multipart/form-data; boundary=b", good + b"--b"),
                           ("multipart/form-data; boundary=b", b"--b\r\n\r\nx\r\n--b--"), ("multipart/form-data; boundary=b", good * 100 + b"--b--"),
                           ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--"),
                           ("multipart/form-data; boundary=b", b"--b\r\n" + b"A: b\r\n" * 2000 + b"\r\nx\r\n--b--"),
                           ("multipart/form-data; boundary=" + "b" * 71, good), ('multipart/form-data; boundary="b', good + b"--b--")):
            answer = self.server.request("POST", "/v1/segment", body, {"Content-Type": kind})
            self.assertIn(answer.status, (400, 422), (kind, body[:60]))

    def test_slow_heads_and_bodies(self):
        with self.server.connect() as head, self.server.connect() as body, self.server.connect() as silent:
            head.sendall(b"GET /healthz HT")
            body.sendall(request_of(b"{")[:-1] + b"")
            self.assertEqual(status_of(read_all(head)), 408)
            self.assertEqual(status_of(read_all(body)), 408)
            self.assertEqual(read_all(silent), b"")

    def test_a_byte_now_and_then_is_too_slow(self):
        with self.server.connect() as s:
            try:
                for byte in b"GET /healthz HTTP/1.1\r\n" + HOST + b"X: " + b"y" * 1000:
                    s.sendall(bytes([byte]))
                    if select.select([s], [], [], 0.05)[0]:
                        break
            except (BrokenPipeError, ConnectionResetError):
                pass
            self.assertEqual(status_of(read_all(s)), 408)

    def test_half_open_connections_do_not_stop_others(self):
        silent = [self.server.connect() for _ in range(38)]
        self.assertEqual(self.server.get("/healthz").status, 200)
        more = [self.server.connect() for _ in range(4)]
        refused = [a for a in map(read_all, more) if a]
        self.assertTrue(refused)
        self.assertEqual({status_of(a) for a in refused}, {503})
        for s in silent + more:
            s.close()
        self.server.wait_until(lambda: self.server.metric("san_connections") <= 2, "connections end")

    def test_clients_that_leave_within_a_body(self):
        for cut in (0, 10, 60, 200):
            with self.server.connect() as s:
                s.sendall(request_of(segment_body())[:cut])
        self.server.wait_until(lambda: self.server.metric("san_connections") <= 2, "connections end")

    def test_expect_continue(self):
        body = segment_body()
        with self.server.connect() as s:
            s.sendall(request_of(body, head=JSON + b"Expect: 100-continue\r\nConnection: close\r\n")[:-len(body)])
            self.assertEqual(s.recv(25), b"HTTP/1.1 100 Continue\r\n\r\n")
            s.sendall(body)
            self.assertEqual(status_of(read_all(s)), 200)

    def test_bodies_of_methods_without_one_do_not_become_requests(self):
        inner = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"
        with self.server.connect() as s:
            s.sendall(request_of(inner, path=b"/readyz", method=b"GET", head=b""))
            self.assertEqual(read_all(s).count(b"HTTP/1.1 "), 1)
        answer = self.server.raw(b"POST /v1/segment HTTP/1.1\r\n" + HOST + JSON + b"Connection: close\r\n\r\n")
        self.assertEqual(status_of(answer), 400)

    def test_head_has_no_body(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE)
        connection.request("HEAD", "/openapi.json")
        response = connection.getresponse()
        self.assertEqual((response.status, response.read()), (200, b""))
        connection.close()


class Page(OneServer):
    def test_the_page_is_served_with_its_rules(self):
        answer = self.server.get("/")
        self.assertIn(b"<html", answer.body)
        self.assertIn("default-src 'self'", answer.headers["content-security-policy"])
        self.assertEqual(self.server.get("/", If_None_Match=answer.headers["etag"]).status, 304)
        zipped = self.server.get("/", Accept_Encoding="gzip, deflate, br")
        self.assertEqual(zipped.headers["content-encoding"], "gzip")
        self.assertEqual(gzip.decompress(zipped.body), answer.body)
        self.assertNotIn("content-encoding", self.server.get("/", Accept_Encoding="gzip;q=0").headers)

    def test_every_file_of_the_page_is_there(self):
        folder = os.path.join(os.environ["SAN_SOURCE"], "apps/serve/page")
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), "rb") as f:
                self.assertEqual(self.server.get("/" + name).body, f.read(), name)


class Access(unittest.TestCase):
    def test_keys(self):
        key = "0123456789abcdef-key"
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(f"# of tests\n\n{key}\n")
            file.flush()
            with Server("--api-key-file", file.name) as server:
                for path in ("/healthz", "/readyz", "/", "/openapi.json", "/v2/health/live", "/health"):
                    self.assertEqual(server.get(path).status, 200, path)
                for path in ("/v1/models", "/metrics", "/v2/models/formula:tiny", "/api/functions"):
                    for headers in ({}, {"Authorization": "Bearer x"}, {"X_API_Key": key + "x"}, {"Authorization": "Basic !!"},
                                    {"Authorization": "Bearer " + "x" * 5000}):
                        answer = server.get(path, **headers)
                        self.assertEqual(answer.status, 401)
                        self.assertIn("www-authenticate", answer.headers)
                    for headers in ({"Authorization": "Bearer " + key}, {"X_API_Key": key},
                                    {"Authorization": "Basic " + b64(b"anybody:" + key.encode())}):
                        self.assertEqual(server.get(path, **headers).status, 200)
                # Nobody has to send a body to learn that.
                with server.connect() as s:
                    s.sendall(b"POST /v1/segment HTTP/1.1\r\n" + HOST + b"Content-Length: 1000000\r\n\r\n")
                    self.assertEqual(status_of(s.recv(100)), 401)

    def test_pages_of_others(self):
        with Server("--public-host", "san.example.org") as server:
            mine = f"http://127.0.0.1:{server.port}"
            self.assertEqual(server.get("/v1/models", Origin=mine).status, 200)
            for origin in ("http://evil.example", "null", mine + "0", "https://127.0.0.1"):
                self.assertEqual(server.get("/v1/models", Origin=origin).status, 403, origin)
            self.assertEqual(server.get("/v1/models", Sec_Fetch_Site="cross-site").status, 403)
            for host, status in (("localhost", 200), ("127.0.0.1:99", 200), ("[::1]:8080", 200), ("san.example.org", 200),
                                 ("evil.example", 403), ("127.evil.example", 403), ("localhost.evil.example", 403)):
                self.assertEqual(server.get("/healthz", Host=host).status, status, host)

    def test_rate(self):
        with Server("--rate", "0.001", "--burst", "3") as server:
            statuses = [server.get("/v1/models") for _ in range(5)]
            self.assertEqual([a.status for a in statuses], [200, 200, 200, 429, 429])
            self.assertGreater(int(statuses[-1].headers["retry-after"]), 0)
            self.assertEqual(server.get("/healthz").status, 200)

    def test_what_cannot_be_started_is_told(self):
        for arguments, words in ((("--socket", "/"), "something else"), (("--model", "none.safetensors"), "none.safetensors"),
                                 (("--host", "no.such.host.invalid"), "no.such.host"), (("--api-key-file", "/none"), "/none"),
                                 (("--api-key-file", "/dev/null"), "/dev/null"), (("--port", "70000"), "port"),
                                 (("--label-studio-url", "ftp://x"), "label-studio-url")):
            with self.assertRaisesRegex(RuntimeError, f"(?s)error: .*{words}"):
                Server(*arguments)


class Stopping(unittest.TestCase):
    """With the built-in network, whose answers take a while."""

    def slow(self, server, **fields):
        body = json.dumps({"image": b64(png(200, 300)), "classes": ["a", "b"], "short_side": 384, **fields}).encode()
        s = server.connect()
        s.sendall(request_of(body))
        return s

    def test_what_runs_is_answered_and_nothing_new_is_taken(self):
        server = Server(model="default")
        idle = server.connect()
        busy = self.slow(server)
        server.wait_until(lambda: server.metric("san_queue_running") == 1, "it runs")
        server.process.send_signal(signal.SIGTERM)
        answer = read_all(busy)
        self.assertIn(status_of(answer), (200, 503))
        self.assertEqual(read_all(idle), b"")
        self.assertEqual(server.process.wait(PATIENCE), 0)
        with self.assertRaises(OSError):
            server.connect()
        busy.close()
        idle.close()
        server.stop()

    def test_a_client_that_leaves_stops_the_work(self):
        with Server("--workers", "1", model="default") as server:
            self.slow(server).close()
            server.wait_until(lambda: server.metric("san_cancelled_total") == 1, "it is cancelled")
            self.assertEqual(server.metric("san_queue_running"), 0)
            self.assertEqual(server.metric('san_pictures_total{model="default"}'), 0)

    def test_a_full_queue_says_when_to_come_again(self):
        with Server("--workers", "1", "--queue", "1", model="default") as server:
            running = self.slow(server)
            server.wait_until(lambda: server.metric("san_queue_running") == 1, "it runs")
            waiting = self.slow(server)
            server.wait_until(lambda: server.metric("san_queue_waiting") == 1, "it waits")
            answer = server.segment({"image": b64(png(8, 8)), "classes": ["a", "b"]})
            self.assertEqual((answer.status, answer.json()["error"]["code"]), (503, "busy"))
            self.assertGreater(int(answer.headers["retry-after"]), 0)
            waiting.close()
            running.close()

    def test_work_that_takes_too_long_is_given_up(self):
        with Server("--timeout", "1", model="default") as server:
            with self.slow(server, short_side=1024) as s:
                answer = first_answer(s)
            self.assertEqual(status_of(answer), 503)
            self.assertIn(b"too_slow", answer)
            server.wait_until(lambda: server.metric("san_queue_running") == 0, "it ends")

    def test_a_second_signal_ends_it_at_once(self):
        server = Server("--patience", "600")
        s = server.connect()
        s.sendall(b"GET /")
        server.wait_until(lambda: server.metric("san_connections") >= 2, "it is there")
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        server.process.send_signal(signal.SIGTERM)
        self.assertNotEqual(server.process.wait(PATIENCE), None)
        s.close()
        server.stop()


def first_answer(s):
    """One answer of a connection that stays open."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += s.recv(65536)
    head, body = data.split(b"\r\n\r\n", 1)
    length = int(next(l for l in head.lower().split(b"\r\n") if l.startswith(b"content-length:")).split(b":")[1])
    while len(body) < length:
        body += s.recv(65536)
    return head + b"\r\n\r\n" + body


class Sockets(unittest.TestCase):
    def test_unix_socket(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "san.sock")
            server = Server("--socket", path)
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o660)
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(path)
                s.sendall(b"GET /readyz HTTP/1.1\r\nHost: anything\r\nConnection: close\r\n\r\n")
                self.assertEqual(status_of(read_all(s)), 200)
            with self.assertRaisesRegex(RuntimeError, "answers there already"):
                Server("--socket", path)
            self.assertEqual(server.stop(), 0)
            self.assertFalse(os.path.exists(path))

    def test_a_socket_of_the_service_manager(self):
        listener = socket.create_server(("127.0.0.1", 0))
        start = f"exec 3<&{listener.fileno()}; export LISTEN_PID=$$ LISTEN_FDS=1; exec '{SAN}' serve --model formula:tiny"
        process = subprocess.Popen(["sh", "-c", start], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   pass_fds=[listener.fileno()])
        try:
            self.assertIn(str(listener.getsockname()[1]), process.stdout.readline())
            connection = http.client.HTTPConnection(*listener.getsockname(), timeout=PATIENCE)
            connection.request("GET", "/readyz")
            self.assertEqual(connection.getresponse().status, 200)
            connection.close()
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=PATIENCE)
            listener.close()


if __name__ == "__main__":
    unittest.main()
