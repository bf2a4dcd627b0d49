# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Codes of access and the API server."""

from __future__ import annotations

from .code import ERROR, WARNING, Code

ACCESS: dict[str, Code] = {
    "FED101": Code(
        "Credentials missing or refused",
        ERROR,
        "Nothing says how to reach this mesh's cluster, what says it cannot be used, or the API server does not accept what was given. "
        "What a task or host names is complete: `K8S_AUTH_*` variables are taken only where nothing is named. The default kubeconfig "
        "and the pod's own account are never used: they could belong to another mesh.",
        "Set `mesh_kubeconfig` (with `mesh_context` when it has several), or `mesh_host` with `mesh_api_key`; log in again when a token expired.",
    ),
    "FED102": Code(
        "Credentials of the environment in a run of several meshes",
        ERROR,
        "`K8S_AUTH_*` variables hold for the whole run. With more than one mesh (or cluster) they would send the credentials of one to the "
        "API server of another. A `mesh_host` or `mesh_context` alone is no credential.",
        "Give every host its own `mesh_kubeconfig`, or `mesh_host` with `mesh_api_key` (`cluster_*` for clusters), or run for one at a time "
        "with `--limit`.",
    ),
    "FED103": Code(
        "Two hosts are one control plane",
        ERROR,
        "Two hosts of the inventory lead to the same ServiceMeshControlPlane, so each would undo what the other does.",
        "Correct the kubeconfig, context, `mesh_namespace` or `mesh_control_plane` of one of them.",
    ),
    "FED104": Code(
        "Forbidden",
        ERROR,
        "The account may not do what the message names.",
        "Ask a cluster administrator for the Role of `playbooks/files/mesh-administrator.yml`, explained in `docs/rights.md`. The right to restart "
        "workloads is left out with `restarts: false` in `mesh_admins`; a cluster administrator restarts them then.",
    ),
    "FED105": Code(
        "API server unreachable",
        ERROR,
        "The API server did not answer within the deadline, after retries, or no TLS connection comes about. The message says whether a "
        "proxy was used; `HTTPS_PROXY` and `NO_PROXY` are not looked at.",
        "Check the address, the network, and `mesh_proxy` or the kubeconfig's `proxy-url`; for TLS, give `mesh_ca_cert` (option `ca_cert`). "
        "Then run again: a run that stopped in the middle is finished by the next.",
    ),
    "FED106": Code(
        "The API server refused, or kept failing",
        ERROR,
        "The request arrived and was answered with an error that retries did not fix. The message holds the server's own reason; "
        "often an admission webhook of the operator speaks.",
        "Correct what the reason names. When a webhook cannot be called, wait until the operator runs, then run again.",
    ),
    "FED107": Code(
        "Another field manager holds a field",
        ERROR,
        "Someone else manages a field that we want otherwise (server-side apply). Taking it silently would start a tug-of-war. "
        "What the operator itself puts onto a member roll is not taken with `force` either, since it would put that back.",
        "Change it where that manager keeps it, or run once with `federation_force: true` (option `force`) to take it, where the message says so.",
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
        "Between reading and writing somebody changed, deleted or re-created the object, so the plan no longer fits it.",
        "Run again: the plan is made from what stands there now.",
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
        "Give every mesh a `mesh_name` of its own.",
    ),
    "FED112": Code(
        "Two descriptions of one control plane",
        ERROR,
        "Something in the control plane's namespace was written by a description with another `mesh_name`, or with another "
        "`federation_owner`. The two would undo each other's work, one at each run. Descriptions are told apart by these names and the "
        "control plane's namespace, never by the machine or folder that they are kept in.",
        "Keep one description of each control plane. Where you renamed the mesh or its owner on purpose, run once with the line that the "
        "message gives, `federation_accept_changes: [\"<mesh>=<digits>\"]`; what is not in `mesh_peers` any more must go in that run "
        "(`federation_prune: true`). Rules of traffic that bear another `mesh_name` are taken over, and removed, with `federation_force: true`.",
    ),
    "FED114": Code(
        "A kubeconfig says what is not obeyed",
        ERROR,
        "A kubeconfig holds a key that this collection does not read, or two that contradict each other. Leaving it out could "
        "act as another user, on another way, or without verification, so nothing is left out without a word. No value is quoted.",
        "Correct the kubeconfig as the message says, or give another. What is read, and how, is in `docs/usage.md`.",
    ),
    "FED115": Code(
        "Unexpected error",
        ERROR,
        "A module met an error that nobody expected: a fault of this collection, or of a library. Its text is not shown, because it may "
        "quote a secret; its type and the place in the code are.",
        "Run again. If it stays, report the message and the result's `facts.way`; neither holds values of yours.",
    ),
    "FED116": Code(
        "Credentials would be sent in the clear",
        ERROR,
        "The URL of the API server begins with `http://`, so everybody on the way could read the token or password.",
        "Give the `https://` URL. A kubeconfig without credentials may name an `http://` server, such as that of `kubectl proxy`.",
    ),
    "FED117": Code(
        "API server not verified",
        WARNING,
        "An option, an environment variable or the kubeconfig ends the verification of the API server's certificate. Anybody on the way "
        "can then read the credentials and answer in its place.",
        "Give the CA certificate: `mesh_ca_cert` or `cluster_ca_cert`, or `certificate-authority-data` in the kubeconfig.",
    ),
    "FED118": Code(
        "Answer out of bounds",
        ERROR,
        "An answer of the API server is larger, nested deeper, or goes on for longer than any API server's: 32 MiB for one answer, 100,000 "
        "objects, 1,000 pages or ten times `mesh_api_timeout` for one list, an hour of requests for one task. A list that leads back to a page "
        "that was read before counts, too. Nothing that was read until then is used.",
        "See that the URL is the API server's own, and what stands between. Where objects are really so many or large, remove what nobody needs.",
    ),
    "FED119": Code(
        "Answer that is not of the Kubernetes API's shape",
        ERROR,
        "An answer is not JSON as API servers write it, or is not the object that was asked for: another kind, name or namespace, no name, "
        "metadata that cannot be, or a field of another type than its kind gives it. Whatever gives such an answer is broken, or is no API "
        "server. Nothing of it is used.",
        "See that the URL is the API server's own, and that no proxy, gateway or login page between changes its answers.",
    ),
}
