# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Thousands of cards through one module in one process: the only place where the tests of certificates touch the
collection.

A process per card would take minutes; what runs here is the module ``mesh_card_info`` as Ansible runs it, its ``main``
again and again with options of its own.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime

from attacks.attack import Outcome

PROGRAM = r"""
import contextlib, io, json, sys
from ansible.module_utils import basic
from ansible_collections.ossm.federation.plugins.modules import mesh_card_info

basic._ANSIBLE_PROFILE = "legacy"
for line in sys.stdin:
    basic._ANSIBLE_ARGS = line.encode()
    told, ended = io.StringIO(), 0
    with contextlib.redirect_stdout(told):
        try:
            mesh_card_info.main()
        except SystemExit as end:
            ended = end.code
        except BaseException as error:
            ended = repr(error)
    print(json.dumps([ended, told.getvalue()]), flush=True)
"""


def pem_of(der: bytes) -> str:
    """Return a certificate as PEM, as a bundle has it."""
    digits = base64.b64encode(der).decode()
    lines = "\n".join(digits[at : at + 64] for at in range(0, len(digits), 64))
    return f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n"


def card_with(certificates: Iterable[bytes], issued: datetime, trust_domain: str = "west.local") -> dict:
    """Return the card of west for east that brings these certificates and nothing unusual besides."""
    return {
        "version": 1,
        "mesh": "west",
        "audience": "east",
        "issued": issued.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "trust_domain": trust_domain,
        "roots": [{"fingerprint": hashlib.sha256(der).hexdigest().upper(), "pem": pem_of(der)} for der in certificates],
        "ingress": {"addresses": ["192.0.2.7"], "discovery_port": 8188, "service_port": 15443},
        "client_id": f"{trust_domain}/ns/west-mesh-system/sa/east-egress-service-account",
        "exports": [],
    }


def read_all(collections: str, cards: Sequence[dict], seconds: float = 600) -> list[Outcome]:
    """Return how the module ended for each card; one that ended without a result has what happened for its text."""
    internals = {"_ansible_remote_tmp": "/tmp", "_ansible_keep_remote_files": False}
    lines = (json.dumps({"ANSIBLE_MODULE_ARGS": {"card": card, "audience": "east", **internals}}) for card in cards)
    kept = {key: text for key, text in os.environ.items() if not key.startswith(("ANSIBLE_", "K8S_AUTH_", "KUBE"))}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM],
        input="\n".join(lines),
        env={**kept, "PYTHONPATH": collections},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=seconds,
    )
    return [_outcome(*json.loads(line)) for line in done.stdout.splitlines()]


def _outcome(ended: object, told: str) -> Outcome:
    result = json.loads(told) if told else {}
    return Outcome(result, ended if isinstance(ended, int) else 1, told or str(ended))
