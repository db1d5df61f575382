"""Models, vocabularies, batches, frames, options, and what they say when something is wrong."""

import os
import pickle
import tempfile
import unittest
from pathlib import Path

import numpy as np
import san
from support import CLASSES, Tiny, picture


class Models(Tiny):
    def test_info_and_cost(self):
        info = self.model.info
        self.assertEqual((info.name, info.backend, info.device, info.precision, info.method),
                         ("formula:tiny", "native", "cpu", "fp32", "san"))
        self.assertTrue(info.random_weights is True and info.makes_masks is True and info.knows_background is True)
        self.assertGreater(info.parameters, info.text_parameters)
        self.assertTrue(info.templates and all(template.count("{}") == 1 for template in info.templates))
        cost = self.model.cost(480, 640)
        self.assertGreater(cost.macs, 0)
        self.assertLess(cost.height, cost.width)
        self.assert_fails("at least 1", self.model.cost, 0, 5)
        self.assert_fails("32 bits", self.model.cost, 2**40, 5)
        self.assert_fails("got str", self.model.cost, "5", 5)
        self.assertIn("formula:tiny", repr(self.model))

    def test_options_reach_the_library(self):
        self.assertIn("native", san.backends())
        self.assertIn("maskclip", san.methods())
        reference = san.load("formula:tiny", backend="reference", threads=1)
        self.assertEqual(reference.info.backend, "reference")
        agree = reference.segment(picture(), CLASSES).labels == self.model.segment(picture(), CLASSES).labels
        self.assertGreater(agree.mean(), 0.999)
        other = san.load("formula:tiny", formula_seed="another", threads=1).segment(picture(), CLASSES).labels
        self.assertLess((other == reference.segment(picture(), CLASSES).labels).mean(), 0.999)
        for keywords, words in [({"backend": "torch"}, "native"), ({"backend": "nothing"}, "native"),
                                ({"device": "cuda"}, "CPU"), ({"precision": "fp16"}, "fp32"),
                                ({"method": "none"}, "maskclip"), ({"threads": -1}, "-1"), ({"threads": "2"}, "threads"),
                                ({"bpe_file": "gone.txt.gz"}, "gone.txt.gz"), ({"device": 3}, "device")]:
            with self.subTest(keywords):
                self.assert_fails(words, san.load, "formula:tiny", **keywords)

    def test_scores_stand_for_probabilities_where_a_curve_is_known(self):
        self.assertIsNone(self.model.info.curve)
        self.assertIs(self.model.info.takes_banks, True)
        built_in, raw = san.load("default", threads=2), san.load("default", threads=2, calibration="none")
        a, b = built_in.info.curve
        self.assertTrue(0 < a <= 1 and b > 0)
        self.assertIsNone(raw.info.curve)
        self.assertIsNone(pickle.loads(pickle.dumps(raw)).info.curve)
        found = built_in.segment(picture(), "cat, sky", distractors="none", label_scores=True, min_score=0.3)
        sure = a * np.asarray(found.label_scores, np.float64)**b
        clear = abs(sure - 0.3) > 1e-6
        self.assert_same((found.labels == 2)[clear], (sure < 0.3)[clear])
        self.assert_fails("gone.json", san.load, "formula:tiny", calibration="gone.json")
        self.assertIs(san.load("formula:tiny", method="maskclip", threads=1).info.takes_banks, False)

    def test_int8(self):
        near = san.load("formula:tiny", precision="int8", threads=1)
        self.assertEqual(near.info.precision, "int8")
        self.assertEqual(pickle.loads(pickle.dumps(near)).info.precision, "int8")
        labels, exact = (model.segment(picture(), CLASSES).labels for model in (near, self.model))
        # Steps of 1/255 move borders; a layer that is wrong gives one class or noise.
        self.assertGreater((labels == exact).mean(), 0.8)
        self.assertIn(san.load("formula:tiny", precision="auto", threads=1).info.precision, ("int8", "fp32"))
        self.assert_fails("int4", san.load, "formula:tiny", precision="int4")
        words = san.load("formula:tiny", text_precision="int8", threads=1)
        self.assertEqual((words.info.precision, words.info.text_precision), ("fp32", "int8"))
        self.assertEqual(pickle.loads(pickle.dumps(words)).info.text_precision, "int8")
        self.assertEqual(self.model.info.text_precision, "fp32")
        self.assert_fails("int4", san.load, "formula:tiny", text_precision="int4")

    def test_models_that_are_not_there(self):
        self.assert_fails("gone.safetensors", san.load, self.folder / "gone.safetensors")
        self.assert_fails("vit-b-16", san.load, "formula:huge")
        self.assert_fails("zero byte", san.load, "formula:tiny\0")
        self.assert_fails("expected a path", san.load, None)

    def test_thread_budgets_are_shared(self):
        budget = san.ThreadBudget(2)
        self.assertEqual(budget.threads, 2)
        models = [san.load("formula:tiny", threads=budget) for _ in range(2)]
        labels = [model.segment(picture(), CLASSES).labels for model in models]
        self.assert_same(*labels)
        self.assert_fails("-5", san.ThreadBudget, -5)
        self.assert_fails("thread budget", pickle.dumps, models[0])

    def test_a_pickled_model_loads_again(self):
        again = pickle.loads(pickle.dumps(self.model))
        self.assertIsNot(again, self.model)
        self.assertEqual(again.info, self.model.info)

    def test_segmenting_options(self):
        demo = self.model.segment(picture(), CLASSES, preprocessing="demo", short_side=128, long_side=256)
        self.assertEqual(demo.shape, (40, 56))
        whole = self.model.segment(picture(), CLASSES)
        self.assert_same(self.model.segment(picture(), CLASSES, tile=64).labels, whole.labels)
        tiled = self.model.segment(picture(), CLASSES, tile=32, tile_overlap=0, label_scores=True)
        self.assertEqual(tiled.shape, (40, 56))
        self.assertFalse(np.array_equal(tiled.label_scores, self.model.segment(picture(), CLASSES, label_scores=True).label_scores))
        self.assert_fails("tiles", tiled.scores, ["cat"])
        self.assertEqual(self.model.segment(picture(), CLASSES, window=32).shape, (40, 56))
        self.assert_fails("tiles of 5", self.model.segment, picture(), CLASSES, tile=5)
        self.assert_fails("'best'", self.model.segment, picture(), CLASSES, preprocessing="best")
        self.assert_fails("-1", self.model.segment, picture(), CLASSES, short_side=-1)
        self.assert_fails("32 bits", self.model.segment, picture(), CLASSES, long_side=2**33)
        self.assert_fails("san.Cancellation", self.model.segment, picture(), CLASSES, cancellation=True)
        with self.assertRaises(TypeError):
            self.model.segment_batch([picture()], CLASSES, shortside=5)


