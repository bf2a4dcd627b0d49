#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: wasm_module_info
short_description: Look into a Wasm module before proxies run it
version_added: 0.2.0
author: [The ossm.federation authors (@ossm)]
description:
  - Reads a C(.wasm) file and returns its digest, the version of the Proxy-Wasm ABI that it declares, and what it needs
    of a proxy.
  - Refuses modules that no proxy of a mesh from 2.1 to 2.6 loads, with the reason. The file is read in bounded time and
    memory, and never run.
  - Reads also the module of an image, in a registry or saved as an OCI layout in one archive, and returns which kinds
    of extensions read it.
  - A link in the place of the file is not followed. Reads no cluster. A registry is asked only with O(pull).
seealso:
  - module: ossm.federation.wasm_extension
  - module: ossm.federation.wasm_image
extends_documentation_fragment: [ossm.federation.registry]
attributes:
  check_mode: {support: full, description: Reads only.}
  diff_mode: {support: none, description: Reads only.}
options:
  path:
    description: The file.
    type: path
  image:
    description:
      - Instead of O(path), an archive with an image, as C(skopeo copy docker://… oci-archive:image.tar) or
        M(ossm.federation.wasm_image) write it. Exactly one of O(path), O(image) and O(pull) is given.
    type: path
  pull:
    description:
      - Instead of O(path), an image in a registry, such as C(registry.example/team/header:1.2@sha256:…), with a tag, a
        digest or both; the digest then counts. It may begin with C(oci://).
      - Of an index, which lists an image per platform, the one for linux on amd64 is read, as the proxies' fetcher
        does.
    type: str
    version_added: 0.3.0
  public_key:
    description:
      - With O(pull), a file with the public key that must have signed the image, as C(cosign sign --key) does; ECDSA on
        P-256, RSA or Ed25519, in PEM.
      - Both layouts of C(cosign) are read, the tag that ends with C(.sig) and bundles that refer to the image. A
        signature without a key, which is by an identity, is counted and cannot be verified here. No transparency log is
        asked.
    type: path
    version_added: 0.3.0
  sha256:
    description: The SHA-256 digest that the module must have, in 64 hexadecimal digits.
    type: str
  digest:
    description: The digest that the image must have, C(sha256:) and 64 hexadecimal digits.
    type: str
"""

EXAMPLES = r"""
- name: Look into a module
  ossm.federation.wasm_module_info:
    path: build/plugin.wasm
    sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08

- name: Look into a module without knowing its digest
  ossm.federation.wasm_module_info:
    path: build/plugin.wasm

- name: Refuse a module that is not the one that was tested
  ossm.federation.wasm_module_info:
    path: "{{ playbook_dir }}/files/header.wasm"
    sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08

- name: Look into an image where the proxies pull it from
  ossm.federation.wasm_module_info:
    pull: registry.example/team/header:1.2@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    registry_username: reader
    registry_password: "{{ vaulted_registry_password }}"

- name: Refuse an image that the builders have not signed
  ossm.federation.wasm_module_info:
    pull: registry.example/team/header:1.2
    public_key: files/builders.pub
"""

RETURN = r"""
image:
  description: Of an image its C(digest), its C(layout) (C(image) or C(artifact)), how many C(layers), and C(readers),
    by each why it cannot read it.
  returned: with O(image) or O(pull)
  type: dict
  sample:
    digest: sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    layout: image
    layers: 1
    readers: {ServiceMeshExtension: "", WasmPlugin of 2.2: "", WasmPlugin from 2.3 on: ""}
signatures:
  description:
    - How many signatures of C(cosign) the image has in C(found); whether one of them is by O(public_key) for this very
      image in C(verified), null without a key.
  returned: with O(pull)
  type: dict
  sample: {found: 1, verified: true}
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
  description: Whether the proxies of each mesh from 2.1 to 2.6 support it; null if it needs something that not each of
    them is known to have.
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

import os
from dataclasses import dataclass
from datetime import datetime

from ..module_utils._cluster.client import Cluster
from ..module_utils._core.catalogue.findings import Finding
from ..module_utils._core.extensions.image import LARGEST_ARCHIVE, Image, read_image
from ..module_utils._core.extensions.registries import reference_of
from ..module_utils._core.extensions.signatures import LARGEST_KEY, Verifier, verifier_of
from ..module_utils._core.extensions.wasm import LARGEST, read_module
from ..module_utils._core.plain.data import some
from ..module_utils._files import Place, beginning, read
from ..module_utils._options import REGISTRY, REGISTRY_TOGETHER
from ..module_utils._registry import Registry
from ..module_utils._run import Module, Run, run_module

OPTIONS = {
    "path": {"type": "path"},
    "image": {"type": "path"},
    "pull": {"type": "str"},
    "public_key": {"type": "path", "no_log": False},
    "sha256": {"type": "str"},
    "digest": {"type": "str"},
}
SOURCES = ("path", "image", "pull")
CHECKS = {
    "mutually_exclusive": [SOURCES, ("path", "digest"), ("pull", "digest")],
    "required_one_of": [SOURCES],
    "required_by": {"public_key": ["pull"]},
    "required_together": REGISTRY_TOGETHER,
}


def run(run: Run, cluster: Cluster | None, now: datetime) -> dict:
    """Return what a module says of itself, and of an image who reads it."""
    params = run.params
    source = source_of(run)
    where, content, image = source.where, source.content, source.image
    found = read_module(content, where, params["sha256"] or "")
    found.refuse_unloadable(where)
    if found.unknown_imports:
        run.warn(Finding("FED837", where, f"needs {some(found.unknown_imports, 5)}").text)
    told = {"image": image.as_data()} if image else {}
    signatures = {"signatures": source.signatures} if source.signatures else {}
    return {
        "changed": False,
        **found.as_data(),
        **told,
        **signatures,
        "is_taken": None if found.unknown_imports else True,
    }


@dataclass(frozen=True)
class Source:
    """What a message calls a module, its bytes, the image that it was in, and what of signatures is known."""

    where: str
    content: bytes
    image: Image | None = None
    signatures: dict | None = None


def source_of(run: Run) -> Source:
    """Return what a module is read from."""
    params = run.params
    if params["pull"]:
        return pulled(run)
    place = Place(
        *os.path.split(params["path"] or params["image"]), "Image" if params["image"] else "Wasm module", "FED836"
    )
    content = beginning(place, (LARGEST_ARCHIVE if params["image"] else LARGEST) + 1)
    if content is None:
        raise place.refusal("does not exist", "Name the file that your build has made")
    where = f"{place.kind} {place.path}"
    if not params["image"]:
        return Source(where, content)
    image = read_image(content, where, params["digest"] or "")
    return Source(where, image.module or b"", image)


def pulled(run: Run) -> Source:
    """Return the module of an image in a registry; who is to have signed it is asked before the module is
    looked into.
    """
    params = run.params
    reference = reference_of(params["pull"], "pull")
    verifies = key_in(params["public_key"]) if params["public_key"] else None
    registry = Registry(reference, params, run.know)
    image = registry.pull()
    found, bundles = registry.signatures(image.digest), registry.bundles(image.digest)
    if verifies:
        registry.refuse_unsigned(image.digest, found, bundles, verifies)
    signatures = {"found": len(found) + len(bundles), "verified": True if verifies else None}
    return Source(f"Image {reference}", image.module or b"", image, signatures)


def key_in(path: str) -> Verifier:
    """Return what verifies by the key in a file. Raises ``FederationError`` FED939."""
    place = Place(*os.path.split(path), "Public key", "FED939")
    content = read(place, LARGEST_KEY)
    if content is None:
        raise place.refusal("does not exist", "Name the file that cosign public-key --key writes")
    return verifier_of(content)


def main() -> None:
    module = Module({**REGISTRY, **OPTIONS}, supports_check_mode=True, **CHECKS)
    run_module(module, run, needs_cluster=False, writes=False)


if __name__ == "__main__":
    main()
