"""Several threads, ended calls, interrupts, forks, pickled models."""

import concurrent.futures
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import unittest

import numpy as np
import san
from support import CLASSES, Tiny, picture


def labels_of(arguments):
    """Runs in another process."""
    model, image = arguments
    return model.segment(image, CLASSES).labels.copy()


class Threads(Tiny):
    def setUp(self):
        super().setUp()
        self.pictures = [picture(40 + 8 * k, 56, k + 1) for k in range(4)]
        self.expected = [self.model.segment(image, CLASSES).labels for image in self.pictures]

    def check_in_threads(self, segment, threads=4, rounds=6):
        failures = []
        start = threading.Barrier(threads)

        def work(first):
            try:
                start.wait()
                for k in range(rounds):
                    index = (first + k) % len(self.pictures)
                    np.testing.assert_array_equal(segment(self.pictures[index]), self.expected[index])
            except BaseException as error:
                failures.append(error)

        pool = [threading.Thread(target=work, args=(k,)) for k in range(threads)]
        for thread in pool:
            thread.start()
        for thread in pool:
            thread.join()
        self.assertEqual(failures, [])

    def test_one_model_in_several_threads(self):
        self.check_in_threads(lambda image: self.model.segment(image, CLASSES).labels)

    def test_a_segmenter_for_each_thread(self):
        local = threading.local()
        words = self.model.vocabulary(CLASSES)

        def segment(image):
            if not hasattr(local, "segmenter"):
                local.segmenter = self.model.segmenter()
            return local.segmenter.labels(image, words)

        self.check_in_threads(segment)

    def test_threads_on_one_segmenter_take_turns(self):
        segmenter = self.model.segmenter()
        self.check_in_threads(lambda image: segmenter.segment(image, CLASSES).labels)

    def test_one_result_in_several_threads(self):
        result = self.model.segment(self.pictures[0], CLASSES)
        expected = result.scores(), result.json(), [p.rle for p in result.proposals()]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for scores, text, rles in pool.map(
                    lambda _: (result.scores(), result.json(), [p.rle for p in result.proposals()]), range(8)):
                self.assert_same(scores, expected[0])
                self.assertEqual((text, rles), expected[1:])

    def test_other_threads_run_while_one_computes(self):
        segmenter, words, big = self.model.segmenter(), self.model.vocabulary(CLASSES), picture(400, 600)
        out = np.empty(big.shape[:2], np.uint16)
        go, ran = threading.Event(), []

        def other():
            go.wait()
            ran.append(True)

        def compute():
            go.set()
            for _ in range(50):
                segmenter.labels(big, words, out=out)
                if ran:
                    break
            seen.append(bool(ran))

        seen = []
        threads = [threading.Thread(target=work) for work in (other, compute)]
        # Nobody is made to let go of the GIL now, so that only a call which does lets the other thread run.
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1000)
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            sys.setswitchinterval(interval)
        self.assertEqual(seen, [True])

    def test_errors_belong_to_the_thread_that_called(self):
        def fail(name):
            with self.assertRaises(san.Error) as caught:
                san.load(name)
            return str(caught.exception)

        names = [f"gone{k}.safetensors" for k in range(16)]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for name, text in zip(names, pool.map(fail, names)):
                self.assertIn(name, text)


