#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: wasm_image
short_description: Pack a Wasm module as an image that both kinds of extensions read
version_added: 0.2.0
author: [The ossm.federation authors (@ossm)]
description:
  - Packs a C(.wasm) file into an image of one layer with C(/manifest.yaml) and C(/plugin.wasm), written as an OCI layout in one archive.
    A ServiceMeshExtension of 2.1 and 2.2 reads it, and a WasmPlugin from 2.2 on.
  - Refuses what no proxy of a mesh from 2.1 to 2.6 loads, as M(ossm.federation.wasm_module_info) does.
  - Equal modules give equal archives. Pushes nothing; C(skopeo copy oci-archive:plugin.tar docker://registry.example/plugin:1) does, and keeps the
    digest. Reads no cluster.
seealso:
  - module: ossm.federation.wasm_module_info
  - module: ossm.federation.wasm_extension
attributes:
  check_mode: {support: full, description: Writes nothing.}
  diff_mode: {support: full, description: Shows the digests.}
  idempotent: {support: full, description: An archive that holds the same image is left alone.}
options:
  path:
    description: The module.
    type: path
    required: true
  dest:
    description: The archive to write.
    type: path
    required: true
  sha256:
    description: The SHA-256 digest that the module must have, in 64 hexadecimal digits.
    type: str
  name:
    description: What the manifest calls the module.
    type: str
    required: true
  version:
    description: The version that the manifest tells.
    type: str
    default: "1"
  description:
    description: What the manifest says of the module.
    type: str
  phase:
    description: The phase of a ServiceMeshExtension that says none itself.
    type: str
    choices: [PreAuthN, PostAuthN, PreAuthZ, PostAuthZ, PreStats, PostStats]
    default: PostStats
  priority:
    description: The priority of a ServiceMeshExtension that says none itself.
    type: int
    default: 0
  reference:
    description: The tag that the layout names the image by.
    type: str
"""

EXAMPLES = r"""
- name: Pack the module that the build has made
  ossm.federation.wasm_image:
    path: build/plugin.wasm
    dest: build/plugin.tar
    name: header
    version: 1.2.0
    reference: 1.2.0
  register: packed

- name: Pack it only if it is what was reviewed
  ossm.federation.wasm_image:
    path: build/plugin.wasm
    dest: build/plugin.tar
    name: header
    sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08

- name: Say in which phase a ServiceMeshExtension runs it, and with which priority
  ossm.federation.wasm_image:
    path: build/plugin.wasm
    dest: build/plugin.tar
    name: header
    description: Adds a header to each request
    phase: PreAuthZ
    priority: 10
"""

RETURN = r"""
digest:
  description: The digest of the image, by which an extension names it once it is in a registry.
  returned: success
  type: str
  sample: sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
size:
  description: The size of the archive in bytes.
  returned: success
  type: int
  sample: 92160
abi:
  description: The version of the Proxy-Wasm ABI that the module declares.
  returned: success
  type: str
  sample: 0.2.1
"""

import os  # noqa: E402
from datetime import datetime  # noqa: E402

from ..module_utils._cluster.client import Cluster  # noqa: E402
from ..module_utils._core.catalogue.findings import Finding  # noqa: E402
from ..module_utils._core.extensions.image import LARGEST_ARCHIVE, digest_in, pack_image  # noqa: E402
from ..module_utils._core.extensions.phases import OLD_ORDER  # noqa: E402
from ..module_utils._core.extensions.wasm import LARGEST, read_module  # noqa: E402
from ..module_utils._core.plain.data import some  # noqa: E402
from ..module_utils._files import Place, beginning, write  # noqa: E402
from ..module_utils._run import Module, Run, run_module  # noqa: E402

OPTIONS = {
    "path": {"type": "path", "required": True},
    "dest": {"type": "path", "required": True},
    "sha256": {"type": "str"},
    "name": {"type": "str", "required": True},
    "version": {"type": "str", "default": "1"},
    "description": {"type": "str"},
    "phase": {"type": "str", "choices": list(OLD_ORDER), "default": "PostStats"},
    "priority": {"type": "int", "default": 0},
    "reference": {"type": "str"},
}
FOR_ALL = 0o644


def run(run: Run, cluster: Cluster | None, now: datetime) -> dict:
    """Pack a module and return the module's result."""
    params = run.params
    source = Place(*os.path.split(params["path"]), "Wasm module", "FED836")
    content = beginning(source, LARGEST + 1)
    if content is None:
        raise source.refusal("does not exist", "Name the file that your build has made")
    where = f"Wasm module {source.path}"
    found = read_module(content, where, params["sha256"] or "")
    found.refuse_unloadable(where)
    if found.unknown_imports:
        run.warn(Finding("FED837", where, f"needs {some(found.unknown_imports, 5)}").text)
    about = {key: params[key] for key in ("name", "version", "description", "phase", "priority")}
    packed = pack_image(content, about, params["reference"] or "")
    dest = Place(*os.path.split(params["dest"]), "Image", "FED836")
    stands = beginning(dest, LARGEST_ARCHIVE + 1)
    if stands != packed.archive and not run.check_mode:
        write(dest, packed.archive, FOR_ALL)
        run.journal.done.append(f"write {dest.path}")
    before = "" if stands is None else f"{digest_in(stands) or '(no image that can be read)'}\n"
    changed = stands != packed.archive
    diff = {"before_header": dest.path, "after_header": dest.path, "before": before, "after": f"{packed.digest}\n"}
    return {
        "changed": changed,
        "diff": [diff] if changed else [],
        "digest": packed.digest,
        "size": len(packed.archive),
        "abi": found.abi,
    }


def main() -> None:
    module = Module(OPTIONS, supports_check_mode=True)
    run_module(module, run, needs_cluster=False)


if __name__ == "__main__":
    main()
