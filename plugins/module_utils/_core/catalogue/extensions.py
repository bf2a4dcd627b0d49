# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Codes of Wasm extensions, their modules and images."""

from __future__ import annotations

from .code import ERROR, WARNING, Code

EXTENSIONS: dict[str, Code] = {
    "FED800": Code(
        "Extension described wrongly",
        ERROR,
        "An entry of `mesh_extensions` lacks a field, has an unknown field, or a value that neither kind accepts. An "
        "empty selector or list is refused, because it is usually a mistake.",
        "Correct the field that the message names. Write `selector: all` for every workload, and `extensions_state:"
        " absent` to remove everything.",
    ),
    "FED801": Code(
        "Two extensions with one name",
        ERROR,
        "An extension is identified by name and namespace, so the second would overwrite the first.",
        "Give each extension of a namespace its own name.",
    ),
    "FED802": Code(
        "Field that this kind or version cannot express",
        ERROR,
        "ServiceMeshExtension and WasmPlugin have different fields, and istiod reads some of them only from a later "
        "version on. Such a field would silently have no effect.",
        "Leave the field out, choose the other kind if the mesh supports both (2.2), or upgrade.",
    ),
    "FED803": Code(
        "Extension in a namespace outside the mesh",
        ERROR,
        "istiod reads extensions in its own namespace and in those of configured members. An object elsewhere has no "
        "effect.",
        "Add the namespace to `mesh_members` and run `control_plane`, or correct the extension's namespace.",
    ),
    "FED804": Code(
        "Kind or version without such extensions",
        ERROR,
        "ServiceMeshExtension is supported up to 2.2, WasmPlugin from 2.2 on. The API server accepts both, but the "
        "mesh uses only one.",
        "Leave `kind` out: the version of the mesh then decides.",
    ),
    "FED805": Code(
        "Extension that sees other calls than it should",
        ERROR,
        "From 2.3 on a WasmPlugin also runs on outbound calls of the selected workloads, unless it is limited; before "
        "2.3 it never does. On 2.3 only istiod's environment limits it: an extension that authorizes requests would "
        "also authorize the workload's own calls.",
        "Set `APPLY_WASM_PLUGINS_TO_INBOUND_ONLY` for istiod on 2.3, or set `traffic` to what the version supports.",
    ),
    "FED806": Code(
        "Wasm extensions are off",
        ERROR,
        "Without the cacher that `techPreview.wasmExtensions.enabled` brings, no ServiceMeshExtension ever becomes"
        " ready.",
        "Turn it on in the control plane's description.",
    ),
    "FED807": Code(
        "Module that can change under running proxies",
        WARNING,
        "A tag can later name another image, and proxies that start then run another module than the present ones.",
        "Write the digest after the tag: `registry.example/header:1.2@sha256:…`. For http and https addresses give "
        "`sha256`.",
    ),
    "FED808": Code(
        "Undefined order of extensions",
        WARNING,
        "Extensions of one phase run by priority, higher first. With equal priorities the order depends on their "
        "creation times.",
        "Give each of them a `priority`.",
    ),
    "FED809": Code(
        "Extension that selects no pod",
        WARNING,
        "A selector with a wrong label is valid, but the extension has no effect until a pod matches.",
        "Compare the selector with the labels of the pods. Only pods with a proxy count.",
    ),
    "FED810": Code(
        "Extension in both kinds",
        ERROR,
        "2.2 uses both kinds. A module that is in both runs twice for each request.",
        "Convert the old one with the playbook `convert_extensions`, or name the existing kind.",
    ),
    "FED811": Code(
        "Extension that somebody else made",
        ERROR,
        "An object of this name exists, and this collection did not make it for this mesh.",
        "Give the extension another name, or take the object over with `federation_force: true`.",
    ),
    "FED812": Code(
        "Guard that is open until its module is fetched",
        WARNING,
        "A proxy does not use its new listeners until it has fetched the module. Until then running proxies answer "
        "without the extension, new pods do not become ready, and later changes of these listeners wait, including "
        "AuthorizationPolicies. If the module cannot be fetched, this remains so (recent versions of Istio deny every "
        "request instead). Once it is loaded, the extension guards new connections. On an older connection one more "
        "request is answered without it; the connection is closed then or after the proxy's drain time.",
        "Check first that the proxies can pull the image, and let one pod try it (`canary: true`, the default if the "
        "proxies are asked).",
    ),
    "FED813": Code(
        "Extension that never runs on a gateway",
        WARNING,
        "`traffic: inbound` selects the inbound listeners of sidecars; the listeners of a gateway are in another "
        "class.",
        "Write `traffic: gateway`, or select only sidecars.",
    ),
    "FED814": Code(
        "Extension that proxies have not loaded",
        ERROR,
        "The object is as described, but some of the selected pods do not run it: their listeners wait for it, its "
        "module could not be fetched, or Envoy has rejected it. `facts.loading` has the state of each pod. While "
        "listeners wait, running proxies answer as before, and new pods do not become ready. A proxy whose Envoy has "
        "rejected a module keeps the previous one; if it had none, it answers each request with 500. If an agent's "
        "filter denies every request in the module's place, it does so on new connections at once, and on older ones "
        "after one more request.",
        "Look into the log of a pod's proxy, correct the image, its pull secret or `config` and run again, or remove "
        "the extension from `mesh_extensions`.",
    ),
    "FED815": Code(
        "Extension that is re-created",
        WARNING,
        "2.0 ignores changes of a ServiceMeshExtension, so it is deleted and re-created. Until proxies have fetched "
        "the module again, "
        "requests pass without the extension.",
        "Change it when that does no harm, or upgrade to v2.1 first, which applies changes.",
    ),
    "FED816": Code(
        "Guard that no pod tries first",
        WARNING,
        "An extension of AUTHN or AUTHZ is written for one pod first, so that a module that cannot be fetched or run "
        "harms only that pod. This needs a pod that can be asked, and a label that no other selected pod has. The pod "
        "already has such a label, or gets a temporary one, which needs `patch` on pods and a mesh of 2.4 or newer. "
        "Otherwise all pods get the extension at once.",
        "Give the missing right, or write `canary: false` if all pods may get it at once.",
    ),
    "FED817": Code(
        "Guard that its first pod has not loaded",
        ERROR,
        "An extension of AUTHN or AUTHZ was written for one pod first, and that pod does not run it: listeners wait for"
        " it, its module could not be fetched, or Envoy has rejected it. `facts.loading` says which. The object for"
        " that pod and its temporary label were removed again, and nothing was written for the others.",
        "Look into the log of the pod's proxy, correct the image, its pull secret or `config`, and run again.",
    ),
    "FED820": Code(
        "Extension that cannot become a WasmPlugin",
        ERROR,
        "A ServiceMeshExtension has a field that a WasmPlugin cannot express, or that this version ignores: free text "
        "as its configuration, several pull secrets, a pull secret on 2.2, the pull policy Never.",
        "Change the extension as the message says, then convert.",
    ),
    "FED821": Code(
        "Unknown whether the new extension is loaded",
        ERROR,
        "An extension that guards requests is created in the new kind before the old one is removed. A WasmPlugin has "
        "no status, so the proxies are asked. If one does not run it, or its state is unknown, somebody has to check "
        "each proxy. Until then both exist, and the module runs twice.",
        "Look into the pods that the result names in `facts.selected`, then run again with"
        " `convert_extensions_loaded`.",
    ),
    "FED822": Code(
        "No copy of what is to be deleted",
        ERROR,
        "If the run is interrupted between the deletion of the old object and the creation of the new one, neither is "
        "left. Both can be restored from the files.",
        "Set `convert_extensions_dir` (option dest).",
    ),
    "FED823": Code(
        "Image that a WasmPlugin may not be able to read",
        ERROR,
        "A ServiceMeshExtension reads the module that the image's manifest names, a WasmPlugin the file `plugin.wasm`,"
        " on 2.2 from the only layer.",
        "Build an image with `/manifest.yaml` (`module: plugin.wasm`) and `/plugin.wasm` in one gzip layer, which both"
        " kinds read, and name it in `convert_extensions_images`.",
    ),
    "FED824": Code(
        "Extension that never becomes ready on this OpenShift",
        WARNING,
        "On OpenShift 4.11 and later the operator does not get the module of a ServiceMeshExtension out of its image "
        "(OSSM-1505): it never becomes ready, and requests are processed without it.",
        "Write `kind: WasmPlugin` on a control plane of 2.2, or upgrade to 2.3; 2.1 has no other kind.",
    ),
    # Of traffic, whose own numbers are all taken.
    "FED829": Code(
        "Callers that a list does not keep out",
        WARNING,
        "Istio admits a call as soon as one ALLOW policy on the pod admits it. Another policy on the same pods, of "
        "somebody else or for the whole mesh, has a rule that is not limited to the callers that `callers` names, so "
        "the list of `callers` does not restrict anybody. And a pod without a sidecar obeys no policy; pods are looked "
        "at while a policy is rehearsed.",
        "Remove the other policy, limit it to the same callers, or describe its callers in `callers`. Give the pods a "
        "sidecar: restart those that are older than the membership of their namespace.",
    ),
    "FED830": Code(
        "Not a Wasm module",
        ERROR,
        "The file is not a module of WebAssembly 1.0, but for example compressed, a component, a text or a native "
        "program.",
        "Name the `.wasm` file that the build has produced; decompress it first. A component has to be built as a core "
        "module.",
    ),
    "FED831": Code(
        "Broken Wasm module",
        ERROR,
        "The file breaks the binary format: it is truncated, was changed in transit, or only looks like a module.",
        "Copy or build it again, and compare its digest with that of the source.",
    ),
    "FED832": Code(
        "Module without a Proxy-Wasm ABI",
        ERROR,
        "Envoy loads a module only if one of its exported functions names the version of the Proxy-Wasm ABI. Modules "
        "without it are for other programs.",
        "Build it with a Proxy-Wasm SDK (C++, Rust, Go, AssemblyScript).",
    ),
    "FED833": Code(
        "Unsupported Proxy-Wasm ABI",
        ERROR,
        "The proxies of 2.1 to 2.6 support versions 0.1.0, 0.2.0 and 0.2.1.",
        "Build it with an SDK of one of these versions.",
    ),
    "FED834": Code(
        "Module with another digest",
        ERROR,
        "The file does not have the expected digest: it is an older build, or somebody changed it.",
        "Do not use it until you know who changed it. Then update the digest.",
    ),
    "FED835": Code(
        "Module beyond all limits",
        ERROR,
        "The file is larger, or has more or longer names, than any compiler writes. Reading it could take unlimited "
        "time and memory.",
        "Check that it is the right file, or strip its debugging symbols.",
    ),
    "FED836": Code(
        "Module file that cannot be read",
        ERROR,
        "The file does not exist, may not be read, or is a link, a folder, a pipe or a device. Links are not followed, "
        "because other users could redirect them.",
        "Name the file itself.",
    ),
    "FED837": Code(
        "Module that needs functions some proxies lack",
        WARNING,
        "A module imports functions of its host. If a proxy lacks one of them, it refuses the whole module, and with "
        "it every change of the listener.",
        "Build it with an older SDK or for another target, or try it on one workload first.",
    ),
    "FED838": Code(
        "Module that no proxy can call",
        ERROR,
        "A proxy passes data in the module's memory, which the module must export together with a function that "
        "allocates.",
        "Build it with a Proxy-Wasm SDK as a library (reactor), and do not strip exports.",
    ),
    "FED839": Code(
        "Service of 3scale that is never reached",
        WARNING,
        "The adapter uses the first service whose authorities match, in the order of the services.",
        "Remove the authority from one of the two services, or put the narrower one first.",
    ),
    "FED840": Code(
        "Image that needs a login, and no pull secret",
        WARNING,
        "Red Hat's registry requires a login. If the module cannot be pulled, running proxies stay without the "
        "adapter, and new pods never become ready.",
        "Give `pull_secret`, a Secret in the namespace of the adapter, or use a registry that is open to the proxies.",
    ),
    "FED841": Code(
        "Not a readable image",
        ERROR,
        "The archive is not one image as an OCI layout. It is for example a Docker archive, several images or a text, "
        "or is broken.",
        "Save it with `skopeo copy docker://… oci-archive:image.tar`.",
    ),
    "FED842": Code(
        "Image with another digest",
        ERROR,
        "A part of the image does not have its digest, or the image is not the requested one. It was changed in "
        "transit, or somebody offers another image under its name.",
        "Save it again from a registry that you trust, and compare the digest with that of the build.",
    ),
    "FED843": Code(
        "Image whose layer exceeds the limits",
        ERROR,
        "A layer unpacks to more than any module needs, is not an archive, or has a link in the place of the module or "
        "its manifest.",
        "Build the image again with `wasm_image`.",
    ),
    "FED844": Code(
        "Image without a module that either kind reads",
        ERROR,
        "A ServiceMeshExtension reads the file that `/manifest.yaml` names, a WasmPlugin the file `plugin.wasm` of the"
        " last layer or an artifact of two layers. The image has neither.",
        "Build it with `wasm_image`, which packs the module so that both read it.",
    ),
}
