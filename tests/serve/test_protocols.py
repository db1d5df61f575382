"""The protocols that others speak, with the fields that their clients send."""
import http.server
import json
import os
import struct
import tempfile
import threading
import unittest

from support import Checked, OneServer, b64, pixels, png

CLASSES = ["cup|mug", "spoon", "table"]


def bytes_tensor(values):
    return b"".join(struct.pack("<I", len(v)) + v for v in values)


class OpenInference(OneServer):
    """As KServe's and Triton's clients write requests."""
    picture = png(24, 36, seed=5)
    path = "/v2/models/formula:tiny"

    def labels(self):
        return pixels(self.server.segment({"image": b64(self.picture), "classes": CLASSES, "output": "labels"}).body)[2]

    def infer(self, document, binary=b"", path=None):
        text = json.dumps(document).encode()
        headers = {"Content-Type": "application/octet-stream" if binary else "application/json"}
        if binary:
            headers["Inference-Header-Content-Length"] = str(len(text))
        return self.server.request("POST", path or self.path + "/infer", text + binary, headers)

    def inputs(self):
        return [{"name": "image", "shape": [1], "datatype": "BYTES", "data": [b64(self.picture)]},
                {"name": "classes", "shape": [3], "datatype": "BYTES", "data": CLASSES}]

    def test_health_and_metadata(self):
        self.assertEqual(self.server.get("/v2/health/live").json(), {"live": True})
        self.assertEqual(self.server.get("/v2/health/ready").json(), {"ready": True})
        self.assertIn("binary_tensor_data", self.server.get("/v2").json()["extensions"])
        for path in (self.path, self.path + "/versions/1"):
            self.assertEqual(self.server.get(path + "/ready").json(), {"name": "formula:tiny", "ready": True})
            about = self.server.get(path).json()
            self.assertEqual({t["name"]: t["datatype"] for t in about["outputs"]},
                             {"labels": "UINT16", "scores": "FP32", "areas": "INT64", "names": "BYTES"})
        for path in ("/v2/models/none", "/v2/models/none/ready", self.path + "/versions/2"):
            answer = self.server.get(path)
            self.assertEqual(answer.status, 404)
            self.assertIsInstance(answer.json()["error"], str)

    def test_json_tensors(self):
        self.assertGreater(len(set(self.labels())), 1)
        answer = self.infer({"id": "42", "inputs": self.inputs()}).json()
        self.assertEqual((answer["id"], answer["model_name"]), ("42", "formula:tiny"))
        out = {t["name"]: t for t in answer["outputs"]}
        self.assertEqual(out["labels"]["shape"], [24, 36])
        self.assertEqual(bytes(out["labels"]["data"]), self.labels())
        self.assertEqual(out["names"]["data"], ["cup", "spoon", "table"])
        self.assertEqual(sum(out["areas"]["data"]), 24 * 36)
        self.assertEqual(len(out["areas"]["data"]), 4)
        self.assertEqual(len(out["scores"]["data"]), 24 * 36)

    def test_only_the_outputs_that_were_asked_for(self):
        answer = self.infer({"inputs": self.inputs(), "outputs": [{"name": "areas"}]}, path=self.path + "/versions/1/infer")
        self.assertEqual([t["name"] for t in answer.json()["outputs"]], ["areas"])
        self.assertNotIn("id", answer.json())

    def test_binary_tensors_both_ways(self):
        image, classes = bytes_tensor([self.picture]), bytes_tensor([c.encode() for c in CLASSES])
        inputs = [{"name": "image", "shape": [1], "datatype": "BYTES", "parameters": {"binary_data_size": len(image)}},
                  {"name": "classes", "shape": [3], "datatype": "BYTES", "parameters": {"binary_data_size": len(classes)}}]
        outputs = [{"name": "labels", "parameters": {"binary_data": True}}, {"name": "areas", "parameters": {"binary_data": False}},
                   {"name": "names", "parameters": {"binary_data": True}}]
        answer = self.infer({"inputs": inputs, "outputs": outputs}, image + classes)
        self.assertEqual((answer.status, answer.type), (200, "application/octet-stream"))
        size = int(answer.headers["inference-header-content-length"])
        head, behind = json.loads(answer.body[:size]), answer.body[size:]
        sizes = [t.get("parameters", {}).get("binary_data_size", 0) for t in head["outputs"]]
        self.assertEqual(sum(sizes), len(behind))
        labels = struct.unpack(f"<{24 * 36}H", behind[:sizes[0]])
        self.assertEqual(bytes(labels), self.labels())
        self.assertEqual(behind[sizes[0]:], bytes_tensor([b"cup", b"spoon", b"table"]))
        all_binary = self.infer({"inputs": inputs, "parameters": {"binary_data_output": True}}, image + classes)
        size = int(all_binary.headers["inference-header-content-length"])
        self.assertTrue(all("data" not in t for t in json.loads(all_binary.body[:size])["outputs"]))

    def test_pixels(self):
        values = [[[x * 6, y * 8, 128] for x in range(40)] for y in range(30)]
        flat = [v for row in values for pixel in row for v in pixel]
        words = self.inputs()[1]
        ask = lambda shape, data: self.infer({"outputs": [{"name": "labels"}], "inputs": [
            {"name": "pixels", "shape": shape, "datatype": "UINT8", "data": data}, words]}).json()["outputs"][0]
        one, batch = ask([30, 40, 3], values), ask([1, 30, 40, 3], flat)
        self.assertEqual(one["shape"], [30, 40])
        self.assertEqual(batch["shape"], [1, 30, 40])
        self.assertEqual(one["data"], batch["data"])

    def test_parameters(self):
        image = self.inputs()[:1]
        answer = self.infer({"inputs": image, "outputs": [{"name": "names"}], "parameters": {"label_set": "voc-20"}}).json()
        self.assertEqual(len(answer["outputs"][0]["data"]), 20)
        answer = self.infer({"inputs": self.inputs(), "outputs": [{"name": "areas"}],
                             "parameters": {"distractors": "dog, sky", "background": "other", "short_side": 96}})
        self.assertEqual(len(answer.json()["outputs"][0]["data"]), 4)

    def test_rubbish_is_told_in_the_protocols_form(self):
        image, words = self.inputs()
        broken = [b"", b"{", b"[]", b"{}", {"inputs": []}, {"inputs": [image]}, {"inputs": [words]}, {"inputs": [1]},
                  {"inputs": [dict(image, shape=[-1]), words]}, {"inputs": [dict(image, shape=[2**63]), words]},
                  {"inputs": [dict(image, shape=[2**30, 2**30]), words]}, {"inputs": [dict(image, shape=[2]), words]},
                  {"inputs": [dict(image, datatype="FP32"), words]}, {"inputs": [dict(image, data=[1]), words]},
                  {"inputs": [dict(image, name="x"), words]}, {"inputs": [image, words], "outputs": [{"name": "x"}]},
                  {"inputs": [image, words], "outputs": 3}, {"inputs": [image, words], "parameters": {"background": "x"}},
                  {"inputs": [image, words], "parameters": {"short_side": -1}}, {"inputs": [image, words], "id": 4},
                  {"inputs": [{"name": "pixels", "shape": [2, 2, 3], "datatype": "UINT8", "data": [256] * 12}, words]},
                  {"inputs": [dict(image, parameters={"binary_data_size": 5}), words]}]
        for document in broken:
            body = document if isinstance(document, bytes) else json.dumps(document).encode()
            answer = self.server.request("POST", self.path + "/infer", body, {"Content-Type": "application/json"})
            self.assertIn(answer.status, (400, 422), document)
            self.assertIsInstance(answer.json()["error"], str)
        for length in ("-1", "x", "99999999", "18446744073709551617", ""):
            answer = self.server.request("POST", self.path + "/infer", b"{}", {"Inference-Header-Content-Length": length})
            self.assertEqual(answer.status, 400)


