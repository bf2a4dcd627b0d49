# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Codes of Wasm extensions, their modules and images."""

from __future__ import annotations

from .code import ERROR, WARNING, Code

EXTENSIONS: dict[str, Code] = {
    "FED800": Code(
        "Extension described wrongly",
        ERROR,
        "An entry of `mesh_extensions` lacks a field, has one that does not exist, or a value that neither kind takes. An empty selector or an "
        "empty list is refused: it is more often a mistake than a wish.",
        "Correct the field that the message names. Write `selector: all` for every workload, and `extensions_state: absent` to remove everything.",
    ),
    "FED801": Code(
        "Two extensions of one name",
        ERROR,
        "Name and namespace tell extensions apart, and the second would overwrite the first.",
        "Give each extension of a namespace a name of its own.",
    ),
    "FED802": Code(
        "Field that this kind or version cannot express",
        ERROR,
        "ServiceMeshExtension and WasmPlugin have different fields, and istiod does not look at some of them before a later version. A field "
        "without effect would pass in silence.",
        "Leave the field out, choose the other kind where the mesh obeys both (2.2), or upgrade.",
    ),
    "FED803": Code(
        "Extension in a namespace outside the mesh",
        ERROR,
        "istiod looks at extensions in its own namespace and in those of configured members. An object elsewhere does nothing.",
        "Add the namespace to `mesh_members` and run `control_plane`, or correct the extension's namespace.",
    ),
    "FED804": Code(
        "Kind or version without such extensions",
        ERROR,
        "ServiceMeshExtension ends with 2.2, WasmPlugin begins with it. The API server takes both, and the mesh obeys one.",
        "Leave `kind` out: the version of the mesh then decides.",
    ),
    "FED805": Code(
        "Extension that sees other calls than it should",
        ERROR,
        "From 2.3 on a WasmPlugin also runs on the outbound calls of the workloads that it selects, where nothing limits it; before, it never does. "
        "On 2.3 only istiod's environment limits it: an extension that authorizes requests would authorize what the workload itself calls.",
        "Set `APPLY_WASM_PLUGINS_TO_INBOUND_ONLY` for istiod on 2.3, or say `traffic` as the version has it.",
    ),
    "FED806": Code(
        "Wasm extensions are off",
        ERROR,
        "Without the cacher that `techPreview.wasmExtensions.enabled` brings, no ServiceMeshExtension ever becomes ready.",
        "Turn it on in the control plane's description.",
    ),
    "FED807": Code(
        "Module that can change under running proxies",
        WARNING,
        "A tag names another image tomorrow, and proxies that start later run another module than those that run already.",
        "Write the digest behind the tag: `registry.example/header:1.2@sha256:…`. For http and https addresses give `sha256`.",
    ),
    "FED808": Code(
        "Order that nobody has said",
        WARNING,
        "Extensions of one phase run by priority, the higher first. Equal ones run in an order that depends on when they were made.",
        "Give each of them a `priority`.",
    ),
    "FED809": Code(
        "Extension that selects no pod",
        WARNING,
        "A selector with a wrong label is valid, and the extension does nothing until a pod fits.",
        "Compare the selector with the labels of the pods. Pods without a proxy do not count.",
    ),
    "FED810": Code(
        "Extension in both kinds",
        ERROR,
        "On 2.2 both kinds are obeyed. A module that stands in both runs twice for each request.",
        "Convert the old one with the playbook `convert_extensions`, or name the kind that stands.",
    ),
    "FED811": Code(
        "Extension made by somebody else",
        ERROR,
        "An object of this name stands and this collection did not make it for this mesh.",
        "Give the extension another name, or take the object over with `federation_force: true`.",
    ),
    "FED812": Code(
        "Guard that is open until it is fetched",
        WARNING,
        "A proxy holds its new listeners back until it has fetched the module. Until then running proxies answer without the extension, new pods "
        "do not become ready, and later changes of these listeners wait, AuthorizationPolicies among them. A module that cannot be fetched leaves it so "
        "(an Istio of today denies every request instead). Once it is loaded, the extension guards new connections; one that stood before has one more "
        "request answered without it, and is closed then or after the proxy's drain time.",
        "Check first that the proxies can pull the image, and let one pod try it (`canary: true`, which is the default where the proxies are asked).",
    ),
    "FED813": Code(
        "Extension that never runs on a gateway",
        WARNING,
        "`traffic: inbound` selects the inbound listeners of sidecars; the listeners of a gateway are of the other class.",
        "Write `traffic: gateway`, or select sidecars alone.",
    ),
    "FED814": Code(
        "Extension that proxies have not loaded",
        ERROR,
        "The object stands as described, and some of the pods that it selects do not run it: their listeners wait for it, its module could not be "
        "fetched, or Envoy has rejected it. `facts.loading` tells of each pod. While listeners wait, running proxies answer as before, and new pods do "
        "not become ready. A proxy whose Envoy has rejected a module goes on with the one before, or answers each request with 500 where it had none. "
        "Where an agent's filter denies every request in the module's place, it does so on new connections at once, and on one that stood before after "
        "one more request.",
        "Look into the log of a pod's proxy, correct the image, its pull secret or `config` and run again, or take the extension out of `mesh_extensions`.",
    ),
    "FED815": Code(
        "Extension that is made anew",
        WARNING,
        "On 2.0 nothing picks up a ServiceMeshExtension that has changed, so it is deleted and made anew. Until proxies have fetched the module again, "
        "requests pass without the extension.",
        "Change it when that does no harm, or upgrade to v2.1 first, where a change is picked up.",
    ),
    "FED816": Code(
        "Guard that no pod tries first",
        WARNING,
        "An extension of AUTHN or AUTHZ is written for one pod first, so that a module that cannot be fetched or run harms that one alone. This needs a "
        "pod that can be asked, and a label that no other selected pod has: one of its own, or one that is put on it for that time, which needs `patch` "
        "on pods and a mesh of 2.4 or newer. Where that lacks, all pods get it at once.",
        "Give the right that lacks, or write `canary: false` where all pods may get it at once.",
    ),
    "FED817": Code(
        "Guard that its first pod has not loaded",
        ERROR,
        "An extension of AUTHN or AUTHZ was written for one pod first, and that pod does not run it: listeners wait for it, its module could not be "
        "fetched, or Envoy has rejected it. `facts.loading` tells which. The object for that pod and the label on it have gone again, and nothing was "
        "written for the others.",
        "Look into the log of the pod's proxy, correct the image, its pull secret or `config`, and run again.",
    ),
    "FED820": Code(
        "Extension that cannot become a WasmPlugin",
        ERROR,
        "A ServiceMeshExtension has something that a WasmPlugin does not express, or that its version does not look at: free text as its "
        "configuration, several pull secrets, a pull secret on 2.2, the pull policy Never.",
        "Change the extension as the message says, then convert.",
    ),
    "FED821": Code(
        "Nothing tells that the new extension is loaded",
        ERROR,
        "An extension that guards requests is created in the new kind before the old one goes. A WasmPlugin has no status, so the proxies are asked. "
        "Where one does not run it, or nobody can tell, somebody has to see it in each proxy. Until then both stand, and the module runs twice.",
        "Look into the pods that the result names in `facts.selected`, then run again with `convert_extensions_loaded`.",
    ),
    "FED822": Code(
        "No copy of what is to be deleted",
        ERROR,
        "A run that dies between the deletion of the old object and the creation of the new one leaves neither. The files bring both back.",
        "Set `convert_extensions_dir` (option dest).",
    ),
    "FED823": Code(
        "Image that a WasmPlugin may not be able to read",
        ERROR,
        "A ServiceMeshExtension reads the module that the image's manifest names, a WasmPlugin the file `plugin.wasm`, on 2.2 from the only layer.",
        "Build an image with `/manifest.yaml` (`module: plugin.wasm`) and `/plugin.wasm` in one gzip layer, which both kinds read, and name it in "
        "`convert_extensions_images`.",
    ),
    "FED824": Code(
        "Extension that never becomes ready on this OpenShift",
        WARNING,
        "On OpenShift 4.11 and later the operator does not get the module of a ServiceMeshExtension out of its image (OSSM-1505): it never becomes "
        "ready, and requests pass without it.",
        "Write `kind: WasmPlugin` on a control plane of 2.2, or upgrade to 2.3; a 2.1 has no other kind.",
    ),
    "FED830": Code(
        "Not a Wasm module",
        ERROR,
        "The file is something else than a module of WebAssembly 1.0: compressed, a component, a text, a program of a machine.",
        "Name the `.wasm` file that the build has made; unpack it first. A component has to be built as a core module.",
    ),
    "FED831": Code(
        "Broken Wasm module",
        ERROR,
        "The file breaks the binary format: it is cut off, was changed on the way, or was made to look like a module.",
        "Copy or build it again, and compare its digest with that of the source.",
    ),
    "FED832": Code(
        "Module without a Proxy-Wasm ABI",
        ERROR,
        "Envoy loads a module only if one of its exported functions names the version of the Proxy-Wasm ABI. Other modules are for other programs.",
        "Build it with a Proxy-Wasm SDK (C++, Rust, Go, AssemblyScript).",
    ),
    "FED833": Code(
        "Proxy-Wasm ABI that no proxy here takes",
        ERROR,
        "The proxies of 2.1 to 2.6 take versions 0.1.0, 0.2.0 and 0.2.1.",
        "Build it with an SDK of one of these versions.",
    ),
    "FED834": Code(
        "Module with another digest",
        ERROR,
        "The file is not the one whose digest was written down: an older build, or one that somebody changed.",
        "Do not use it until you know who changed it. Then write the digest down anew.",
    ),
    "FED835": Code(
        "Module beyond all bounds",
        ERROR,
        "The file is larger, or has more or longer names, than any compiler writes. Reading on would cost time and memory without end.",
        "See whether it is the right file, or strip its debugging symbols.",
    ),
    "FED836": Code(
        "Module file that cannot be read",
        ERROR,
        "The file does not exist, may not be read, or is a link, a folder, a pipe or a device. Links are not followed: others could lead them elsewhere.",
        "Name the file itself.",
    ),
    "FED837": Code(
        "Module that needs more than every proxy gives",
        WARNING,
        "A module imports functions of its host. Where the proxy does not have one of them, it refuses the whole module, and with it every change of the "
        "listener.",
        "Build it with an older SDK or for another target, or try it on one workload first.",
    ),
    "FED838": Code(
        "Module that no proxy can speak with",
        ERROR,
        "A proxy hands over data in the module's memory, which the module must export with a function that allocates.",
        "Build it with a Proxy-Wasm SDK as a library (reactor), and strip nothing that is exported.",
    ),
    "FED839": Code(
        "Service of 3scale that is never reached",
        WARNING,
        "The adapter uses the first service whose authorities match, in the order in which the services stand.",
        "Take the authority out of one of the two services, or put the narrower one first.",
    ),
    "FED840": Code(
        "Image that wants a login, and no pull secret",
        WARNING,
        "Red Hat's registry gives images to nobody without a login. A module that cannot be pulled leaves running proxies without the adapter, and "
        "new pods never become ready.",
        "Give `pull_secret`, a Secret in the namespace of the adapter, or use a registry that is open to the proxies.",
    ),
    "FED841": Code(
        "Not an image that can be read",
        ERROR,
        "The archive is something else than one image as an OCI layout: a Docker archive, several images, a text, or broken.",
        "Save it with `skopeo copy docker://… oci-archive:image.tar`.",
    ),
    "FED842": Code(
        "Image with another digest",
        ERROR,
        "A part of the image is not what its digest says, or the image is not the one that was asked for. It was changed on the way, or somebody "
        "offers another one under its name.",
        "Save it anew from a registry that you trust, and compare the digest with that of the build.",
    ),
    "FED843": Code(
        "Image whose layer is out of bounds",
        ERROR,
        "A layer unpacks to more than any module needs, is no archive, or has a link where the module or its manifest belongs.",
        "Build the image anew with `wasm_image`.",
    ),
    "FED844": Code(
        "Image without a module that anybody reads",
        ERROR,
        "A ServiceMeshExtension reads the file that `/manifest.yaml` names, a WasmPlugin the file `plugin.wasm` of the last layer or an artifact of two "
        "layers. The image has neither.",
        "Build it with `wasm_image`, which packs the module so that both read it.",
    ),
}
