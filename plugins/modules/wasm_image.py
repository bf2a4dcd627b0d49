#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: wasm_image
short_description: Pack a Wasm module as an image that both kinds of extensions read
version_added: 0.2.0
author: [The ossm.federation authors (@ossm)]
description:
  - Packs a C(.wasm) file into an image of one layer with C(/manifest.yaml) and C(/plugin.wasm), pushed to a registry or
    written as an OCI layout in one archive. A ServiceMeshExtension of 2.1 and 2.2 reads it, and a WasmPlugin from 2.2
    on.
  - Refuses modules that no proxy of a mesh from 2.1 to 2.6 loads, as M(ossm.federation.wasm_module_info) does.
  - Equal modules give equal archives and digests, whichever way they are pushed; so does C(skopeo copy
    oci-archive:plugin.tar docker://registry.example/plugin:1). Reads no cluster.
seealso:
  - module: ossm.federation.wasm_module_info
  - module: ossm.federation.wasm_extension
extends_documentation_fragment: [ossm.federation.registry]
attributes:
  check_mode: {support: full, description: Asks the registry for the tag and writes nothing.}
  diff_mode: {support: full, description: Shows the digests.}
  idempotent: {support: full, description: An archive that has the same image and a tag that names it are left alone.}
options:
  path:
    description: The module.
    type: path
    required: true
  dest:
    description: The archive to write. At least one of O(dest) and O(push) is given.
    type: path
  push:
    description: The place in a registry to push the image to, with a tag, such as
      C(registry.example/team/header:1.2.0). It may begin with C(oci://).
    type: str
    version_added: 0.3.0
  move_tag:
    description: Whether a tag that names another image already is to name this one. Proxies that pull by the tag then
      run another module, each at its own time.
    type: bool
    default: false
    version_added: 0.3.0
  sha256:
    description: The SHA-256 digest that the module must have, in 64 hexadecimal digits.
    type: str
  name:
    description: What the manifest calls the module.
    type: str
    required: true
  version:
    description: The version in the manifest.
    type: str
    default: "1"
  description:
    description: The description of the module in the manifest.
    type: str
  phase:
    description: The phase of a ServiceMeshExtension that sets none itself.
    type: str
    choices: [PreAuthN, PostAuthN, PreAuthZ, PostAuthZ, PreStats, PostStats]
    default: PostStats
  priority:
    description: The priority of a ServiceMeshExtension that sets none itself.
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

- name: Pack it only if it is the reviewed module
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

- name: Push it to where the proxies pull it from
  ossm.federation.wasm_image:
    path: build/plugin.wasm
    push: registry.example/team/header:1.2.0
    name: header
    version: 1.2.0
    registry_username: builder
    registry_password: "{{ vaulted_registry_password }}"
    registry_ca_cert: /etc/pki/tls/certs/registry.pem
  register: pushed  # pushed.pinned is what an extension takes as its image
"""

RETURN = r"""
digest:
  description: The digest of the image, by which an extension names it once it is in a registry.
  returned: success
  type: str
  sample: sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
pinned:
  description: The image as an extension names it, with tag and digest.
  returned: with O(push)
  type: str
  sample: registry.example/team/header:1.2.0@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
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

import os
from datetime import datetime

from ..module_utils._cluster.client import Cluster
from ..module_utils._core.catalogue.findings import Finding
from ..module_utils._core.extensions.image import (
    LARGEST_ARCHIVE,
    Packed,
    difference,
    digest_in,
    digest_of,
    pack_image,
)
from ..module_utils._core.extensions.phases import OLD_ORDER
from ..module_utils._core.extensions.registries import (
    Reference,
    target_of,
)
from ..module_utils._core.extensions.wasm import LARGEST, read_module
from ..module_utils._core.plain.data import some
from ..module_utils._core.plain.errors import FederationError
from ..module_utils._files import Place, beginning, write
from ..module_utils._options import REGISTRY, REGISTRY_TOGETHER
from ..module_utils._registry import Registry
from ..module_utils._run import Module, Run, run_module

OPTIONS = {
    "path": {"type": "path", "required": True},
    "dest": {"type": "path"},
    "push": {"type": "str"},
    "move_tag": {"type": "bool", "default": False},
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
    target = target_of(params["push"]) if params["push"] else None
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
    # First the registry, which may refuse: then nothing at all is written.
    diffs = pushed(run, target, packed) if target else []
    diffs += written(run, packed) if params["dest"] else []
    result = {
        "changed": bool(diffs),
        "diff": diffs,
        "digest": packed.digest,
        "size": len(packed.archive),
        "abi": found.abi,
    }
    return {**result, **({"pinned": f"{target}@{packed.digest}"} if target else {})}


def pushed(run: Run, target: Reference, packed: Packed) -> list[dict]:
    """Push an image unless the tag names it already, and return what that changes."""
    registry = Registry(target, run.params, run.know, writes=True)
    stands = registry.manifest(target.tag)
    before = "" if stands is None else digest_of(stands)
    if before == packed.digest:
        return []
    if before and not run.params["move_tag"]:
        what = f"names {before}, and the module comes to {packed.digest}"
        raise FederationError(
            "FED938", where=f"Image {target}", what=what, fix="Give the module a tag of its own, or set move_tag: true"
        )
    if not run.check_mode:
        registry.push(packed)
        run.journal.done.append(f"push {target}")
    return [difference(str(target), before, packed)]


def written(run: Run, packed: Packed) -> list[dict]:
    """Write the archive unless it stands already, and return what that changes."""
    dest = Place(*os.path.split(run.params["dest"]), "Image", "FED836")
    stands = beginning(dest, LARGEST_ARCHIVE + 1)
    if stands == packed.archive:
        return []
    if not run.check_mode:
        write(dest, packed.archive, FOR_ALL)
        run.journal.done.append(f"write {dest.path}")
    before = "" if stands is None else digest_in(stands) or "(no image that can be read)"
    return [difference(dest.path, before, packed)]


def main() -> None:
    checks = {"required_one_of": [("dest", "push")], "required_together": REGISTRY_TOGETHER}
    module = Module({**REGISTRY, **OPTIONS}, supports_check_mode=True, **checks)
    run_module(module, run, needs_cluster=False)


if __name__ == "__main__":
    main()
