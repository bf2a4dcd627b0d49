# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Codes of access and the API server."""

from __future__ import annotations

from .code import ERROR, WARNING, Code

ACCESS: dict[str, Code] = {
    "FED101": Code(
        "Credentials missing or refused",
        ERROR,
        "The credentials of this mesh's cluster are not configured or cannot be used, or the API server does not "
        "accept them. The options of a task or host are used alone: `K8S_AUTH_*` variables are read only if no option "
        "is set. The default kubeconfig "
        "and the pod's own account are never used: they could belong to another mesh.",
        "Set `mesh_kubeconfig` (with `mesh_context` when it has several), or `mesh_host` with `mesh_api_key`; log in"
        " again when a token expired.",
    ),
    "FED102": Code(
        "Credentials of the environment in a run of several meshes",
        ERROR,
        "`K8S_AUTH_*` variables apply to the whole run. With more than one mesh (or cluster) they would send the "
        "credentials of one to the API server of another. A `mesh_host` or `mesh_context` alone is not a credential.",
        "Give every host its own `mesh_kubeconfig`, or `mesh_host` with `mesh_api_key` (`cluster_*` for clusters), or"
        " run for one at a time with `--limit`.",
    ),
    "FED103": Code(
        "Two hosts name one control plane",
        ERROR,
        "Two hosts of the inventory lead to the same ServiceMeshControlPlane, so each would undo the changes of the "
        "other.",
        "Correct the kubeconfig, context, `mesh_namespace` or `mesh_control_plane` of one of them.",
    ),
    "FED104": Code(
        "Forbidden",
        ERROR,
        "The account lacks the right that the message names.",
        "Ask a cluster administrator for the Role of `playbooks/files/mesh-administrator.yml`, explained in "
        "`docs/rights.md`. With `restarts: false` in `mesh_admins` the Role lacks the right to restart workloads; a "
        "cluster administrator then restarts them.",
    ),
    "FED105": Code(
        "API server unreachable",
        ERROR,
        "The API server did not answer within the deadline, after retries, or no TLS connection could be made. The "
        "message says whether a proxy was used; `HTTPS_PROXY` and `NO_PROXY` are ignored.",
        "Check the address, the network, and `mesh_proxy` or the kubeconfig's `proxy-url`; for TLS, give `mesh_ca_cert`"
        " (option `ca_cert`). Then run again: the next run finishes what this one began.",
    ),
    "FED106": Code(
        "The API server refused, or kept failing",
        ERROR,
        "The API server answered the request with an error, and retries did not help. The message quotes the server's "
        "reason, which often comes from an admission webhook of the operator.",
        "Correct what the reason names. If a webhook cannot be called, wait until the operator runs, then run again.",
    ),
    "FED107": Code(
        "Another field manager owns a field",
        ERROR,
        "Another field manager set a field to another value (server-side apply). If both wrote it, each would undo the "
        "other's change. Fields of a member roll that the operator writes are not taken over even with `force`, "
        "because the operator would restore them. A field that somebody adds to an AuthorizationPolicy or an extension "
        "of this collection also counts: a further label in its selector, or the annotation `istio.io/dry-run`, would "
        "turn it off without a visible change.",
        "Change the field where that manager gets it from. Where the message offers it, run once with "
        "`federation_force: true` (option `force`) to take it over.",
    ),
    "FED108": Code(
        "Kind not served",
        ERROR,
        "The API server does not know a kind that federation needs: the operator is missing or older than 2.1.",
        "Install the operator, and wait until its first control plane is ready.",
    ),
    "FED109": Code(
        "Object replaced meanwhile",
        ERROR,
        "Somebody changed, deleted or re-created the object after it was read, so the plan no longer applies.",
        "Run again: the next plan is made from the object as it is then.",
    ),
    "FED110": Code(
        "A Python library is missing",
        ERROR,
        "The Python that runs the modules lacks a library.",
        "Install it into the Python that runs `ansible-playbook`: `pip install -r requirements.txt`.",
    ),
    "FED111": Code(
        "Two hosts with one mesh name",
        ERROR,
        "Peers know a mesh by its name: two meshes of one name would write the same cards.",
        "Give each mesh its own `mesh_name`.",
    ),
    "FED112": Code(
        "Two descriptions of one control plane",
        ERROR,
        "A description with another `mesh_name` or `federation_owner` wrote an object in the control plane's "
        "namespace. Each run of one would undo the work of the other. Descriptions are told apart by these names and "
        "the control plane's namespace, never by the machine or folder where they are stored.",
        "Keep one description of each control plane. Where you renamed the mesh or its owner on purpose, run once with"
        ' the line that the message gives, `federation_accept_changes: ["<mesh>=<digits>"]`; the same run must remove'
        " peers that are no longer in `mesh_peers` (`federation_prune: true`). Traffic rules with another `mesh_name`"
        " are taken over or removed only with `federation_force: true`.",
    ),
    "FED114": Code(
        "A kubeconfig has settings that are not supported",
        ERROR,
        "A kubeconfig has a key that this collection does not read, or two keys that contradict each other. If the key "
        "were ignored, the run could act as another user, use another route, or skip verification. The message quotes "
        "no value.",
        "Correct the kubeconfig as the message says, or give another. What is read, and how, is in `docs/usage.md`.",
    ),
    "FED115": Code(
        "Unexpected error",
        ERROR,
        "An unexpected error in a module: a fault of this collection or of a library. The message gives its type and "
        "its place in the code, but not its text, which may contain a secret.",
        "Run again. If the error remains, report the message and the result's `facts.way`; neither contains your "
        "values.",
    ),
    "FED116": Code(
        "Credentials would be sent in the clear",
        ERROR,
        "The URL of the API server begins with `http://`, so anybody between could read the token or password.",
        "Give the `https://` URL. A kubeconfig without credentials may name an `http://` server, such as that of"
        " `kubectl proxy`.",
    ),
    "FED117": Code(
        "API server not verified",
        WARNING,
        "An option, an environment variable or the kubeconfig turns off the verification of the API server's "
        "certificate. Anybody between can then read the credentials and answer in the server's place.",
        "Give the CA certificate: `mesh_ca_cert` or `cluster_ca_cert`, or `certificate-authority-data` in the"
        " kubeconfig.",
    ),
    "FED118": Code(
        "Answer too large",
        ERROR,
        "An answer of the API server is larger, more deeply nested or longer than the limits allow. The limits are 32 "
        "MiB for one answer; 100,000 objects, 1,000 pages or ten times `mesh_api_timeout` for one list; and an hour of "
        "requests for one task. A list that returns to a page that was already read is refused as well. Nothing that "
        "was read is used.",
        "Check that the URL is the API server's own, and which proxies are between. If the cluster really has so many "
        "or such large objects, remove those that nobody needs.",
    ),
    "FED119": Code(
        "Answer that is not from the Kubernetes API",
        ERROR,
        "An answer is not JSON as API servers write it, or not the requested object: another kind, name or namespace, "
        "no name, impossible metadata, or a field of the wrong type. The server is broken, or is not an API server. "
        "Nothing of the answer is used.",
        "Check that the URL is the API server's own, and that no proxy, gateway or login page changes its answers.",
    ),
}
