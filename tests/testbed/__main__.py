# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The testbed by hand: ``python -m testbed up``, ``down``, ``call``, ``echo``, ``fault``, ``restart-istiod``, ``state``
and ``programs``.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import urllib.parse
from pathlib import Path
from typing import Any

from .client import Testbed, TestbedError
from .faults import NAMES
from .programs import (
    ProgramsError,
    find_controllers,
    find_istio,
    find_programs,
    find_prometheus,
    find_registry,
    may_lack_prometheus,
)
from .specification import MeshSpec


def default_directory() -> Path:
    """Return where a testbed lives that was given no directory."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "ossm-federation" / "testbed"


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m testbed",
        description="Service meshes to be federated, on real API servers and Envoys, on this machine.",
    )
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument(
        "--dir", type=Path, default=default_directory(), help="the testbed's directory (default: %(default)s)"
    )
    which = argparse.ArgumentParser(add_help=False)
    which.add_argument("--mesh", required=True, help="the mesh")
    commands = parser.add_subparsers(dest="command", required=True)

    up = commands.add_parser("up", parents=[where], help="start a testbed; it ends on Ctrl-C")
    up.add_argument(
        "--meshes",
        default="east,west",
        help="names of meshes, each with a cluster of its own unless written NAME@CLUSTER (default: %(default)s)",
    )
    up.add_argument(
        "--versions",
        default="v2.3",
        help="their control planes' versions, one for all or one each (default: %(default)s)",
    )
    up.add_argument(
        "--clock-scale", type=float, default=0.05, help="real seconds per second of mesh time (default: %(default)s)"
    )
    up.add_argument("--crds", type=Path, help="a folder of CRD texts to take in place of ours")
    up.add_argument("--no-control-planes", action="store_true", help="operators and namespaces only")
    up.add_argument(
        "--olm", action="store_true", help="OLM and namespaces only: the operator comes when it is subscribed"
    )
    up.add_argument("--detach", action="store_true", help="return when it is up, and leave it running until `down`")
    up.set_defaults(run=_up)

    commands.add_parser("down", parents=[where], help="end a testbed").set_defaults(run=_down)
    commands.add_parser("state", parents=[where], help="print what a testbed holds, as JSON").set_defaults(run=_state)

    call = commands.add_parser("call", parents=[where, which], help="call a URL from inside a mesh")
    call.add_argument(
        "--source", default="client.shop", help="who calls: SERVICE-ACCOUNT.NAMESPACE (default: %(default)s)"
    )
    call.add_argument("url", help="such as http://cart.shop.svc.east-imports.local/")
    call.set_defaults(run=_call)

    echo = commands.add_parser("echo", parents=[where, which], help="make a service that answers")
    echo.add_argument("--ports", default="80", help="its ports (default: %(default)s)")
    echo.add_argument("--text", default="", help="what it says of itself")
    echo.add_argument("service", metavar="NAME.NAMESPACE", help="such as cart.shop")
    echo.set_defaults(run=_echo)

    told = "\n".join(f"  {name}: {meaning}" for name, meaning in NAMES.items())
    fault = commands.add_parser(
        "fault",
        parents=[where, which],
        help="make something go wrong",
        epilog=f"faults:\n{told}",
        formatter_class=argparse.RawTextHelpFormatter,
    )
    fault.add_argument("--off", action="store_true", help="switch it off")
    fault.add_argument("name", choices=sorted(NAMES), metavar="NAME", help="the fault")
    fault.add_argument("settings", nargs="*", metavar="KEY=VALUE", help="its settings, such as seconds=5")
    fault.set_defaults(run=_fault)

    commands.add_parser("restart-istiod", parents=[where, which], help="replace a mesh's istiod").set_defaults(
        run=_restart
    )
    programs = commands.add_parser("programs", help="only fetch or build the programs")
    programs.add_argument("--controllers", action="store_true", help="those with which workloads roll, too")
    programs.add_argument("--istio", action="store_true", help="those of a real Istio control plane only")
    programs.set_defaults(run=_programs)
    return parser


def _up(asked: argparse.Namespace) -> int:
    names = asked.meshes.split(",")
    versions = asked.versions.split(",")
    if len(versions) == 1:
        versions *= len(names)
    if len(versions) != len(names):
        raise TestbedError(f"--versions names {len(versions)} versions for {len(names)} meshes")
    meshes = []
    for entry, version in zip(names, versions):
        name, _at, cluster = entry.partition("@")
        # services of meshes that share a cluster cannot share a namespace
        own = {"members": (f"{name}-shop",), "services": {f"{name}-shop": ["cart"]}} if cluster else {}
        meshes.append(
            MeshSpec(
                name,
                cluster=cluster,
                version=version,
                control_plane_present=not (asked.no_control_planes or asked.olm),
                **own,
            )
        )
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: _interrupt())
    bed = Testbed.start(
        asked.dir, meshes, asked.clock_scale, asked.crds, tied=not asked.detach, olm=asked.olm, say=_say
    )
    try:
        _say(_welcome(bed))
        if not asked.detach:
            while not stop.wait(1):
                if not Path(f"/proc/{bed.pid}").exists():
                    raise TestbedError(f"the testbed has ended; {bed.directory / 'supervisor.log'} tells more")
    except KeyboardInterrupt:
        _say("Ending the testbed")
    finally:
        if not asked.detach:
            bed.stop()
    return 0


def _interrupt() -> None:
    raise KeyboardInterrupt


def _welcome(bed: Testbed) -> str:
    lines = [f"Up in {bed.directory}", ""]
    for mesh in bed.meshes.values():
        lines.append(
            f"{mesh.name}: {mesh.namespace}/{mesh.control_plane} {mesh.version}, trust domain {mesh.trust_domain}"
        )
        lines.append(f"  export KUBECONFIG={mesh.kubeconfig}")
    first = next(iter(bed.meshes.values()))
    where = "" if bed.directory == default_directory() else f" --dir {bed.directory}"
    program = "PYTHONPATH=tests python -m testbed"
    host = f"http://cart.{'shop' if first.cluster == first.name else f'{first.name}-shop'}.svc.cluster.local/"
    lines += [
        "",
        "Try:",
        f"  kubectl --kubeconfig {first.kubeconfig} get smcp,smmr -A",
        f"  {program} call{where} --mesh {first.name} {host}",
        f"  {program} fault{where} --mesh {first.name} peer-unreachable",
        f"  {program} down{where}",
    ]
    return "\n".join(lines)


def _down(asked: argparse.Namespace) -> int:
    Testbed.attach(asked.dir).stop()
    return 0


def _state(asked: argparse.Namespace) -> int:
    _say(json.dumps(Testbed.attach(asked.dir).state(), indent=2))
    return 0


def _call(asked: argparse.Namespace) -> int:
    url = urllib.parse.urlsplit(asked.url)
    if url.scheme != "http" or not url.hostname:
        raise TestbedError(f"{asked.url} is not http://HOST[:PORT]/PATH")
    bed = Testbed.attach(asked.dir)
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    answer = _mesh(bed, asked.mesh).call(url.hostname, url.port or 80, path, asked.source)
    _say(
        f"{answer.status} {answer.body.rstrip()}"
        if answer.status and answer.body
        else f"{answer.status or 'no answer'} {answer.error}"
    )
    return 0 if answer.status is not None and answer.status < 400 else 1


def _echo(asked: argparse.Namespace) -> int:
    name, _dot, namespace = asked.service.partition(".")
    _mesh(Testbed.attach(asked.dir), asked.mesh).echo(
        namespace, name, [int(port) for port in asked.ports.split(",")], text=asked.text
    )
    return 0


def _fault(asked: argparse.Namespace) -> int:
    mesh = _mesh(Testbed.attach(asked.dir), asked.mesh)
    if asked.off:
        mesh.heal(asked.name)
    else:
        mesh.fault(asked.name, **dict(_setting(text) for text in asked.settings))
    return 0


def _setting(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals:
        raise TestbedError(f"{text} is not KEY=VALUE")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def _restart(asked: argparse.Namespace) -> int:
    _mesh(Testbed.attach(asked.dir), asked.mesh).restart_istiod()
    return 0


def _programs(asked: argparse.Namespace) -> int:
    if asked.istio:
        istio = find_istio(_say)
        _say(f"istiod: {istio.discovery}\npilot-agent: {istio.agent}\nresource definitions: {istio.definitions}")
        return 0
    found = find_programs(_say)
    _say(f"etcd and kube-apiserver: {found.source}\n  {found.etcd}\n  {found.kube_apiserver}\nEnvoy: {found.envoy}")
    if asked.controllers:
        controllers = find_controllers(_say)
        _say(
            f"kube-controller-manager: {controllers.controller_manager}\nkube-scheduler: {controllers.scheduler}\nkwok:"
            f" {controllers.kwok}"
        )
        _say(f"registry: {find_registry(_say)}")
        _say(_prometheus())
    return 0


def _prometheus() -> str:
    try:
        found = find_prometheus(_say)
    except ProgramsError as error:
        if not may_lack_prometheus():
            raise
        return f"Prometheus: NOT THERE, its tests will be skipped: {error}"
    return f"Prometheus: {found.source}\n  {found.server}\n  {found.promtool}"


def _mesh(bed: Testbed, name: str) -> Any:
    if name not in bed.meshes:
        raise TestbedError(f"there is no mesh '{name}'; there are {', '.join(bed.meshes)}")
    return bed.meshes[name]


def _say(text: str) -> None:
    print(text, flush=True)


def main() -> int:
    """Do what the command line asks and return the exit code."""
    asked = _arguments().parse_args()
    try:
        return asked.run(asked)
    except (TestbedError, ProgramsError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