def brush_mask(rle, height, width):
    """Label Studio's run lengths, read by the format's own description (thi.ng's rle-pack)."""
    bits, at = "".join(f"{byte:08b}" for byte in rle), 0

    def take(n):
        nonlocal at
        at += n
        return int(bits[at - n:at], 2)
    count, word, sizes = take(32), take(5) + 1, None
    sizes = [take(4) + 1 for _ in range(4)]
    out = []
    while len(out) < count:
        same, length = take(1), take(sizes[take(2)]) + 1
        out += [take(word)] * length if same else [take(word) for _ in range(length)]
    assert len(out) == height * width * 4
    return out


CONFIG = """<View><Header value="x &amp; y"/>
  <Image name="img" value="$photo" zoom="true"/>
  <BrushLabels name="brush" toName="img"><Label value="cup|mug" alias="Cup" background="#f00"/><Label value="spoon"/>
  <Label value="table"/></BrushLabels></View>"""


class FakeLabelStudio(http.server.BaseHTTPRequestHandler):
    picture, asked = png(24, 36, seed=5), []

    def do_GET(self):
        self.asked.append((self.path, self.headers.get("Authorization")))
        if self.path == "/data/upload/1/large.png":
            body, status = b"x" * (2 << 20), 200
        elif self.path == "/elsewhere":
            body, status = b"", 302
        else:
            body, status = (self.picture, 200) if self.path.startswith("/data/upload/1/a") else (b"no", 404)
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "http://127.0.0.1:1/")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def log_message(self, *_):
        pass


