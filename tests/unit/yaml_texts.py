# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads YAML that several tests look at, such as a module's documentation, once and fast."""

from __future__ import annotations

import functools
from typing import Any

import yaml


@functools.cache
def loaded(text: str) -> Any:
    """Return what a text in YAML holds; who changes it changes it for all."""
    return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
