# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What makes workloads real: kube-controller-manager, kube-scheduler, and kwok in the kubelets' place.

Deployments, StatefulSets and DaemonSets roll as anywhere, namespaces go, pods become Ready on nodes that are made up. A
pod with the annotation ``testbed/never-ready`` stays Pending for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import yaml

from .cluster import Cluster
from .programs import Controllers as Programs

NEVER_READY = "testbed/never-ready"
NODES = 3

_NODE_STATUS = """\
{{ $now := Now }}
allocatable: {cpu: "32", memory: 256Gi, pods: "1000"}
capacity: {cpu: "32", memory: 256Gi, pods: "1000"}
conditions:
- type: Ready
  status: "True"
  reason: KubeletReady
  message: made up by the testbed
  lastHeartbeatTime: {{ $now | Quote }}
  lastTransitionTime: {{ $now | Quote }}
phase: Running
"""
_POD_STATUS = """\
{{ $now := Now }}
phase: Running
startTime: {{ $now | Quote }}
hostIP: {{ NodeIPWith .spec.nodeName | Quote }}
podIP: {{ PodIPWith .spec.nodeName ( or .spec.hostNetwork false ) ( or .metadata.uid "" ) ( or .metadata.name "" ) ( or .metadata.namespace "" ) | Quote }}
conditions:
- {type: Initialized, status: "True", lastTransitionTime: {{ $now | Quote }}}
- {type: ContainersReady, status: "True", lastTransitionTime: {{ $now | Quote }}}
- {type: Ready, status: "True", lastTransitionTime: {{ $now | Quote }}}
containerStatuses:
{{ range .spec.containers }}
- {name: {{ .name | Quote }}, image: {{ .image | Quote }}, ready: true, restartCount: 0, state: {running: {startedAt: {{ $now | Quote }}}}}
{{ end }}
"""


def _stage(name: str, kind: str, expressions: list[tuple], **following: object) -> dict:
    selector = [
        {"key": key, "operator": operator, **({"values": list(values)} if values else {})}
        for key, operator, *values in expressions
    ]
    return {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": name},
        "spec": {
            "resourceRef": {"apiGroup": "v1", "kind": kind},
            "selector": {"matchExpressions": selector},
            "next": following,
        },
    }


STAGES = (
    _stage(
        "node-ready",
        "Node",
        [('.status.conditions.[] | select( .type == "Ready" ) | .status', "NotIn", "True")],
        statusTemplate=_NODE_STATUS,
    ),
    _stage(
        "pod-ready",
        "Pod",
        [
            (".metadata.deletionTimestamp", "DoesNotExist"),
            (".status.podIP", "DoesNotExist"),
            (f'.metadata.annotations["{NEVER_READY}"]', "DoesNotExist"),
        ],
        statusTemplate=_POD_STATUS,
    ),
    _stage("pod-gone", "Pod", [(".metadata.deletionTimestamp", "Exists")], finalizers={"empty": True}, delete=True),
)


def start_controllers(cluster: Cluster, programs: Programs, start: Callable[..., object]) -> None:
    """Start the three programs for a cluster; ``start`` is ``Processes.start``. They end with the other processes."""
    kubeconfig = cluster.directory / "kubeconfig-controllers"
    cluster.write_kubeconfig(kubeconfig, cluster.name, cluster.server)
    stages = cluster.directory / "stages.yaml"
    stages.write_text(yaml.safe_dump_all(STAGES, sort_keys=False), encoding="utf-8")
    for number in range(NODES):
        labels = {
            "kubernetes.io/os": "linux",
            "kubernetes.io/arch": "amd64",
            "kubernetes.io/hostname": f"worker-{number}",
        }
        cluster.kube.create(
            {"apiVersion": "v1", "kind": "Node", "metadata": {"name": f"worker-{number}", "labels": labels}}
        )
    home = {"HOME": str(cluster.directory)}
    words: dict[str, list[str | Path]] = {
        "kube-controller-manager": [
            programs.controller_manager,
            f"--kubeconfig={kubeconfig}",
            "--leader-elect=false",
            "--secure-port=0",
            "--use-service-account-credentials=true",
            f"--service-account-private-key-file={cluster.account_key}",
            f"--root-ca-file={cluster.authority.file}",
            # A Deployment that does not get on is given up after what its own progressDeadlineSeconds says.
            "--concurrent-deployment-syncs=5",
        ],
        "kube-scheduler": [programs.scheduler, f"--kubeconfig={kubeconfig}", "--leader-elect=false", "--secure-port=0"],
        "kwok": [
            programs.kwok,
            f"--kubeconfig={kubeconfig}",
            "--manage-all-nodes=true",
            "--node-lease-duration-seconds=40",
            f"--config={stages}",
            "--server-address=",
        ],
    }
    for name, command in words.items():
        start(f"{name} of {cluster.name}", command, cluster.directory / f"{name}.log", home)
