"""A Python process that answers calls one at a time, and can be killed alone."""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, BinaryIO, cast

#: Seconds between two looks at a child that says nothing.
_LOOK = 0.5
#: Seconds that a child may take until it can be called: an interpreter and the modules of this file.
_START = 120.0


class ChildDied(Exception):
    """The process ended by itself in the middle of a call; `code` is its exit code, −n for the signal n."""

    def __init__(self, code: int):
        super().__init__(code)
        self.code = code

    def __str__(self) -> str:
        try:
            return f"signal {signal.Signals(-self.code).name}" if self.code < 0 else f"exit code {self.code}"
        except ValueError:
            return f"exit code {self.code}"


class ChildNotStarted(RuntimeError):
    """The process ended, or was silent, before it could be called."""


class Abandoned(Exception):
    """Nobody waits for the answer any more: the process was killed."""


def group_of_its_own(platform: str = sys.platform) -> dict[str, Any]:
    """What `subprocess.Popen` is told so that Ctrl-C in a terminal does not reach the process.

    A session, on POSIX; a process group on Windows, where a session is passed over in silence. Ctrl-Break reaches
    groups too: who serves does not listen.
    """
    if platform == "win32":
        return {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0x200)}  # Windows' own number
    return {"start_new_session": True}


class _Serving:
    """Whether this process is itself such a child."""

    now = False


class Child:
    """A fresh interpreter with this one's `sys.path`, on which functions are called by their importable names.

    `prepare(*arguments)` is called in it first. It ends when this process ends, however that ends: its standard input
    is a pipe that nobody else holds, watched by a thread; a call that holds the interpreter's lock, in a library of C,
    is ended only once it lets go. What it prints goes to the standard error. It is in a process group of its own, so
    that an interrupt from a terminal does not reach it and `kill` reaches what it started; a child of a child stays in
    that group. On Windows `kill` ends the process alone, and what it started ends with the pipe.
    Calls are not made from two threads at once. Raises ChildNotStarted.
    """

    def __init__(self, prepare: Callable[..., Any], *arguments: Any):
        program = f"import sys; sys.path[:] = {sys.path!r}; from reports.child import serve; serve()"
        self._process = subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            **({} if _Serving.now else group_of_its_own()),
        )
        self._leads = hasattr(os, "killpg") and not _Serving.now
        self._answers: queue.SimpleQueue[tuple[bool, Any] | None] = queue.SimpleQueue()
        threading.Thread(target=self._listen, name="child's answers", daemon=True).start()
        try:
            self.call(prepare, *arguments, limit=_START)
        except (ChildDied, TimeoutError) as error:
            self.kill()
            raise ChildNotStarted(f"a worker process ended before it began ({error})") from error
        except BaseException:  # nobody else knows of it yet
            self.kill()
            raise

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def call(
        self, function: Callable[..., Any], *arguments: Any, limit: float, wanted: Callable[[], bool] | None = None
    ) -> Any:
        """`function(*arguments)` in the process.

        After `limit` seconds the process is killed and TimeoutError raised; when `wanted()` has become false, it is
        killed and Abandoned raised. Raises ChildDied, and what the function raised.
        """
        deadline = time.monotonic() + limit
        try:
            _send(self._input, pickle.dumps((function, arguments)))
        except OSError:
            raise self._died() from None
        while (left := deadline - time.monotonic()) > 0:
            try:
                answer = self._answers.get(timeout=min(left, _LOOK))
            except queue.Empty:
                if wanted is not None and not wanted():
                    self.kill()
                    raise Abandoned from None
                if self.alive or not self._answers.empty():
                    continue
                answer = None  # a grandchild may hold the pipe open
            if answer is None:
                raise self._died()
            done, value = answer
            if done:
                return value
            raise value
        self.kill()
        raise TimeoutError(f"no answer in {limit:g} s")

    def kill(self) -> None:
        """Ends the process, and what it started if it leads its group, at once."""
        if self.alive:
            if self._leads:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()
        self._process.wait()
        with contextlib.suppress(OSError):  # what was not sent is of no use any more
            self._input.close()

    @property
    def _input(self) -> BinaryIO:
        assert self._process.stdin is not None
        return cast(BinaryIO, self._process.stdin)

    def _died(self) -> ChildDied:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=_LOOK)  # its pipes close a moment before it is gone
        self.kill()
        return ChildDied(self._process.returncode)

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with cast(BinaryIO, self._process.stdout) as output:
            try:
                while True:
                    self._answers.put(_read(_receive(output)))
            except EOFError:
                pass
            except Exception as error:  # no memory for it, say; where the next message begins is not known
                self._answers.put((False, error))
            self._answers.put(None)


def serve() -> None:
    """What the process does: answers the calls that come through its standard input until that ends."""
    _Serving.now = True
    if hasattr(signal, "SIGBREAK"):  # the owner's to heed, who then ends this process
        signal.signal(signal.SIGBREAK, signal.SIG_IGN)
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    calls: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_take, args=(requests, calls), name="owner's calls", daemon=True).start()
    while True:
        try:
            function, arguments = pickle.loads(calls.get())
            answer = pickle.dumps((True, function(*arguments)))
        except Exception as error:
            answer = _failed(error)
        _send(answers, answer)


def _take(requests: BinaryIO, calls: queue.SimpleQueue[bytes]) -> None:
    try:
        while True:
            calls.put(_receive(requests))
    except EOFError:
        os._exit(1)  # the owner is gone, whatever is being computed


def _failed(error: Exception) -> bytes:
    """The answer that `error` was raised, by its words alone where it cannot travel."""
    try:
        answer = pickle.dumps((False, error))
        pickle.loads(answer)
        return answer
    except Exception:
        return pickle.dumps((False, RuntimeError(f"{type(error).__name__}: {error}")))


def _read(message: bytes) -> tuple[bool, Any]:
    """The answer; where it cannot be made of the message, that error, raised in place of it."""
    try:
        return cast(tuple[bool, Any], pickle.loads(message))
    except Exception as error:
        return False, error


def _send(pipe: BinaryIO, message: bytes) -> None:
    pipe.write(len(message).to_bytes(8, "little") + message)
    pipe.flush()


def _receive(pipe: BinaryIO) -> bytes:
    """The next message; raises EOFError where there is no whole one."""
    head = pipe.read(8)
    length = int.from_bytes(head, "little")
    message = pipe.read(length) if len(head) == 8 else b""
    if len(head) < 8 or len(message) < length:
        raise EOFError
    return message
