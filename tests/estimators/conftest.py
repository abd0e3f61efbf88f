"""Training in tests runs on one thread: bitwise laws need a fixed number, and small networks lose by a second one."""

import sys

import pytest


@pytest.fixture(autouse=True)
def one_thread_of_torch():
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
