# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What goes to a peer's administrator beside the card: a letter, and for those without Ansible their half as files.

Neither holds a fingerprint or the digits of an identity: whoever swaps the card swaps what travels with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..card.card import FLAT, Card, file_name
from ..control_plane.live import parse_version
from ..mesh.described import Half, Mesh, Peer
from ..plain.kinds import MANAGER, gateways_manager
from .identity import remembering
from .plan import plan_gateways, plan_peering
from .render import applicable

_MARK = "Written by ossm.federation for mesh {mesh}"
_FINGERPRINTS = """\
jq -r '.roots[].pem' {card} | awk '/BEGIN CERT/ {{n++}} {{print > ("root-" n ".pem")}}'
for root in root-*.pem; do openssl x509 -in "$root" -noout -fingerprint -sha256; done"""
_APPLIED = """\
sed 's/^ *//' {file} | awk '/BEGIN CERT/ {{n++}} /BEGIN CERT/,/END CERT/ {{print > ("root-" n ".pem")}}'
for root in root-*.pem; do openssl x509 -in "$root" -noout -fingerprint -sha256; done"""


@dataclass(frozen=True)
class Told:
    """What a letter tells of one card: who made it, for which peer, and what firewalls must let through, in words."""

    mesh: Mesh
    peer: Peer
    card: Card
    passage: tuple[str, ...]
    layout: str = FLAT

    @property
    def stem(self) -> str:
        """Return the path that the card's file, its letter and the folder of a half share."""
        return file_name(self.mesh.name, self.mesh.known_as(self.peer), self.layout).removesuffix(".json")

    @property
    def mark(self) -> str:
        """Return the words by which our own files are known."""
        return _MARK.format(mesh=self.mesh.name)

    @property
    def line(self) -> str:
        """Return what goes to the peer's administrator with the card."""
        folder = f" and the folder {self.stem}" if self.peer.half else ""
        return (
            f"with {self.stem}.json goes {self.stem}.md{folder}: what the administrator of"
            f" {self.mesh.known_as(self.peer)} does next"
        )


def is_ours(text: str, mesh: Mesh) -> bool:
    """Return whether a text is a letter, or a file of a half, that this mesh's administrator had written."""
    return _MARK.format(mesh=mesh.name) in text.partition("\n")[0]


def letters(told: Sequence[Told]) -> dict[str, str]:
    """Return the letters, and the halves of peers without Ansible, by their paths below the folder of the cards."""
    written: dict[str, str] = {}
    for one in told:
        written[f"{one.stem}.md"] = letter(one)
        if one.peer.half:
            written.update({f"{one.stem}/{name}": text for name, text in half(one, one.peer.half).items()})
    return written


def letter(told: Told) -> str:
    """Return the letter that goes with a card, as Markdown. Equal facts give equal bytes."""
    return "\n".join(
        (_opening(told), _by_voice(told), _firewall(2, told.passage), _with_ansible(told), _without_ansible(told))
    )


def _opening(told: Told) -> str:
    mesh, peer, card = told.mesh.name, told.peer.name, f"{told.stem.rpartition('/')[2]}.json"
    received = file_name(mesh, peer)
    renamed = f" Keep it as `{received}`." if received != card else ""
    return f"""\
<!-- {told.mark}. Written again with the card; change the inventory, not this file. -->

# {mesh} for {peer}

`{card}` is the card of the mesh **{mesh}** for your mesh **{peer}**.{renamed} It is a file of public facts: the trust domain, the root
certificates, the address of the gateway that serves you, and the services that {mesh} offers you. It holds no key and no password,
and you use none of it before you have compared the root certificates.
"""


def _by_voice(told: Told) -> str:
    mesh, received = told.mesh.name, file_name(told.mesh.name, told.peer.name)
    called = f"The mesh is kept by: {told.mesh.owner}. " if told.mesh.owner else ""
    return f"""\
## 1. Compare the fingerprints by voice

Print the fingerprint of each root on the card:

```sh
{_FINGERPRINTS.format(card=received)}
```

With Ansible, `ansible-playbook -i meshes.yml ossm.federation.show_card -e show_card_file={received}` prints it, too, with what else the card says.

Now call the administrator of {mesh}. {called}Use a number that you had before, or that your company's directory has: not one from the
message that brought this letter. They read their fingerprint from the output of `publish_cards`, or from their own cluster. `publish_cards`
prints the first 32 digits in eight groups: compare all eight. This letter does not hold the fingerprint: whoever can replace the card can replace the letter.
"""


def _firewall(number: int, passage: Sequence[str]) -> str:
    return f"""\
## {number}. Open the firewall

{_bullets(passage)}
"""


def _with_ansible(told: Told) -> str:
    mesh, peer = told.mesh.name, told.peer.name
    return f"""\
## 3. With Ansible

Install the collection `ossm.federation`, as its README says, and describe your mesh:

```yaml
# meshes.yml
meshes:
  hosts:
    {peer}:
      mesh_kubeconfig: {peer}.kubeconfig
      mesh_namespace: <the namespace of your control plane>
      mesh_control_plane: <the name of your ServiceMeshControlPlane>
      mesh_peers:
        - name: {mesh}
          root_fingerprints: [<what you compared>]
```

```sh
mkdir -p cards && mv {file_name(mesh, peer)} cards/
ansible-playbook -i meshes.yml ossm.federation.publish_cards    # writes cards/{
        file_name(peer, mesh)
    }: hand it to the administrator of {mesh}
ansible-playbook -i meshes.yml ossm.federation.federate -e federation_cards_dir=cards --check --diff
ansible-playbook -i meshes.yml ossm.federation.federate -e federation_cards_dir=cards
```
"""