class Ended(Tiny):
    def test_a_cancelled_call_raises_and_all_stays_usable(self):
        stop = san.Cancellation()
        expected = self.model.segment(picture(), CLASSES, cancellation=stop).labels
        stop.cancel()
        self.assertTrue(stop.cancelled)
        for call in (lambda: self.model.segment(picture(), CLASSES, cancellation=stop),
                     lambda: self.model.segment_batch([picture()] * 2, CLASSES, cancellation=stop),
                     lambda: self.model.look(picture(), cancellation=stop),
                     lambda: self.model.vocabulary(["gnu"], cache=False, cancellation=stop)):
            self.assertRaises(san.Cancelled, call)
        self.assertTrue(issubclass(san.Cancelled, san.Error))
        self.assert_same(self.model.segment(picture(), CLASSES).labels, expected)
        stop.reset()
        self.assert_same(self.model.segment(picture(), CLASSES, cancellation=stop).labels, expected)

    def test_another_thread_ends_a_call(self):
        stop = san.Cancellation()
        batch = [picture()] * 10000
        for called_from_main in (True, False):
            stop.reset()
            started = threading.Event()

            def compute():
                with self.assertRaises(san.Cancelled):
                    self.model.segment_batch(batch, CLASSES, cancellation=stop, progress=lambda *_: started.set())

            def end():
                started.wait()
                stop.cancel()

            first, second = (compute, end) if called_from_main else (end, compute)
            other = threading.Thread(target=second)
            other.start()
            first()
            other.join()

    def test_what_a_progress_callback_raises_ends_the_call(self):
        def fail(done, total):
            if done == 2:
                raise LookupError("enough")

        with self.assertRaisesRegex(LookupError, "enough"):
            self.model.segment_batch([picture()] * 1000, CLASSES, progress=fail)
        with self.assertRaisesRegex(LookupError, "enough"):
            self.model.segment_batch([picture()] * 2, CLASSES, progress=fail)  # too late to end anything
        self.assertEqual(self.model.segment(picture(), CLASSES).shape, (40, 56))

    def test_an_interrupt_ends_the_call_at_once_and_all_stays_usable(self):
        # What a shell starts in the background ignores interrupts.
        self.addCleanup(signal.signal, signal.SIGINT, signal.signal(signal.SIGINT, signal.default_int_handler))
        to_the_process = lambda: os.kill(os.getpid(), signal.SIGINT)
        # The main thread's wait goes on, as where a signal comes just before it.
        to_this_thread = lambda: signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        for send in (to_the_process, to_this_thread):
            done = []

            def interrupt(finished, total):
                done.append(finished)
                if finished == 2:
                    send()

            stop = san.Cancellation()
            with self.assertRaises(KeyboardInterrupt):
                self.model.segment_batch([picture()] * 100000, CLASSES, cancellation=stop, progress=interrupt)
            self.assertLess(done[-1], 100000)
            self.assertFalse(stop.cancelled)
            self.assertEqual(self.model.segment(picture(), CLASSES, cancellation=stop).shape, (40, 56))

    def test_a_signal_handler_may_compute_while_a_call_runs(self):
        inside = []
        before = signal.signal(signal.SIGUSR1, lambda *_: inside.append(self.model.segment(picture(), CLASSES).labels))
        try:
            results = self.model.segment_batch(
                [picture()] * 30, CLASSES,
                progress=lambda done, _: os.kill(os.getpid(), signal.SIGUSR1) if done == 2 else None)
        finally:
            signal.signal(signal.SIGUSR1, before)
        self.assertEqual(len(results), 30)
        self.assert_same(inside[0], results[-1].labels)

    def test_a_program_ends_while_another_thread_computes(self):
        script = textwrap.dedent("""
            import threading, time, numpy, san
            model = san.load("formula:tiny", threads=2)
            model.segment(numpy.zeros((20, 20, 3), numpy.uint8), "cat, wall")
            frames = [numpy.zeros((40, 56, 3), numpy.uint8)] * 100000
            started = threading.Event()
            threading.Thread(target=lambda: model.segment_batch(frames, "cat, wall", progress=lambda *_: started.set()),
                             daemon=True).start()
            started.wait()
            print("end")
        """)
        done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=600, check=False)
        self.assertEqual((done.returncode, done.stdout), (0, "end\n"), done.stderr)


class Processes(Tiny):
    def test_started_processes_load_the_model_again(self):
        expected = self.model.segment(picture(), CLASSES).labels
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            self.assert_same(pool.map(labels_of, [(self.model, picture())])[0], expected)

    def test_a_fork_says_that_it_must_load_the_model_and_can(self):
        result = self.model.segment(picture(), CLASSES)
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            text = str(result.labels.shape)
            for call in (lambda: self.model.segment(picture(), CLASSES), result.scores, result.proposals):
                try:
                    call()
                except san.Error as error:
                    text += str(error)
            try:
                text += str(san.load("formula:tiny", threads=2).segment(picture(), CLASSES).shape)
                os.write(write, text.encode())
            finally:
                os._exit(0)
        os.close(write)
        with os.fdopen(read) as pipe:
            text = pipe.read()
        os.waitpid(child, 0)
        self.assertEqual(text.count("cannot compute in its fork"), 3, text)
        self.assertEqual(text.count("(40, 56)"), 2, text)


if __name__ == "__main__":
    unittest.main()
