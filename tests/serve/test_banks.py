"""Banks of examples: made region by region, given at the start, kept in a folder; refined edges; other methods."""
import json
import os
import subprocess
import tempfile
import unittest

from support import SAN, Checked, OneServer, b64, pixels, png

CLASSES = ["left", "right"]
LEFT = {"size": [24, 36], "counts": "0`=`="}  # the first 18 of 36 columns


class Banks(OneServer):
    picture = png(24, 36, seed=5)

    def ask(self, **fields):
        return self.server.segment({"image": b64(self.picture), "classes": CLASSES, "output": "labels", **fields})

    def teach(self, bank, **fields):
        return self.server.post(f"/v1/banks/{bank}/examples",
                                {"image": b64(self.picture), "class": "right", "mask": LEFT, **fields})

    def test_a_region_becomes_an_example(self):
        self.refused(self.server.get("/v1/banks/mine"), 404, "unknown_bank")
        self.refused(self.ask(bank="mine"), 404, "unknown_bank", "bank")
        plain = self.ask(output="scores")
        self.assertNotIn("x-san-bank", plain.headers)
        answer = self.teach("mine")
        self.assertEqual(answer.status, 201, answer.body)
        self.assertEqual(answer.headers["location"], "/v1/banks/mine")
        added = answer.json()
        self.assertEqual(added["area"], 24 * 18)
        self.assertEqual(added["bank"]["classes"][0]["name"], "right")
        self.assertEqual(added["bank"], self.server.get("/v1/banks/mine").json())
        self.assertEqual([b["name"] for b in self.server.get("/v1/banks").json()["banks"]], ["mine"])
        self.assertNotEqual(self.ask(output="scores", bank="mine", bank_weight=5).body, plain.body)
        asked = self.ask(bank="mine", bank_weight=5)
        self.assertEqual((asked.headers["x-san-bank"], asked.headers["x-san-cache"]), ("mine", "hit"))
        self.assertEqual(self.ask(output="scores", bank="mine", bank_weight=0).body, plain.body)
        # Its file answers the same in the command.
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "p.png"), "wb") as f:
                f.write(self.picture)
            file = self.server.get("/v1/banks/mine/file")
            self.assertIn('filename="mine.bank"', file.headers["content-disposition"])
            with open(os.path.join(folder, "mine.bank"), "wb") as f:
                f.write(file.body)
            subprocess.run([SAN, "segment", "p.png", "--model", "formula:tiny", "-q", "--no-cache", "--save", "labels",
                            "--classes", "left, right", "--bank", "mine.bank:5"], cwd=folder, check=True,
                           capture_output=True)
            with open(os.path.join(folder, "out/p.labels.png"), "rb") as f:
                self.assertEqual(f.read(), asked.body)
        self.assertEqual(self.server.request("DELETE", "/v1/banks/mine").status, 204)
        self.refused(self.server.request("DELETE", "/v1/banks/mine"), 404, "unknown_bank")
        self.assertEqual(self.server.metric("san_banks"), 0)

    def test_a_point_means_the_region_there(self):
        labels = pixels(self.ask().body)[2]
        seen, todo = set(), [(10, 20)]
        while todo:
            y, x = todo.pop()
            if (y, x) in seen or not (0 <= y < 24 and 0 <= x < 36) or labels[y * 36 + x] != labels[10 * 36 + 20]:
                continue
            seen.add((y, x))
            todo += [(y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)]
        fields = [("image", "p.png", self.picture),
                  ("request", json.dumps({"class": "thing", "point": [20, 10], "classes": CLASSES}).encode())]
        answer = self.server.form("/v1/banks/pointed/examples", fields)
        self.assertEqual(answer.status, 201, answer.body)
        self.assertEqual(answer.json()["area"], len(seen))
        self.server.request("DELETE", "/v1/banks/pointed")

    def test_what_is_refused(self):
        for bank in ("..", ".a", "a%2fb", "a b", "x" * 65):
            answer = self.teach(bank.replace(" ", "%20"))
            self.assertIn(answer.status, (404, 422), bank)
        self.refused(self.teach("true"), 422, "invalid_field", "bank")
        self.refused(self.teach("r", mask={"size": [24, 36], "counts": "7"}), 422, "invalid_field", "mask.counts")
        self.refused(self.teach("r", mask={"size": [36, 24], "counts": "0Pk0"}), 422, field="mask.size")
        self.refused(self.teach("r", mask=None, point=[99, 0], classes=CLASSES), 422, "invalid_field", "point")
        self.refused(self.teach("r", **{"class": ""}), 422, field="class")
        self.refused(self.teach("r", model="none"), 404, "unknown_model")
        self.refused(self.teach("r", path="/etc/passwd"), 422, "unknown_field")
        self.refused(self.ask(bank="../x"), 422, "invalid_field", "bank")
        self.assertEqual(self.server.get("/v1/banks").json()["banks"], [])

    def test_refined_edges_are_those_of_the_command(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "p.png"), "wb") as f:
                f.write(self.picture)
            subprocess.run([SAN, "segment", "p.png", "--model", "formula:tiny", "-q", "--no-cache", "--save", "labels",
                            "--classes", "left, right", "--refine"], cwd=folder, check=True, capture_output=True)
            with open(os.path.join(folder, "out/p.labels.png"), "rb") as f:
                wanted = f.read()
        plain, refined = self.ask(), self.ask(refine=True)
        self.assertEqual(refined.body, wanted)
        self.assertEqual(refined.headers["x-san-cache"], "hit", "the network need not look again")
        self.refused(self.ask(refine=True, tile=32), 422, "invalid_field", "refine")
        self.refused(self.ask(refine="yes"), 422, "invalid_field", "refine")
        form = self.server.form("/v1/segment", [("image", "p.png", self.picture), ("classes", b"left, right"),
                                                ("output", b"labels"), ("refine", b"true")])
        self.assertEqual(form.body, wanted)
        with Checked("--refine") as server:
            document = {"image": b64(self.picture), "classes": CLASSES, "output": "labels"}
            self.assertEqual(server.segment(document).body, wanted)
            self.assertEqual(server.segment({**document, "refine": False}).body, plain.body)
            self.assertEqual(server.segment({**document, "tile": 32}).status, 200)

    def test_the_open_inference_protocol_takes_them(self):
        self.teach("protocol")
        inputs = [{"name": "image", "shape": [1], "datatype": "BYTES", "data": [b64(self.picture)]},
                  {"name": "classes", "shape": [2], "datatype": "BYTES", "data": CLASSES}]
        def labels(**parameters):
            answer = self.server.post("/v2/models/formula:tiny/infer", {
                "inputs": inputs, "outputs": [{"name": "labels"}], "parameters": parameters})
            self.assertEqual(answer.status, 200, answer.body)
            return bytes(answer.json()["outputs"][0]["data"])
        self.assertEqual(labels(), pixels(self.ask().body)[2])
        self.assertEqual(labels(refine=True), pixels(self.ask(refine=True).body)[2])
        self.assertEqual(labels(bank="protocol", bank_weight=5), pixels(self.ask(bank="protocol", bank_weight=5).body)[2])
        self.server.request("DELETE", "/v1/banks/protocol")


