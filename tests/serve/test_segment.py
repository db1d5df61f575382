"""POST /v1/segment and what belongs to it."""
import base64
import hashlib
import json
import os
import subprocess
import tempfile
import unittest

from support import SAN, Checked, OneServer, Server, b64, pixels, png, png_of

CLASSES = ["cup|mug", "spoon", "wooden table"]


def of_the_command(picture, *arguments):
    """labels.png of `san segment`."""
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "p.png"), "wb") as f:
            f.write(picture)
        subprocess.run([SAN, "segment", "p.png", "--model", "formula:tiny", "-q", "--no-cache", "--save", "labels,json",
                        *arguments], cwd=folder, check=True, capture_output=True)
        with open(os.path.join(folder, "out/p.labels.png"), "rb") as labels, open(os.path.join(folder, "out/p.json")) as j:
            return labels.read(), json.load(j)


class Segment(OneServer):
    picture = png(24, 36, seed=5)

    def ask(self, **fields):
        return self.server.segment({"image": b64(self.picture), "classes": CLASSES, **fields})

    def test_labels_are_those_of_the_command(self):
        for fields, arguments in [({}, []), ({"background": "other"}, ["--background", "other"]),
                                  ({"short_side": 96}, ["--short-side", "96"]),
                                  ({"preprocess": "demo"}, ["--preprocess", "demo"]),
                                  ({"tile": 32, "tile_overlap": 4}, ["--tile", "32,4"]),
                                  ({"distractors": "dog, sky"}, ["--distractors", "dog, sky"])]:
            answer = self.ask(output="labels", **fields)
            self.assertEqual(answer.status, 200, answer.body)
            self.assertEqual(answer.type, "image/png")
            self.assertEqual(answer.body, of_the_command(self.picture, "--classes", ",".join(CLASSES), *arguments)[0])

    def test_int8_is_that_of_the_command(self):
        with Checked("--precision", "int8") as server:
            self.assertEqual([m["precision"] for m in server.get("/v1/models").json()["models"]], ["int8"])
            answer = server.segment({"image": b64(self.picture), "classes": CLASSES, "output": "labels"})
            self.assertEqual(answer.status, 200, answer.body)
            wanted, _ = of_the_command(self.picture, "--classes", ",".join(CLASSES), "--precision", "int8")
            self.assertEqual(answer.body, wanted)
        with Checked("--text-precision", "int8") as server:
            models = server.get("/v1/models").json()["models"]
            self.assertEqual([(m["precision"], m["text_precision"]) for m in models], [("fp32", "int8")])
        wrong = subprocess.run([SAN, "serve", "--model", "formula:tiny", "--port", "0", "--precision", "int4"],
                               capture_output=True, text=True, timeout=60)
        self.assertNotEqual(wrong.returncode, 0)
        self.assertIn("int4", wrong.stderr)

    def test_json_is_that_of_the_command(self):
        mine, theirs = self.ask().json(), of_the_command(self.picture, "--classes", ",".join(CLASSES))[1]
        self.assertEqual(mine["classes"], theirs["classes"])

    def test_label_set_with_its_colours(self):
        answer = self.server.segment({"image": b64(self.picture), "label_set": "voc-20", "palette": "dataset",
                                      "output": "labels"})
        wanted, _ = of_the_command(self.picture, "--label-set", "voc-20", "--palette", "dataset")
        self.assertEqual(answer.body, wanted)

    def test_a_form_says_the_same_as_json(self):
        fields = [("image", "a.png", self.picture), ("classes", b"cup|mug, spoon, wooden table"), ("output", b"labels"),
                  ("short_side", b"96")]
        self.assertEqual(self.server.form("/v1/segment", fields).body, self.ask(output="labels", short_side=96).body)
        each = [("image", "a.png", self.picture), *(("classes", c.encode()) for c in CLASSES), ("output", b"labels")]
        self.assertEqual(self.server.form("/v1/segment", each).body, self.ask(output="labels").body)
        rest = {"classes": CLASSES, "output": ["labels"], "overlay": {"opacity": 1}}
        with_json = [("image", "a.png", self.picture), ("request", json.dumps(rest).encode())]
        self.assertEqual(self.server.form("/v1/segment", with_json).body, self.ask(output="labels").body)

    def test_several_outputs(self):
        outputs = ["labels", "overlay", "json", "scores", "runner_up", "proposals"]
        parts = self.ask(output=outputs).parts()
        self.assertEqual(set(parts), {"labels", "overlay", "json", "scores", "runner_up", "runner_up_scores"})
        self.assertIn("proposals", json.loads(parts["json"][1]))
        form = self.server.segment({"image": b64(self.picture), "classes": CLASSES, "output": outputs},
                                   Accept="multipart/form-data")
        self.assertTrue(form.type.startswith("multipart/form-data"))
        self.assertEqual(form.parts()["labels"], parts["labels"])
        together = self.server.segment({"image": b64(self.picture), "classes": CLASSES, "output": outputs},
                                       Accept="application/json").json()
        self.assertEqual(together["labels"], b64(parts["labels"][1]))
        self.assertEqual(together["json"], json.loads(parts["json"][1]))

    def test_runner_up_is_another_class_with_no_better_score(self):
        parts = self.ask(output=["labels", "scores", "runner_up"]).parts()
        height, width, labels = pixels(parts["labels"][1])
        _, _, scores = pixels(parts["scores"][1])
        h, w, second = pixels(parts["runner_up"][1])
        _, _, second_scores = pixels(parts["runner_up_scores"][1])
        self.assertEqual((h, w), (height, width))
        for best, score, other, other_score in zip(labels, scores, second, second_scores):
            self.assertNotEqual(best, other)
            self.assertLess(other, len(CLASSES))
            self.assertGreaterEqual(score, other_score)
        small = self.ask(output=["runner_up"], score_side=16).parts()
        self.assertEqual(pixels(small["runner_up"][1])[:2], (11, 16))

    def test_one_class_has_no_runner_up(self):
        answer = self.server.segment({"image": b64(self.picture), "classes": ["cup"], "output": "runner_up"})
        self.assertEqual(set(pixels(answer.parts()["runner_up"][1])[2]), {1})

    def test_distractors_become_other(self):
        plain = pixels(self.ask(output="labels").body)[2]
        self.assertGreater(len(set(plain)), 1)
        both = self.server.segment({"image": b64(self.picture), "classes": CLASSES[:1], "distractors": CLASSES[1:],
                                    "output": ["labels", "json"]}).parts()
        self.assertEqual(pixels(both["labels"][1])[2], bytes(min(label, 1) for label in plain))
        found = json.loads(both["json"][1])["classes"]
        self.assertLessEqual({c["index"] for c in found}, {0, None})
        self.assertEqual(sum(c["area"] for c in found), 24 * 36)

    def test_a_picture_is_asked_again_by_its_hash(self):
        picture = png(40, 40, seed=7)
        name = hashlib.sha256(picture).hexdigest()
        self.refused(self.server.segment({"image_sha256": name, "classes": CLASSES}), 404, "unknown_picture",
                     "image_sha256")
        first = self.server.segment({"image": b64(picture), "classes": CLASSES, "output": "labels"})
        self.assertEqual((first.headers["x-san-image-sha256"], first.headers["x-san-cache"]), (name, "miss"))
        again = self.server.segment({"image_sha256": name, "classes": CLASSES, "output": "labels"})
        self.assertEqual((again.body, again.headers["x-san-cache"]), (first.body, "hit"))
        other = self.server.segment({"image_sha256": name, "classes": ["a", "b"], "output": ["labels", "overlay"]})
        self.assertEqual(other.headers["x-san-cache"], "hit")
        larger = self.server.segment({"image_sha256": name, "classes": CLASSES, "short_side": 96})
        self.assertEqual(larger.headers["x-san-cache"], "miss")

    def test_every_field_is_checked(self):
        huge, bad = 10**400, [-1, 1.5, "x", [], {}, True, -(2**63), 2**64, 1e308]
        for field, status in [("short_side", 422), ("score_side", 422)]:
            for value in bad:
                self.refused(self.ask(**{field: value}), status, "invalid_field", field)
        for field in ("min_class_score", "mask_threshold"):
            for value in [-1, 2, "x", [], {}, 1e308]:
                self.refused(self.ask(**{field: value}), 422, "invalid_field", field)
        for field in ("model", "name", "image_sha256", "background", "preprocess", "palette", "vocabulary", "label_set"):
            for value in [1, -1, [], {}, True, "x" * 300, 2**64]:
                answer = self.ask(**{field: value})
                self.assertIn(answer.status, (404, 422), (field, value))
        for field in ("classes", "distractors", "templates", "output", "colors"):
            for value in [1, -1, True, {}, [1], [[]], ["x" * 300], ["a|"], ["\u0007"]]:
                self.refused(self.ask(**{field: value}), 422)
        for value in [1, [], "x", {"opacity": 2}, {"opacity": "x"}, {"names": 1}, {"other": 1}]:
            self.refused(self.ask(overlay=value), 422)
        for value in [1, [], {}, True, "", "====", "AAAA", "data:image/png,xx", "x" * 1001]:
            self.refused(self.ask(image=value), 422)
        body = json.dumps({"image": "", "classes": ["a"], "short_side": 0}).replace('"short_side": 0', f'"short_side": {huge}')
        answer = self.server.request("POST", "/v1/segment", body.encode(), {"Content-Type": "application/json"})
        self.assertIn(answer.status, (400, 422))
        self.refused(self.ask(shortside=1), 422, "unknown_field", "shortside")
        self.refused(self.ask(image_sha256="0" * 64), 422)
        self.refused(self.ask(vocabulary="x"), 422)
        self.refused(self.server.segment({"image": b64(self.picture)}), 422)
        self.refused(self.ask(model="other"), 404, "unknown_model")
        self.refused(self.ask(colors=["#000000"]), 422, "invalid_field", "colors")
        self.refused(self.ask(classes=["cat", "Cat"]), 422, "bad_class")

    def test_pictures_of_all_proportions(self):
        for height, width in [(1, 1), (1, 300), (300, 1), (2, 3)]:
            answer = self.server.segment({"image": b64(png(height, width)), "classes": CLASSES, "output": "labels"})
            self.assertEqual(answer.status, 200, answer.body)
            self.assertEqual(pixels(answer.body)[:2], (height, width))

    def test_methods_and_paths(self):
        self.refused(Plain(self.server).get("/v1/segment"), 405, "method_not_allowed")
        self.refused(Plain(self.server).get("/nothing/here"), 404, "unknown_path")
        self.refused(self.server.request("POST", "/v1/segment", b"x", {"Content-Type": "text/plain"}), 415)
        self.refused(self.server.request("POST", "/v1/segment", b"{}", {"Content-Type": "application/json",
                                                                       "Content-Encoding": "gzip"}), 415)

    def test_an_explanation_ends_in_the_same_labels(self):
        fields = {"image": b64(self.picture), "classes": CLASSES, "name": "p.png", "colors": ["#102030"] * 3}
        answer = self.server.post("/v1/explain", fields)
        self.assertEqual(answer.status, 200, answer.body)
        told = answer.json()
        self.assertEqual((told["classes"], told["image"], told["colors"]),
                         (["cup", "spoon", "wooden table"], "p.png", ["#102030"] * 3))
        labels = base64.b64decode(told["labels"]["values"])
        wanted = pixels(self.ask(output="labels").body)
        self.assertEqual([int.from_bytes(labels[i:i + 2], "little") for i in range(0, len(labels), 2)], list(wanted[2]))
        self.assertEqual(self.server.post("/v1/explain", {"classes": CLASSES}).status, 422)
        more = self.server.post("/v1/explain", {**fields, "distractors": ["dog", "sky"]}).json()
        self.assertEqual(more["classes"], ["cup", "spoon", "wooden table", "dog", "sky"])
        self.assertEqual(more["colors"], ["#102030"] * 3 + ["#707070"] * 2)

    def test_models_and_label_sets(self):
        models = self.server.get("/v1/models").json()
        self.assertEqual([m["id"] for m in models["models"]], ["formula:tiny"])
        sets = {s["name"]: s for s in self.server.get("/v1/label-sets").json()["label_sets"]}
        self.assertEqual(len(sets["voc-20"]["classes"]), 20)


