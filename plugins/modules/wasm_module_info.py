#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: wasm_module_info
short_description: Look into a Wasm module before proxies run it
version_added: 0.3.0
author: [The ossm.federation authors (@ossm)]
description:
  - Reads a C(.wasm) file and tells its digest, the version of the Proxy-Wasm ABI that it declares, and what it needs of a proxy.
  - Refuses what no proxy of a mesh from 2.1 to 2.6 loads, with the reason. The file is read in bounded time and memory, and never run.
  - A link in the place of the file is not followed. Reads no cluster and no registry.
attributes:
  check_mode: {support: full, description: Reads only.}
  diff_mode: {support: none, description: Reads only.}
options:
  path:
    description: The file.
    type: path
    required: true
  sha256:
    description: The SHA-256 digest that the file must have, in 64 hexadecimal digits.
    type: str
"""

EXAMPLES = r"""
- name: Look into a module
  ossm.federation.wasm_module_info:
    path: build/plugin.wasm
    sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
"""

RETURN = r"""
size:
  description: The size of the module in bytes.
  returned: success
  type: int
  sample: 184320
sha256:
  description: Its SHA-256 digest, for the field C(sha256) of an extension whose image is an address.
  returned: success
  type: str
  sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
abi:
  description: The version of the Proxy-Wasm ABI that it declares.
  returned: success
  type: str
  sample: 0.2.1
is_taken:
  description: Whether the proxies of each mesh from 2.1 to 2.6 take it; null where it needs something that not each of them is known to give.
  returned: success
  type: bool
  sample: true
imports:
  description: What it needs.
  returned: success
  type: list
  elements: str
  sample: [env.proxy_log, wasi_snapshot_preview1.fd_write]
unknown_imports:
  description: What of that is not known to be given by each proxy from 2.1 to 2.6.
  returned: success
  type: list
  elements: str
  sample: []
exports:
  description: What it gives.
  returned: success
  type: list
  elements: str
  sample: [memory, proxy_abi_version_0_2_1, proxy_on_memory_allocate, proxy_on_request_headers]
missing_exports:
  description: What every proxy needs of it and it does not give.
  returned: success
  type: list
  elements: str
  sample: []
custom_sections:
  description: The names of its custom sections.
  returned: success
  type: list
  elements: str
  sample: [name, producers]
"""

import os  # noqa: E402
from datetime import datetime  # noqa: E402

from ..module_utils._cluster.client import Cluster  # noqa: E402
from ..module_utils._core.catalogue.findings import Finding  # noqa: E402
from ..module_utils._core.extensions.wasm import LARGEST, read_module  # noqa: E402
from ..module_utils._core.plain.data import some  # noqa: E402
from ..module_utils._core.plain.errors import FederationError  # noqa: E402
from ..module_utils._files import Place, beginning  # noqa: E402
from ..module_utils._run import Module, Run, run_module  # noqa: E402

OPTIONS = {
    "path": {"type": "path", "required": True},
    "sha256": {"type": "str"},
}


def run(run: Run, cluster: Cluster | None, now: datetime) -> dict:
    """Return what a module says of itself."""
    folder, name = os.path.split(run.params["path"])
    place = Place(folder, name, "Wasm module", "FED836")
    content = beginning(place, LARGEST + 1)
    if content is None:
        raise place.refusal("does not exist", "Name the file that your build has made")
    where = f"Wasm module {place.path}"
    found = read_module(content, where, run.params["sha256"] or "")
    if found.missing_exports:
        raise FederationError(
            "FED838",
            where=where,
            what=f"does not export {some(found.missing_exports)}",
            fix="Build it with a Proxy-Wasm SDK as a library (reactor), and strip nothing that is exported",
        )
    if found.unknown_imports:
        run.warn(Finding("FED837", where, f"needs {some(found.unknown_imports, 5)}").text)
    return {"changed": False, **found.as_data(), "is_taken": None if found.unknown_imports else True}


def main() -> None:
    module = Module(OPTIONS, supports_check_mode=True)
    run_module(module, run, needs_cluster=False, writes=False)


if __name__ == "__main__":
    main()
