# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations


class ModuleDocFragment:
    """How a module reaches its cluster; the names are those of kubernetes.core."""

    DOCUMENTATION = r"""
options:
  kubeconfig:
    description:
      - A kubeconfig as a path or as a dictionary. Also by the variable E(K8S_AUTH_KUBECONFIG).
      - Unlike in kubernetes.core, C(~/.kube/config) is never used unasked, nor is the account of the pod that runs Ansible,
        so that no run changes a cluster that somebody happens to be logged in to.
    type: raw
  context:
    description: The context of the kubeconfig. Also by E(K8S_AUTH_CONTEXT).
    type: str
  host:
    description: The URL of the API server. Also by E(K8S_AUTH_HOST).
    type: str
  api_key:
    description: A bearer token. Also by E(K8S_AUTH_API_KEY).
    type: str
  username:
    description:
      - A user of OpenShift's OAuth server, with O(password). Needs the Python library C(openshift). Also by
        E(K8S_AUTH_USERNAME).
    type: str
  password:
    description: The password of O(username). Also by E(K8S_AUTH_PASSWORD).
    type: str
  validate_certs:
    description: Whether the API server's certificate is verified. Also by E(K8S_AUTH_VERIFY_SSL).
    type: bool
    aliases: [verify_ssl]
  ca_cert:
    description: The file of the CA that signed the API server's certificate. Also by E(K8S_AUTH_SSL_CA_CERT).
    type: path
    aliases: [ssl_ca_cert]
  client_cert:
    description: The file of a client certificate. Also by E(K8S_AUTH_CERT_FILE).
    type: path
    aliases: [cert_file]
  client_key:
    description: The file of the key of O(client_cert). Also by E(K8S_AUTH_KEY_FILE).
    type: path
    aliases: [key_file]
  proxy:
    description: The URL of an HTTP proxy. Also by E(K8S_AUTH_PROXY).
    type: str
  no_proxy:
    description: Hosts that are reached without the proxy, with commas between them. Also by E(K8S_AUTH_NO_PROXY).
    type: str
  proxy_headers:
    description: Headers for the proxy.
    type: dict
    suboptions:
      proxy_basic_auth:
        description: User and password for the proxy, with a colon between them. Also by E(K8S_AUTH_PROXY_HEADERS_PROXY_BASIC_AUTH).
        type: str
      basic_auth:
        description: User and password for basic authentication. Also by E(K8S_AUTH_PROXY_HEADERS_BASIC_AUTH).
        type: str
      user_agent:
        description: The user agent. Also by E(K8S_AUTH_PROXY_HEADERS_USER_AGENT).
        type: str
  persist_config:
    description: Whether refreshed tokens are saved to the kubeconfig. Also by E(K8S_AUTH_PERSIST_CONFIG).
    type: bool
  impersonate_user:
    description: The user to act as. Also by E(K8S_AUTH_IMPERSONATE_USER).
    type: str
  impersonate_groups:
    description: The groups to act as. Also by E(K8S_AUTH_IMPERSONATE_GROUPS), with commas between them.
    type: list
    elements: str
  api_timeout:
    description: Seconds for which one request is tried again while the API server does not answer or is busy.
    type: int
    default: 60
requirements:
  - kubernetes >= 31, not 36.0.0
  - cryptography, to read root certificates
  - openshift, only to log in with O(username) and O(password)
"""
