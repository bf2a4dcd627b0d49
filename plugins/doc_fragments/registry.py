# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations


class ModuleDocFragment:
    """A registry that images are read from, or pushed to."""

    DOCUMENTATION = r"""
options:
  registry_username:
    description:
      - An account of the registry; without one, only public images can be read. It is sent only to the registry, or to
        its token service on the same host.
      - Refused with O(registry_plain_http=true).
    type: str
    version_added: 0.3.0
  registry_password:
    description: Its password or token.
    type: str
    version_added: 0.3.0
  registry_token_host:
    description: A second host that may see user and password, where the registry has its tokens given by another, such
      as C(auth.example.com).
    type: str
    version_added: 0.3.0
  registry_ca_cert:
    description: A file with the CA certificates that the registry's certificate is checked against; the system's when
      absent.
    type: path
    version_added: 0.3.0
  registry_plain_http:
    description: Whether requests to the registry use plain HTTP. Digests are still verified, but anybody between can
      answer for a tag.
    type: bool
    default: false
    version_added: 0.3.0
  registry_timeout:
    description: Seconds that all requests to the registry may take together.
    type: int
    default: 120
    version_added: 0.3.0
"""
