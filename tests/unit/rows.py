# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Makes one test of a function whose arguments all come from tables: it fails with every row that fails, by its id.

There are thousands of rows, and most take less than pytest takes for a test. Who names a row (``FILE::TEST[ROW]``) or
asks with ``-k`` has each row as a test of its own, as ever.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import reprlib
from collections.abc import Callable, Collection, Iterable
from typing import Any

import pytest

SHOWN = 20
ParameterSet = type(pytest.param())


def pytest_pycollect_makeitem(collector: pytest.Collector, name: str, obj: Any) -> pytest.Function | None:
    apart = collector.config.option.keyword or any("[" in word for word in collector.config.args)
    if apart or not isinstance(collector, pytest.Module) or not collector.istestfunction(obj, name):
        return None
    tables = [mark for mark in getattr(obj, "pytestmark", ()) if mark.name == "parametrize"]
    if not tables or hasattr(obj, "hypothesis") or not all(map(_is_plain, tables)):
        return None
    if {word for mark in tables for word in _names(mark)} != set(inspect.signature(obj).parameters):
        return None
    rows = [*itertools.product(*map(_rows, tables))]
    draw = collector.config.pluginmanager.get_plugin("pytest_draw")
    return pytest.Function.from_parent(
        collector, name=name, callobj=_of_all(obj, draw.of_a_table(collector, rows) if draw else rows)
    )


def _names(mark: pytest.Mark) -> list[str]:
    words = mark.args[0]
    return [word.strip() for word in words.split(",")] if isinstance(words, str) else [*words]


def _is_plain(mark: pytest.Mark) -> bool:
    """Whether a table has rows, and nothing but values in them: what a row is marked with pytest sees to."""
    values = mark.args[1] if len(mark.args) == 2 and set(mark.kwargs) <= {"ids"} else ()
    return (
        isinstance(values, Collection)
        and len(values) > 0
        and not any(isinstance(value, ParameterSet) and value.marks for value in values)
    )


def _rows(mark: pytest.Mark) -> list[tuple[Any, dict[str, Any]]]:
    """Return each row of a table with what gives it an id: a text, a function of its values, or nothing."""
    names, ids, rows = _names(mark), mark.kwargs.get("ids"), []
    for value, said in zip(
        mark.args[1], [ids] * len(mark.args[1]) if ids is None or callable(ids) else ids, strict=True
    ):
        if isinstance(value, ParameterSet):
            rows.append((value.id or said, dict(zip(names, value.values))))
        else:
            rows.append((said, dict(zip(names, [value] if len(names) == 1 else value))))
    return rows


def _id(row: Iterable[tuple[Any, dict[str, Any]]]) -> str:
    words = []
    for said, values in row:
        words += [str(said)] if said is not None and not callable(said) else map(said or reprlib.repr, values.values())
    return "-".join(map(str, words))


def _of_all(test: Callable[..., None], rows: list) -> Callable[[], None]:
    def all_rows() -> None:
        __tracebackhide__ = True
        failed, skipped, last = [], [], None
        for row in rows:
            try:
                test(**{name: value for _said, values in row for name, value in values.items()})
            except pytest.skip.Exception as reason:
                skipped.append(f"[{_id(row)}] {reason}")
            except (Exception, pytest.fail.Exception) as error:
                failed.append(f"[{_id(row)}] {type(error).__name__}: {error}")
                last = error
        if failed:
            raise AssertionError(
                "\n".join([f"{len(failed)} of {len(rows)} rows fail, the last as above:", *failed[:SHOWN]])
            ) from last
        if skipped:
            pytest.skip(f"{len(skipped)} of {len(rows)} rows, of which the first: {skipped[0]}")

    functools.update_wrapper(all_rows, test)
    all_rows.__signature__ = inspect.Signature()  # type: ignore[attr-defined]
    all_rows.pytestmark = [mark for mark in test.pytestmark if mark.name != "parametrize"]  # type: ignore[attr-defined]
    return all_rows
