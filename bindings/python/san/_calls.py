"""Calls that compute: ended by another thread, by Ctrl-C, or by a progress callback that fails."""

from __future__ import annotations

import atexit
import os
import queue
import threading
from typing import Any, Callable, Generic, Optional, TypeVar

from . import _c
from ._errors import Cancelled

T = TypeVar("T")


class Cancellation:
    """Ends calls from another thread or a signal handler.

    Give it to any number of calls as ``cancellation=``; after :meth:`cancel` those that run, and those made later,
    raise :class:`san.Cancelled` within one operation of the network (milliseconds), until :meth:`reset`.
    """

    def __init__(self) -> None:
        # A signal handler may call cancel() while this thread holds the lock.
        self._lock = threading.RLock()
        self._cancelled = False
        self._running: list[_c.Handle] = []

    @property
    def cancelled(self) -> bool:
        return self._cancelled

    def cancel(self) -> None:
        self._cancelled = True
        with self._lock:
            for stop in list(self._running):
                _c.lib.san_cancellation_cancel(stop)

    def reset(self) -> None:
        self._cancelled = False

    def _enter(self, stop: _c.Handle) -> None:
        with self._lock:
            self._running.append(stop)
            if self._cancelled:
                _c.lib.san_cancellation_cancel(stop)

    def _leave(self, stop: _c.Handle) -> None:
        with self._lock:
            if stop in self._running:
                self._running.remove(stop)

    def __repr__(self) -> str:
        return f"<san.Cancellation, {'cancelled' if self._cancelled else 'not cancelled'}>"


class Progress:
    """A Python callback for the library. What it raises ends the call and is raised from it."""

    def __init__(self, callback: Optional[Callable[[int, int], object]], stop: _c.Handle) -> None:
        self._callback = callback
        self._stop = stop
        self._failure: Optional[BaseException] = None
        self.function = _c.PROGRESS(self._tell) if callback is not None else _c.NO_PROGRESS

    def _tell(self, done: int, total: int, _: Any) -> None:
        if self._failure is not None or self._callback is None:
            return
        try:
            self._callback(done, total)
        except BaseException as error:  # noqa: B902: nothing may be raised into C
            self._failure = error
            _c.lib.san_cancellation_cancel(self._stop)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: object, error: Optional[BaseException], trace: object) -> None:
        if self._failure is not None and (error is None or isinstance(error, Cancelled)):
            raise self._failure


_LOOK_FOR_SIGNALS_S = 0.05


class _Job(Generic[T]):
    def __init__(self, body: Callable[[], T]) -> None:
        self.body = body
        self.done = threading.Lock()
        self.done.acquire()
        self.value: Optional[T] = None
        self.error: Optional[BaseException] = None

    def run(self) -> None:
        try:
            self.value = self.body()
        except BaseException as error:  # noqa: B902: belongs to the thread that waits
            self.error = error
        self.done.release()


class _Worker:
    """Computes for the main thread, which alone learns of signals, and not before a call into C has returned."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[_Job[Any]] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="san", daemon=True).start()

    def _work(self) -> None:
        while True:
            self._jobs.get().run()

    def run(self, body: Callable[[], T], stop: _c.Handle) -> T:
        job = _Job(body)
        try:
            self._jobs.put(job)
            # A signal that comes before the wait, or to another thread, does not end it.
            while not job.done.acquire(timeout=_LOOK_FOR_SIGNALS_S):
                pass
        except BaseException:  # what a signal handler raises, KeyboardInterrupt above all
            _c.lib.san_cancellation_cancel(stop)
            self._wait_until_idle()
            raise
        if job.error is None:
            return job.value  # type: ignore[return-value]
        try:
            raise job.error
        finally:
            job.error = None  # or error and stack would keep each other alive

    def _wait_until_idle(self) -> None:
        while True:
            try:
                last = _Job(lambda: None)
                self._jobs.put(last)
                last.done.acquire()
                return
            except BaseException:  # noqa: B902: the first one is on its way already
                continue


class _Running:
    """The calls that are under way: none may be when the interpreter ends, since a thread that comes back from C then is
    unwound by force, which C++ does not survive."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._stops: list[_c.Handle] = []
        self._ending = False

    def enter(self, stop: _c.Handle) -> None:
        with self._changed:
            if not self._ending:
                self._stops.append(stop)
                return
        self._stay_in_daemons()
        raise Cancelled("the program is ending")

    def leave(self, stop: _c.Handle) -> None:
        with self._changed:
            self._stops.remove(stop)
            self._changed.notify_all()
            ending = self._ending
        if ending:
            self._stay_in_daemons()

    @staticmethod
    def _stay_in_daemons() -> None:
        """Of other threads only daemons are left when a program ends. They would go on to tell of their cancellation
        through a stream that is being closed, which older Pythons do not survive."""
        if threading.current_thread() is not threading.main_thread():
            threading.Event().wait()

    def end(self) -> None:
        with self._changed:
            self._ending = True
            for stop in self._stops:
                _c.lib.san_cancellation_cancel(stop)
            # Not for ever: an interrupt at the very end of a call may have kept it from leaving.
            self._changed.wait_for(lambda: not self._stops, timeout=30)


_running = _Running()
_worker: Optional[_Worker] = None
_main_waits = False
atexit.register(lambda: _running.end())


def _begin_anew() -> None:
    """A forked process has none of the other threads."""
    global _running, _worker, _main_waits
    _running, _worker, _main_waits = _Running(), None, False


os.register_at_fork(after_in_child=_begin_anew)


def run(body: Callable[[_c.Handle], T], cancellation: Optional[Cancellation] = None) -> T:
    """Returns body(stop), where `stop` is what the C function takes as its cancellation."""
    global _worker, _main_waits
    stop = _c.made(_c.lib.san_cancellation_create(), _c.lib.san_cancellation_free)
    _running.enter(stop)
    try:
        if cancellation is not None:
            cancellation._enter(stop)
        # A signal handler that computes while the main thread waits does it itself.
        if threading.current_thread() is not threading.main_thread() or _main_waits:
            return body(stop)
        if _worker is None:
            _worker = _Worker()
        try:
            _main_waits = True
            return _worker.run(lambda: body(stop), stop)
        finally:
            _main_waits = False
    finally:
        if cancellation is not None:
            cancellation._leave(stop)
        _running.leave(stop)
