# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations


class ModuleDocFragment:
    """A Prometheus that is asked about calls."""

    DOCUMENTATION = r"""
options:
  prometheus_url:
    description: The URL of a Prometheus (or Thanos querier) that has the mesh's metrics, such as
      C(https://prometheus-istio.apps.example.com).
    type: str
  prometheus_token:
    description: A bearer token that may query it. Refused with an URL of C(http).
    type: str
  prometheus_ca_cert:
    description: A file with the CA certificates that its certificate is checked against; the system's when absent.
    type: path
"""