def _without_ansible(told: Told) -> str:
    if told.peer.half:
        way = f"Take the folder `{told.stem}` that comes with this letter; its `README.md` has each command."
    else:
        way = f"""\
Ask the administrator of {told.mesh.name} for your half as files. For that they need the namespace and the name of your ServiceMeshControlPlane,
and write them into their inventory:

```yaml
mesh_peers:
  - name: {told.peer.name}
    kubectl: {{namespace: <namespace>, control_plane: <name>}}
```"""
    return f"""\
## 4. Without Ansible

{way}
"""


def half(told: Told, given: Half) -> dict[str, str]:
    """Return the peer's half as files by their paths: its gateways, its peering and a README with each command.

    They are what ``federate`` of the peer would apply, under the same field managers, so that a later run finds its
    own.
    """
    version = parse_version(given.version)
    # The first line of each, so that the next run knows its own.
    head = f"# {told.mark}, for the administrator of {told.peer.name}. README.md says what to do with it.\n"
    gateways = plan_gateways(
        given.mesh, given.peer, version=version, has_route_config=bool(version and version >= (2, 5))
    )
    manifests = [
        remembering(manifest, told.card, None, None) for manifest in plan_peering(given.mesh, given.peer, told.card)
    ]
    return {
        **applicable(head, "gateways", [gateways]),
        **applicable(head, "peering", manifests),
        "README.md": _readme(told, given, [manifest["kind"].lower() for manifest in manifests]),
    }


def command(manager: str, path: str) -> str:
    """Return the command that applies a file or folder as one of our field managers."""
    option = "-f" if path.endswith(".yaml") else "-k"
    return f"kubectl apply --server-side --field-manager={manager} {option} {path}"


def _readme(told: Told, given: Half, kinds: Sequence[str]) -> str:
    return "\n".join(
        (
            _opening_of_half(told, given, f"peering/1-{kinds[0]}.yaml"),
            _gateways_of_half(given),
            _firewall(3, told.passage),
            _peering_of_half(told, kinds),
            _card_of_half(told, given),
        )
    )


def _opening_of_half(told: Told, given: Half, bundle: str) -> str:
    mesh, peer = told.mesh.name, told.peer.name
    return f"""\
<!-- {told.mark}, for the administrator of {peer}. Written again with the card. -->

# Federate {peer} with {mesh}, without Ansible

For the administrator of the mesh **{peer}**. You need `kubectl` or `oc` with a context that reaches your cluster, `openssl`, and for the
last step `jq`. Read the files: they are short. They write into the namespace `{given.mesh.namespace}` only.

Every command uses server-side apply and a field manager of its own. Keep both as they are: a later
`ansible-playbook ossm.federation.federate` for {peer} then finds what it would have written itself.

## 1. Compare the fingerprints by voice

The certificates that you are about to trust are in `{bundle}`. Print their fingerprints:

```sh
{_APPLIED.format(file=bundle)}
```

Call the administrator of {mesh} by a number that you had before. They read you 32 digits in eight groups: compare all eight with the
first 32 digits that you see. Stop when they differ.
"""


def _gateways_of_half(given: Half) -> str:
    space = given.mesh.namespace
    return f"""\
## 2. Make the gateways

Look first that the control plane is the right one: apply would make one that does not exist.

```sh
kubectl -n {space} get servicemeshcontrolplane {given.mesh.control_plane} && \\
  {command(gateways_manager(given.peer.local_name), "gateways/1-servicemeshcontrolplane.yaml")}
```

The operator now makes them. Wait until the Service of the ingress gateway is there and has an address:

```sh
kubectl -n {space} get service {given.peer.gateways.ingress}
```
"""


def _peering_of_half(told: Told, kinds: Sequence[str]) -> str:
    mesh, peer = told.mesh.name, told.peer.name
    applied = "\n".join(command(MANAGER, f"peering/{at}-{kind}.yaml") for at, kind in enumerate(kinds, start=1))
    return f"""\
## 4. Make the peering

In this order:

```sh
{applied}
```

`peering/3-{kinds[2]}.yaml` says what {peer} offers {mesh}, `peering/4-{kinds[3]}.yaml` what {peer} takes. To change that, edit the rules
and apply the file again with the same command.
"""


def _card_of_half(told: Told, given: Half) -> str:
    mesh, peer, space = told.mesh.name, told.peer.name, given.mesh.namespace
    back = file_name(peer, mesh)
    addresses = " --address <address of a node>" if given.peer.gateways.service_type == "NodePort" else ""
    return f"""\
## 5. Hand your card over

{mesh} needs your card. `make-card.sh` reads your cluster and writes nothing to it:

```sh
sh make-card.sh --mesh {peer} --for {mesh} --namespace {space} --control-plane {given.mesh.control_plane}{addresses} > {back}
```

It also prints the fingerprint of each root certificate on your card. Keep them, and send `{back}` to the administrator of {mesh}. When
they call you, read the fingerprints out.

## 6. Look whether it works

```sh
kubectl -n {space} get servicemeshpeer {given.peer.local_name} -o jsonpath='{{.status}}'
```

`connected: true` stands under `discoveryStatus` once both sides are done.

When {mesh} changes its address or its root, its administrator sends a new card and a new folder: start again at step 1.
"""


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines) or "- nothing"