class Started(unittest.TestCase):
    picture = png(24, 36, seed=5)

    def test_banks_of_the_start_and_of_the_folder(self):
        document = {"image": b64(self.picture), "classes": CLASSES, "output": "scores"}
        example = {"image": b64(self.picture), "class": "right", "mask": LEFT}
        with tempfile.TemporaryDirectory() as folder:
            with Checked("--bank-folder", folder) as server:
                self.assertEqual(server.post("/v1/banks/parts/examples", example).status, 201)
                self.assertEqual(os.listdir(folder), ["parts.bank"])
            with Checked("--bank-folder", folder) as server:
                self.assertEqual(server.get("/v1/banks/parts").json()["pictures"], 1)
                self.assertIsNone(server.get("/v1/models").json()["models"][0]["bank"])
            with Checked("--bank", os.path.join(folder, "parts.bank") + ":5", "--banks", "0") as server:
                self.assertEqual(server.get("/v1/models").json()["models"][0]["bank"], "parts")
                with_bank = server.segment(document)
                self.assertEqual(with_bank.headers["x-san-bank"], "parts")
                without = server.segment({**document, "bank": False})
                self.assertNotEqual(with_bank.body, without.body)
                self.assertEqual(server.segment({**document, "bank": "parts", "bank_weight": 0}).body, without.body)
                self.assertEqual(server.post("/v1/banks/parts/examples", example).json()["error"]["code"], "fixed_bank")
                self.assertEqual(server.post("/v1/banks/other/examples", example).json()["error"]["code"], "no_banks")
            with open(os.path.join(folder, "bad.bank"), "w") as f:
                f.write("no bank")
            for arguments, said in [(["--bank", os.path.join(folder, "bad.bank")], "bad.bank"),
                                    (["--bank-folder", os.path.join(folder, "none")], "no such folder"),
                                    (["--bank", os.path.join(folder, "parts.bank"), "--method", "maskclip"],
                                     "none of the models")]:
                run = subprocess.run([SAN, "serve", "--model", "formula:tiny", "--port", "0", *arguments],
                                     capture_output=True, text=True, timeout=60)
                self.assertEqual(run.returncode, 2, run.stderr)
                self.assertIn(said, run.stderr)

    def test_other_methods_answer_as_the_command_does(self):
        for method in ("maskclip", "crops"):
            with tempfile.TemporaryDirectory() as folder:
                with open(os.path.join(folder, "p.png"), "wb") as f:
                    f.write(self.picture)
                subprocess.run([SAN, "segment", "p.png", "--model", "formula:tiny", "-q", "--no-cache", "--save",
                                "labels", "--classes", "left, right", "--method", method], cwd=folder, check=True,
                               capture_output=True)
                with open(os.path.join(folder, "out/p.labels.png"), "rb") as f:
                    wanted = f.read()
            with Checked("--method", method) as server:
                facts = server.get("/v1/models").json()["models"][0]
                self.assertEqual((facts["method"], facts["banks"]), (method, False))
                document = {"image": b64(self.picture), "classes": CLASSES, "output": "labels"}
                self.assertEqual(server.segment(document).body, wanted)
                self.assertEqual(server.segment({**document, "refine": True}).status, 200)
                refused = server.post("/v1/banks/a/examples", {"image": b64(self.picture), "class": "x", "mask": LEFT})
                self.assertEqual((refused.status, refused.json()["error"]["code"]), (422, "impossible"))


if __name__ == "__main__":
    unittest.main()
