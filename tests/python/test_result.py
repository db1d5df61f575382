"""Results: views, scores, masks, drawings, JSON; equal to the program's."""

import gc
import json
import pickle
import unittest

import numpy as np
import san
from support import CLASSES, Tiny, picture, program


def decoded(rle):
    """COCO's compressed run lengths, from their definition: column after column, five bits a character."""
    height, width = rle["size"]
    counts, position, text = [], 0, rle["counts"].encode()
    while position < len(text):
        value, shift = 0, 0
        while True:
            character = text[position] - 48
            value |= (character & 31) << shift
            shift += 5
            position += 1
            if not character & 32:
                if character & 16:
                    value -= 1 << shift
                break
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
    values = np.repeat(np.arange(len(counts)) % 2, counts)
    return values.reshape(width, height).T.astype(bool)


class Results(Tiny):
    def test_labels_are_a_view_that_keeps_their_memory(self):
        result = self.model.segment(picture(), CLASSES, label_scores=True)
        labels, scores = result.labels, result.label_scores
        self.assertEqual((labels.dtype, labels.shape, scores.dtype, scores.shape),
                         (np.uint16, (40, 56), np.float32, (40, 56)))
        self.assertTrue(np.shares_memory(labels, result.labels))
        self.assertFalse(labels.flags.writeable or labels.flags.owndata)
        part, before = labels[3:, 5:], labels[3:, 5:].copy()
        del result, labels, scores
        gc.collect()
        for _ in range(3):
            self.model.segment(picture(seed=5), CLASSES)
        self.assert_same(part, before)

    def test_long_lists_have_labels_of_32_bits(self):
        words = self.model.vocabulary([f"thing{i}" for i in range(130_000)], templates=["{}"], cache=False)
        segmenter = self.model.segmenter()
        result = segmenter.segment(picture(), words)
        self.assertEqual((result.labels.dtype, result.labels.shape), (np.uint32, (40, 56)))
        self.assertGreater(result.labels.max(), 65535, "half of the classes lie there")
        self.assert_same(segmenter.labels(picture(), words), result.labels)
        self.assert_fails("contiguous array of uint32 of shape", segmenter.labels, picture(), words,
                          out=np.empty((40, 56), np.uint16))
        highest = int(result.labels.max())
        self.assertEqual(result.areas[highest], (result.labels == highest).sum())
        self.assertIn(f"thing{highest}", {p.name for p in result.polygons()})

    def test_areas_masks_and_run_lengths_agree_with_labels(self):
        result = self.model.segment(picture(), CLASSES, other=True)
        self.assertEqual(result.shape, (40, 56))
        self.assertEqual(result.classes, ("cat", "sofa", "wall"))
        for index, name in enumerate([*result.classes, "other"]):
            mask = result.labels == index
            self.assert_same(result.mask(name), mask)
            self.assert_same(result.mask(index), mask)
            self.assert_same(decoded(result.rle(name)), mask)
            self.assertEqual(result.areas[index], mask.sum())
        self.assertEqual(result.areas.sum(), 40 * 56)
        self.assertIn("56×40", repr(result))
        self.assertGreater(result.timing.network_ms, 0)
        self.assertIsNone(result.label_scores)

    def test_labels_are_the_argmax_of_scores(self):
        result = self.model.segment(picture(), CLASSES, label_scores=True)
        scores = result.scores()
        self.assertEqual((scores.shape, scores.dtype), ((3, 40, 56), np.float32))
        self.assert_same(scores.argmax(0), result.labels)
        self.assert_same(scores.max(0), result.label_scores)
        self.assert_same(result.scores(["wall", 0]), scores[[2, 0]])
        self.assertEqual(result.scores(["other"], size=(7, 9)).shape, (1, 7, 9))
        self.assertEqual(result.scores([]).shape, (0, 40, 56))
        self.assert_fails("no class 'dog'", result.scores, ["dog"])
        self.assert_fails("class 4", result.scores, [4])
        self.assert_fails("class -1", result.mask, -1)
        self.assert_fails("sides of 1 to", result.scores, None, (0, 5))
        self.assert_fails("not enough memory", result.scores, [0] * 60000, (2**16, 2**16))

    def test_proposals(self):
        result = self.model.segment(picture(), CLASSES)
        proposals = result.proposals()
        self.assertGreater(len(proposals), 3)
        self.assertEqual([p.score for p in proposals], sorted((p.score for p in proposals), reverse=True))
        del result
        gc.collect()
        for p in proposals[:5]:
            self.assertEqual((p.mask.dtype, p.mask.shape, p.mask.sum()), (bool, (40, 56), p.area))
            self.assert_same(decoded(p.rle), p.mask)
            self.assertAlmostEqual(p.score, p.class_score * p.mask_score, places=6)
            self.assertEqual(p.label, ("cat", "sofa", "wall")[p.class_index])
        result = self.model.segment(picture(), CLASSES)
        least = sorted(p.class_score for p in proposals)[len(proposals) // 2]
        self.assertLess(len(result.proposals(min_class_score=least)), len(proposals))
        self.assert_fails("threshold", result.proposals, threshold=0)
        self.assert_fails("0 … 1", result.proposals, 2.0)
        grid = san.load("formula:tiny", method="maskclip", threads=1)
        self.assertFalse(grid.info.makes_masks)
        self.assert_fails("maskclip", grid.segment(picture(), CLASSES).proposals)

    def test_overlay(self):
        result = self.model.segment(picture(), CLASSES)
        shown = result.overlay(picture())
        self.assertEqual((shown.dtype, shown.shape[0], shown.shape[2]), (np.uint8, 40, 3))
        self.assertGreater(shown.shape[1], 56)
        colors = [[255, 0, 0], [0, 255, 0], [0, 0, 255]]
        plain = [result.overlay(picture(), legend=False, names=False, contours=False, opacity=0, colors=chosen)
                 for chosen in (None, colors)]
        self.assert_same(*plain)
        full = result.overlay(picture(), legend=False, names=False, contours=False, opacity=1, colors=colors)
        self.assert_same(full, np.array(colors, np.uint8)[result.labels])
        self.assert_fails("40", result.overlay, picture(48, 56))
        self.assert_fails("opacity", result.overlay, picture(), opacity=float("nan"))
        self.assert_fails("3 × 3 integers", result.overlay, picture(), colors=colors[:2])
        self.assert_fails("3 × 3 integers", result.overlay, picture(), colors=np.array(colors) * 2)

    def test_json(self):
        result = self.model.segment(picture(), CLASSES, label_scores=True)
        found = result.to_dict(image="a.png", model="m", proposals=True)
        self.assertEqual((found["image"], found["model"], found["width"]), ("a.png", "m", 56))
        self.assertEqual(sum(entry["area"] for entry in found["classes"]), 40 * 56)
        self.assertEqual(found["classes"][0]["segmentation"], result.rle(found["classes"][0]["index"]))
        self.assertEqual(len(found["proposals"]), len(result.proposals()))
        self.assertNotIn("proposals", json.loads(result.json()))

    def test_json_takes_colours(self):
        colors = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
        classes = self.model.segment(picture(), CLASSES).to_dict(colors=colors)["classes"]
        self.assertEqual({found["color"] for found in classes},
                         {"#{:02x}{:02x}{:02x}".format(*colors[found["index"]]) for found in classes})

    def test_polygons_give_the_labels_back(self):
        result = self.model.segment(picture(), CLASSES)
        polygons = result.polygons()
        self.assertEqual(sum(p.area for p in polygons), 40 * 56)
        for p in polygons:
            self.assertEqual(p.name, result.classes[p.label])
            self.assertTrue(all(ring.dtype == np.int32 and ring.shape[1] == 2 for ring in p.rings))
            x, y = np.concatenate(p.rings).T  # shoelaces, and holes run the other way
            area = sum(np.sum(r[:, 0] * np.roll(r[:, 1], -1) - np.roll(r[:, 0], -1) * r[:, 1]) for r in p.rings) / 2
            self.assertEqual(area, p.area)
            self.assertTrue(x.min() >= 0 and x.max() <= 56 and y.min() >= 0 and y.max() <= 40)
        corners = [sum(map(len, p.rings)) for p in (*polygons, *result.polygons(3.0))]
        self.assertLess(sum(corners[len(polygons):]), sum(corners[:len(polygons)]))
        self.assert_fails("-1", result.polygons, -1)

    def test_how_a_picture_became_labels(self):
        text = self.model.explain(picture(), CLASSES, image_name="a.png", short_side=128)
        self.assertIn("a.png", text)
        self.assertIsInstance(json.loads(text), dict)
        self.assertIn("<html", san.explanation_page(text))
        self.assert_fails("tile", self.model.explain, picture(), CLASSES, tile=32)

    def test_what_cannot_be_pickled_says_what_to_do(self):
        result = self.model.segment(picture(), CLASSES)
        self.assert_fails("labels.copy()", pickle.dumps, result)
        self.assert_fails("save() it", pickle.dumps, self.model.vocabulary(CLASSES))


class Program(Tiny):
    """`san segment` and this package write the same files, byte for byte."""

    def compare(self, model, classes, *arguments, **options):
        name, path = model.info.name, self.folder / "a.png"
        san.save_image(path, picture())
        program("segment", path, "--model", name, "--classes", ",".join(classes), "--save",
                "labels,json,overlay,scores", "--output", self.folder, *arguments)
        result = model.segment(path, classes, label_scores=True, **options)
        self.assertEqual(result.labels_png(), (self.folder / "a.labels.png").read_bytes())
        self.assertEqual(result.json(image=str(path), model=name), (self.folder / "a.json").read_text())
        self.assertEqual(san.encode_png(result.overlay(path)), (self.folder / "a.overlay.png").read_bytes())
        result.save_scores(self.folder / "own")
        self.assertEqual((self.folder / "own").read_bytes(), (self.folder / "a.scores.safetensors").read_bytes())
        return result

    def test_same_files(self):
        result = self.compare(self.model, CLASSES)
        self.assertGreater((result.areas > 0).sum(), 1)

    def test_same_files_with_other_and_options(self):
        result = self.compare(self.model, CLASSES, "--background", "other", "--preprocess", "demo", "--short-side", 200,
                              other=True, preprocessing="demo", short_side=200)
        self.assertGreater(result.areas[-1], 0)

    def test_same_files_with_the_built_in_model(self):
        try:
            model = san.load("default")
        except san.Error as error:
            self.skipTest(f"this build has no built-in model: {error}")
        self.compare(model, ["cat", "wall", "sofa|couch", "grass"])

    def test_many_classes_make_labels_of_16_bits(self):
        classes = [f"thing number {k}" for k in range(300)]
        words = self.model.vocabulary(classes, templates="single")
        result = self.model.segment(picture(), words)
        png = san.load_image(result.labels_png())
        self.assert_same(png[..., 0], result.labels >> 8)
        self.assertEqual(result.labels_png()[24], 16, "bits of a sample, in the file's header")


if __name__ == "__main__":
    unittest.main()