class LabelStudio(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.studio = http.server.ThreadingHTTPServer(("127.0.0.1", 0), FakeLabelStudio)
        threading.Thread(target=cls.studio.serve_forever, daemon=True).start()
        cls.origin = f"http://127.0.0.1:{cls.studio.server_port}"
        with tempfile.NamedTemporaryFile("w", suffix=".token", delete=False) as token:
            token.write("0123456789abcdef\n")
        cls.token = token.name
        cls.server = Checked("--label-studio-url", cls.origin, "--label-studio-token-file", token.name, "--max-body", "1")

    @classmethod
    def tearDownClass(cls):
        assert cls.server.stop() == 0
        cls.studio.shutdown()
        cls.studio.server_close()
        os.unlink(cls.token)

    def predict(self, *pictures, config=CONFIG):
        tasks = [{"id": 17 + i, "data": {"photo": p}, "meta": {}, "annotations": [], "predictions": []}
                 for i, p in enumerate(pictures)]
        return self.server.post("/predict", {"tasks": tasks, "project": "1.1693", "label_config": config,
                                             "model_version": None, "params": {"login": None, "password": None, "context": None}})

    def test_health_and_setup(self):
        self.assertEqual(self.server.get("/health").json()["status"], "UP")
        answer = self.server.post("/setup", {"project": "1.1693", "schema": CONFIG, "hostname": self.origin,
                                             "access_token": "abc", "extra_params": None})
        self.assertIn("formula:tiny", answer.json()["model_version"])
        self.assertEqual(self.server.post("/webhook", {"action": "PROJECT_UPDATED", "project": {"id": 1}}).status, 201)

    def test_masks_of_pictures_by_address_and_inline(self):
        inline = "data:image/png;base64," + b64(FakeLabelStudio.picture)
        answer = self.predict("/data/upload/1/a b.png".replace(" ", "%20"), self.origin + "/data/upload/1/a.png", inline).json()
        self.assertEqual(len(answer["results"]), 3)
        self.assertEqual(answer["results"][0], answer["results"][2])
        self.assertIn(("/data/upload/1/a.png", "Token 0123456789abcdef"), FakeLabelStudio.asked)
        wanted = pixels(self.server.segment({"image": b64(FakeLabelStudio.picture), "classes": CLASSES,
                                             "output": "labels"}).body)[2]
        shown = {"Cup": 0, "spoon": 1, "table": 2}
        seen = 0
        for region in answer["results"][0]["result"]:
            self.assertEqual((region["from_name"], region["to_name"], region["original_width"], region["original_height"]),
                             ("brush", "img", 36, 24))
            (name,) = region["value"]["brushlabels"]
            values = brush_mask(region["value"]["rle"], 24, 36)
            for pixel, label in enumerate(wanted):
                self.assertEqual(set(values[4 * pixel:4 * pixel + 4]), {255 if label == shown[name] else 0})
            seen += 1
        self.assertEqual(seen, len(set(wanted)))
        self.assertGreater(seen, 1)

    def test_nothing_else_is_fetched(self):
        asked = len(FakeLabelStudio.asked)
        for address in ("http://127.0.0.1:1/x.png", "file:///etc/passwd", "//evil/x.png", "s3://bucket/x.png", "x.png", "",
                        self.origin + ".evil/x.png", "/a\r\nHost: x", self.origin.replace("http", "https") + "/a.png"):
            self.assertEqual(self.predict(address).status, 422, address)
        self.assertEqual(len(FakeLabelStudio.asked), asked)
        for address in ("/none.png", "/elsewhere", "/data/upload/1/large.png"):
            self.assertEqual(self.predict(address).json()["error"]["code"], "picture_not_fetched")

    def test_interfaces_that_are_none(self):
        inline = "data:image/png;base64," + b64(FakeLabelStudio.picture)
        for config in ("", "<", "<View/>", CONFIG.replace("$photo", "photo"), CONFIG.replace('toName="img"', 'toName="x"'),
                       "<View><BrushLabels name='a' toName='b'/></View>", "<a>" * 5000,
                       '<!DOCTYPE x [<!ENTITY a "b">]>' + CONFIG.replace("spoon", "")):
            answer = self.predict(inline, config=config)
            self.assertEqual(answer.status, 422, config[:60])
        for body in ({}, {"tasks": 1, "label_config": CONFIG}, {"tasks": [1], "label_config": CONFIG},
                     {"tasks": [{"data": {}}], "label_config": CONFIG}, {"tasks": [{"data": {"photo": 1}}], "label_config": CONFIG}):
            self.assertEqual(self.server.post("/predict", body).status, 422, body)


class Cvat(OneServer):
    """As CVAT asks Nuclio's dashboard."""
    picture = png(24, 36, seed=5)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.request("PUT", "/v1/vocabularies/kitchen", json.dumps({"classes": CLASSES}).encode(),
                           {"Content-Type": "application/json"})
        cls.server.wait_until(lambda: cls.server.get("/v1/vocabularies/kitchen").json()["state"] == "ready", "embedded")

    def invoke(self, name, path="/api/function_invocations", **document):
        headers = {"x-nuclio-function-name": name, "x-nuclio-path": "/"} if name else {}
        return self.server.post(path, {"image": b64(self.picture), **document}, **{k.replace("-", "_"): v for k, v in headers.items()})

    def test_functions(self):
        functions = self.server.get("/api/functions").json()
        self.assertIn("coco-stuff-171", functions)
        kitchen = self.server.get("/api/functions/kitchen").json()
        self.assertEqual(kitchen, functions["kitchen"])
        spec = json.loads(kitchen["metadata"]["annotations"]["spec"])
        self.assertEqual([s["name"] for s in spec], ["cup", "spoon", "table"])
        self.assertEqual(self.server.get("/api/functions/none").status, 404)

    def test_masks(self):
        wanted = pixels(self.server.segment({"image": b64(self.picture), "classes": CLASSES,
                                             "output": "labels"}).body)[2]
        self.assertGreater(len(set(wanted)), 1)
        for masks in (self.invoke("kitchen").json(), self.invoke(None, path="/").json()):
            self.assertEqual({m["label"] for m in masks}, {("cup", "spoon", "table")[l] for l in wanted if l < 3})
            for found in masks:
                *mask, left, top, right, bottom = found["mask"]
                whole = bytearray(24 * 36)
                self.assertEqual(len(mask), (right - left + 1) * (bottom - top + 1))
                for i, value in enumerate(mask):
                    whole[(top + i // (right - left + 1)) * 36 + left + i % (right - left + 1)] = value
                index = ("cup", "spoon", "table").index(found["label"])
                self.assertEqual(bytes(whole), bytes(int(label == index) for label in wanted))
                self.assertTrue(0 <= float(found["confidence"]) <= 1)

    def test_threshold_and_rubbish(self):
        self.assertEqual(self.invoke("kitchen", threshold=1).json(), [])
        self.refused(self.invoke("none"), 422)
        self.refused(self.invoke("kitchen", threshold=2), 422)
        self.refused(self.server.post("/api/function_invocations", {}, x_nuclio_function_name="kitchen"), 422)


if __name__ == "__main__":
    unittest.main()