class Vocabularies(Tiny):
    def test_ways_to_say_the_same_classes(self):
        path = self.folder / "classes.txt"
        path.write_text("# a comment\ncat\nsofa|couch\nwall\n")
        expected = self.model.segment(picture(), CLASSES)
        for classes in (["cat", ["sofa", "couch"], "wall"], ("cat", ("sofa", "couch"), "wall"), "cat, sofa|couch, wall",
                        path, iter(CLASSES), self.model.vocabulary(CLASSES), self.model.vocabulary(path)):
            with self.subTest(str(type(classes))):
                result = self.model.segment(picture(), classes)
                self.assertEqual(result.classes, ("cat", "sofa", "wall"))
                self.assert_same(result.labels, expected.labels)

    def test_the_last_ones_are_remembered(self):
        recent = self.model._vocabularies
        self.assertIs(recent.of(CLASSES, None), recent.of(tuple(CLASSES), None))
        first = recent.of(CLASSES, None)
        for k in range(20):
            recent.of([f"thing {k}"], None)
        self.assertIsNot(recent.of(CLASSES, None), first)

    def test_what_is_no_list_of_classes(self):
        for classes, words in [(5, "got int"), (["cat", 5], "got 5"), (["cat", []], "[]"), ([], "class"),
                               (["cat", "Cat"], "Cat"), (["ca\0t"], "zero byte"), (["\ud800"], "not Unicode"),
                               (Path("gone.txt"), "gone.txt"), ("cat,,dog", "empty"), (b"cat", "got bytes")]:
            with self.subTest(words):
                self.assert_fails(words, self.model.segment, picture(), classes)
        self.assert_fails("either classes or label_set", self.model.vocabulary)
        self.assert_fails("either classes or label_set", self.model.vocabulary, CLASSES, label_set="voc-20")

    def test_label_sets_and_templates(self):
        self.assertIn("voc-20", san.label_sets())
        words = self.model.vocabulary(label_set="voc-20", templates="single")
        self.assertEqual(len(words), 20)
        self.assertIn("aeroplane", repr(words))
        self.assertEqual(san.label_set_palette("voc-20").shape, (20, 3))
        self.assert_fails("voc-20", self.model.vocabulary, label_set="none")
        self.assert_fails("voc-20", san.label_set_palette, "none")
        self.assertEqual(len(san.prompt_templates("single")), 1)
        self.assertGreater(len(san.prompt_templates("imagenet")), 50)
        one = self.model.vocabulary(CLASSES, templates=["a drawing of a {}."])
        self.assertFalse(np.array_equal(self.model.segment(picture(), one).scores(),
                                        self.model.segment(picture(), CLASSES).scores()))
        self.assert_fails("{}", self.model.vocabulary, CLASSES, templates=["no place for a name"])

    def test_embeddings_are_kept_on_disk_when_asked(self):
        told = []
        count = len(self.model.info.templates)
        for _ in range(2):
            self.model.vocabulary("zebra", cache=self.folder / "cache", progress=lambda *now: told.append(now))
        self.assertEqual(told[-1], (count, count))
        self.assertEqual(told.count((count, count)), 1, "the second time nothing was embedded")
        self.assertTrue(list((self.folder / "cache").rglob("*")))
        told.clear()
        self.model.vocabulary("zebra", cache=False, progress=lambda *now: told.append(now))
        self.assertEqual(told[-1], (count, count))

    def test_saved_vocabularies(self):
        words = self.model.vocabulary(CLASSES)
        words.save(self.folder / "words")
        again = self.model.load_vocabulary(self.folder / "words")
        self.assertEqual(again.classes, words.classes)
        self.assert_same(self.model.segment(picture(), again).labels, self.model.segment(picture(), words).labels)
        self.assert_fails("gone", self.model.load_vocabulary, self.folder / "gone")
        self.assert_fails("nowhere", words.save, self.folder / "nowhere/words")


