"""The service's own description against what it does."""
import os
import re
import unittest

from support import OneServer, Schemas


class OpenApi(OneServer):
    def setUp(self):
        self.document = self.server.get("/openapi.json").json()

    def test_every_route_is_described_and_nothing_else(self):
        with open(os.path.join(os.environ["SAN_SOURCE"], "apps/serve/routes.cpp")) as f:
            routes = re.findall(r'\{"(GET|PUT|POST|DELETE)", "([^"]+)"', f.read())
        described = {(method.upper(), path) for path, item in self.document["paths"].items() for method in item}
        self.assertGreater(len(routes), 25)
        self.assertEqual(set(routes), described)

    def test_references_lead_somewhere(self):
        names = set(re.findall(r"#/components/schemas/(\w+)", str(self.document)))
        self.assertEqual(names, set(self.document["components"]["schemas"]))

    def test_answers_that_are_not_described_are_found(self):
        schemas = Schemas(self.document)

        class Wrong:
            status, type, body = 200, "application/json", b"x"
            json = staticmethod(lambda: {"models": []})
        with self.assertRaises(Exception):
            schemas.check("GET", "/v1/models", Wrong)

    def test_numbers_for_prometheus(self):
        self.server.segment({"image": "AAAA", "classes": ["a"]})
        text = self.server.get("/metrics").body.decode()
        kinds, series = {}, set()
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split()
                self.assertNotIn(name, kinds)
                kinds[name] = kind
            elif not line.startswith("#"):
                found = re.fullmatch(r'([a-z_]+)(\{([a-z_]+="[^"\n]*",?)*\})? (\S+)', line)
                self.assertTrue(found, line)
                float(found.group(4))
                self.assertNotIn(line.rsplit(" ", 1)[0], series)
                series.add(line.rsplit(" ", 1)[0])
                name = found.group(1)
                base = re.sub(r"_(bucket|sum|count)$", "", name)
                self.assertTrue(name in kinds or kinds.get(base) == "histogram", line)
        self.assertIn('san_errors_total{code="bad_image"}', text)
        self.assertIn('san_requests_total{route="/v1/segment",status="422"}', text)


if __name__ == "__main__":
    unittest.main()
