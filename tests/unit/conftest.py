# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lets unit tests import ``ansible_collections.ossm.federation`` from a checkout that lies anywhere, and the package
``testbed``.

The checkout is linked into a collections folder, as Ansible wants it. Under ``ansible-test units`` and ``make test``
there is one already and it is used.
"""

from __future__ import annotations

import atexit
import importlib.util
import os
import pathlib
import shutil
import sys
import tempfile

import pytest
from hypothesis import settings

TREE = pathlib.Path(__file__).absolute().parents[2]


def _is_importable(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _linked_collections() -> str:
    """Return a collections folder that holds this checkout as ossm.federation: the environment's, else one made for
    this session.
    """
    for folder in os.environ.get("ANSIBLE_COLLECTIONS_PATH", "").split(":"):
        linked = pathlib.Path(folder, "ansible_collections/ossm/federation")
        if folder and linked.exists() and linked.resolve() == TREE.resolve():
            return folder
    made = tempfile.mkdtemp(prefix="ossm-federation-collections-")
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    link = pathlib.Path(made, "ansible_collections/ossm/federation")
    link.parent.mkdir(parents=True)
    link.symlink_to(TREE)
    return made


if not _is_importable("ansible_collections.ossm.federation"):
    sys.path.insert(0, _linked_collections())

if str(TREE / "tests") not in sys.path:
    sys.path.insert(0, str(TREE / "tests"))

# After the path is set; a hook is found by its name here.
from unit.draws import IS_SOAK
from unit.outside_programs import prometheus_or_skip
from unit.rows import pytest_pycollect_makeitem  # noqa: F401 - a hook

# A busy machine must not fail a property, and CI tries the same examples each time; elsewhere each run tries others.
COMMON = settings(deadline=None, database=None, print_blob=True, derandomize=bool(os.environ.get("CI")))
settings.register_profile("all", COMMON, max_examples=1000 if IS_SOAK else 50)
settings.register_profile("drawn", COMMON, max_examples=10)
settings.load_profile("all")


def pytest_configure(config: pytest.Config) -> None:
    """Try few examples where few cases of each test are drawn."""
    if config.getoption("cases", None) and not config.getoption("cases_in"):
        settings.load_profile("drawn")


@pytest.fixture(scope="session")
def promtool() -> pathlib.Path:
    """Return Prometheus' tool for rules, queries and metrics."""
    return prometheus_or_skip().promtool