class Plain:
    """Answers that the document does not describe."""

    def __init__(self, server):
        self.server = server

    def get(self, path):
        return super(type(self.server), self.server).request("GET", path)


class Limits(OneServer):
    arguments = ("--max-pixels", "5000", "--max-side", "200", "--max-classes", "3", "--max-body", "1",
                 "--max-short-side", "64")

    def test_what_is_too_large_is_refused(self):
        ask = lambda picture, **fields: self.server.segment({"image": b64(picture), "classes": ["a"], **fields})
        self.assertEqual(ask(png(50, 100)).status, 200)
        self.refused(ask(png(51, 100)), 422, "bad_image", "image")
        self.refused(ask(png(2, 201)), 422, "bad_image", "image")
        self.refused(ask(png(2, 2), classes=list("abcd")), 422)
        self.refused(ask(png(2, 2), short_side=65), 422, "invalid_field", "short_side")
        self.refused(self.server.segment({"image": "A" * (1 << 20)}), 413, "body_too_large")
        self.refused(self.server.segment({"image": b64(png(2, 2)), "label_set": "voc-20"}), 422, "too_many_classes")
        self.refused(ask(png(2, 2), classes=["|".join(f"a{i}" for i in range(13))]), 422, "too_many_classes")


class LimitsOfReaders(unittest.TestCase):
    def test_are_not_raised_for_strangers(self):
        body = b'{"classes": ["a"], "image": [' + b"1," * 2_000_000 + b"1]}"
        with Server("--max-body", "16", environment={"SAN_LIMITS": "1000"}) as server:
            answer = server.request("POST", "/v1/segment", body, {"Content-Type": "application/json"})
        self.assertEqual(answer.status, 400, answer.body[:300])
        self.assertIn("more than the 2000000 that are read", answer.json()["error"]["message"])
        self.assertNotIn("--limits", answer.json()["error"]["message"])


class LongSides(OneServer):
    arguments = ("--max-side", "65535")

    def test_lines_of_pixels(self):
        for height, width in [(1, 65535), (65535, 1)]:
            picture = png_of(height, width, 2, (b"\0" + bytes(range(256)) * (3 * width // 256) + bytes(3 * width % 256)) * height)
            answer = self.server.segment({"image": b64(picture), "classes": CLASSES,
                                          "output": ["labels", "overlay", "json", "scores", "runner_up"]})
            self.assertEqual(answer.status, 200, answer.body[:300])
            self.assertEqual(pixels(answer.parts()["labels"][1])[:2], (height, width))

    def test_sizes_that_lie(self):
        for height, width in [(2**31, 2**31), (2**32 - 1, 1), (0, 5), (60000, 60000)]:
            self.refused(self.server.segment({"image": b64(png_of(height, width, 2, b"\0")), "classes": CLASSES}), 422,
                         "bad_image", "image")


if __name__ == "__main__":
    unittest.main()
