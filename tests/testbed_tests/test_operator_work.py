"""The loop that the operator's parts share."""

from __future__ import annotations

import threading

from testbed.kube import KubeError
from testbed.work import WorkLoop


def worked(reconcile, keys, until):
    """Run a loop over ``keys`` until ``until`` is set; return what it logged."""
    logged = []
    loop = WorkLoop("loop", reconcile, logged.append)
    for key in keys:
        loop.add(key)
    loop.start()
    assert until.wait(5)
    loop.stop()
    return logged


def test_a_key_that_is_added_twice_while_it_waits_is_seen_once():
    seen, done = [], threading.Event()

    def reconcile(key):
        seen.append(key)
        if key == "last":
            done.set()

    worked(reconcile, ["a", "a", "b", "a", "last"], done)
    assert seen == ["a", "b", "last"]


def test_a_refusal_by_the_api_server_is_logged_and_tried_again():
    tries, done = [], threading.Event()

    def reconcile(key):
        tries.append(key)
        if len(tries) < 3:
            raise KubeError(409, "Conflict", "the object has been modified")
        done.set()

    logged = worked(reconcile, ["a"], done)
    assert tries == ["a", "a", "a"]
    assert len(logged) == 2 and "the object has been modified" in logged[0]


def test_a_key_comes_again_after_the_time_that_it_asks_for_or_sooner_when_it_changes():
    seen, done = [], threading.Event()

    def reconcile(key):
        seen.append(key)
        if len(seen) == 1:
            loop.add("a")
            return 60.0
        done.set()
        return None

    loop = WorkLoop("loop", reconcile, print)
    loop.add("a")
    loop.start()
    assert done.wait(5)
    loop.stop()
    assert seen == ["a", "a"]