class Many(Tiny):
    def setUp(self):
        super().setUp()
        self.pictures = [picture(40, 56, 1), picture(30, 70, 2), picture(64, 64, 3)]
        self.expected = [self.model.segment(image, CLASSES).labels for image in self.pictures]

    def test_batches(self):
        told = []
        results = self.model.segment_batch(iter(self.pictures), CLASSES, label_scores=True,
                                           progress=lambda *now: told.append(now))
        self.assertEqual(told, [(1, 3), (2, 3), (3, 3)])
        for result, labels in zip(results, self.expected):
            self.assert_same(result.labels, labels)
            self.assertEqual(result.label_scores.shape, labels.shape)
        self.assertEqual(self.model.segment_batch([], CLASSES), [])
        self.assert_fails("uint8", self.model.segment_batch, [picture(), picture() * 1.0], CLASSES)
        stack = np.stack([self.pictures[0]] * 2)
        self.assert_same(self.model.segment_batch(stack, CLASSES)[1].labels, self.expected[0])
        self.assertEqual(len(self.model.segment_batch(stack[..., 0], CLASSES)), 2)
        for single in ("a.png", Path("a.png"), b"a", picture(), picture()[..., 0], 5):
            for call in (self.model.segment_batch, self.model.segment_frames):
                self.assert_fails("expected several pictures", call, single, CLASSES)

    def test_frames_are_taken_when_asked_for(self):
        taken = []

        def frames():
            for image in self.pictures:
                taken.append(image)
                yield image

        results = self.model.segment_frames(frames(), CLASSES)
        self.assertEqual(len(taken), 0)
        self.assert_same(next(results).labels, self.expected[0])
        self.assertEqual(len(taken), 1)
        for result, labels in zip(results, self.expected[1:]):
            self.assert_same(result.labels, labels)
        self.assert_fails("uint8", next, self.model.segment_frames([picture() * 1.0], CLASSES))

    def test_labels_go_into_memory_of_the_caller(self):
        segmenter = self.model.segmenter()
        segmenter.warm_up(40, 56)
        words = self.model.vocabulary(CLASSES)
        out = np.full((2, 40, 56), 9, np.uint16)
        self.assertIs(type(segmenter.labels(self.pictures[0], words)), np.ndarray)
        returned = segmenter.labels(self.pictures[0], words, out=out[0])
        self.assertTrue(np.shares_memory(returned, out))
        self.assert_same(out[0], self.expected[0])
        self.assertTrue((out[1] == 9).all())
        wide = np.empty((40, 56), np.uint32)
        self.assertIs(segmenter.labels(self.pictures[0], words, out=wide), wide)
        self.assert_same(wide, self.expected[0].astype(np.uint32))
        for bad in (np.empty((40, 56), np.int32), np.empty((40, 55), np.uint16), np.empty((40, 112), np.uint16)[:, ::2],
                    np.broadcast_to(np.zeros((), np.uint16), (40, 56)), [1]):
            self.assert_fails("out: expected", segmenter.labels, self.pictures[0], words, out=bad)

    def test_look_once_and_ask_often(self):
        seen = self.model.look(self.pictures[1])
        self.assertEqual(seen.shape, (30, 70))
        self.assert_same(self.model.segment(seen, CLASSES).labels, self.expected[1])
        both = [self.model.segment(source, "dog, floor").labels for source in (seen, self.pictures[1])]
        self.assert_same(*both)
        self.assert_fails("another model", san.load("formula:tiny", threads=1).segment, seen, CLASSES)

    def test_a_still_stream_stays_as_it_is(self):
        stream = san.Stream(decay=0.8)
        seen = self.model.look(self.pictures[1])
        for frame in range(3):
            steady = stream.next(seen)
            self.assertEqual(stream.began_scene, frame == 0)
            self.assertEqual(steady.shape, seen.shape)
            self.assert_same(self.model.segment(steady, CLASSES).labels, self.expected[1])
        stream.forget()
        stream.next(seen)
        self.assertTrue(stream.began_scene)
        stream.save(self.folder / "stream")
        other = san.Stream(decay=0.8)
        other.load(self.folder / "stream")
        other.next(seen)
        self.assertFalse(other.began_scene, "it goes on where the first stood")
        self.assert_fails("gone", stream.load, self.folder / "gone")
        self.assertGreater(seen.nbytes, self.model.look(self.pictures[1], short_side=64).nbytes)
        self.assert_fails("expected more than 0", san.Stream, decay=0)
        self.assert_fails("a share of", san.Stream, mask_decay=2)

    def test_a_bank_is_asked_beside_the_words(self):
        words = self.model.vocabulary(["left", "right", "neither"])
        builder = self.model.bank_builder(words)
        labels = np.full((40, 56), 65535)
        labels[:, :24], labels[:, 30:] = 0, 1
        builder.add(self.pictures[0], labels)
        builder.add(self.pictures[1], "right")
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "my.bank")
            builder.finish().save(path)
            bank = san.load_bank(path)
        self.assertEqual(bank.classes, {"left": 1, "right": 2, "neither": 0})
        self.assertIsNone(bank.gate, "two pictures tell of no others")
        self.assertEqual(pickle.loads(pickle.dumps(bank)).to_bytes(), bank.to_bytes())
        self.assert_fails("bank", san.load_bank, bank.to_bytes()[:20])
        plain = self.model.segment(self.pictures[0], words).labels
        self.assert_same(self.model.segment(self.pictures[0], self.model.with_bank(words, bank, 0)).labels, plain)
        asked = self.model.segment(self.pictures[0], self.model.with_bank(words, bank, 5)).labels
        self.assertFalse((asked == plain).all())
        self.assert_fails("none of the classes", self.model.with_bank, self.model.vocabulary(["x"]), bank)
        self.assert_fails("expected integers of shape", builder.add, self.pictures[0], labels[1:])
        self.assert_fails("a label 3 where there are 3 classes", builder.add, self.pictures[0], np.full((40, 56), 3))
        self.assert_fails("none of the classes", builder.add, self.pictures[0], "up")

    def test_a_bank_grows_by_regions_and_words(self):
        builder = self.model.bank_builder(["left"])
        labels = np.full((40, 56), -1)
        labels[:, :24] = 0
        features = self.model.look(self.pictures[0])
        self.assertGreater(builder.add_regions(features, labels), 0)
        self.assertEqual(builder.add_regions(features, np.full((40, 56), 65535)), 0)
        stop = san.Cancellation()
        stop.cancel()
        with self.assertRaises(san.Cancelled):
            builder.add_regions(features, labels, cancellation=stop)
        builder.use(self.model.vocabulary(["right", "left"]))
        self.assert_fails("left", builder.use, self.model.vocabulary(["right"]))
        more = self.model.bank_builder(["right", "left"], builder.finish())
        more.add_regions(self.model.look(self.pictures[1]), np.zeros((30, 70), np.int64))
        self.assertEqual(more.finish().classes, {"right": 1, "left": 1})
        self.assert_fails("expected integers of shape", builder.add_regions, features, labels[1:])

    def test_classes_have_other_names(self):
        plain, more = (self.model.vocabulary(["sofa", "cat"], synonyms=synonyms) for synonyms in (None, "voc-20"))
        self.assertEqual(plain.classes, more.classes)
        scores = [self.model.segment(self.pictures[0], words, label_scores=True).label_scores for words in (plain, more)]
        self.assertFalse((scores[0] == scores[1]).all())
        self.assert_fails("voc-20", self.model.vocabulary, ["sofa"], synonyms="none")

    def test_what_distractors_win_is_other(self):
        words = self.model.vocabulary(["left", "right", "neither"])
        alone = self.model.vocabulary(["left"], distractors=["right", "neither"])
        self.assertEqual(alone.classes, ("left",))
        plain = self.model.segment(self.pictures[0], words).labels
        self.assert_same(self.model.segment(self.pictures[0], alone).labels, np.minimum(plain, 1))
        self.assertEqual((words.distractors, alone.distractors), ((), ("right", "neither")))
        self.assert_same(self.model.segment(self.pictures[0], ["left"], distractors=["right", "neither"]).labels,
                         np.minimum(plain, 1))
        self.assert_fails("has its own", self.model.segment, self.pictures[0], alone, distractors="none")
        self.assertNotIn("cat", self.model.distractors(["animal"]))
        refined = self.model.segment(self.pictures[0], words, refine=True, min_score=0.0)
        self.assertLessEqual(refined.labels.max(), 2)

    def test_results_outlive_everything(self):
        model = san.load("formula:tiny", threads=1)
        result = model.segment(self.pictures[0], CLASSES)
        del model
        self.assert_same(result.scores().argmax(0), self.expected[0])


if __name__ == "__main__":
    unittest.main()
