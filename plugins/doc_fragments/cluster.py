# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations


class ModuleDocFragment:
    """How a module reaches one cluster: the options of kubernetes.core, and a deadline."""

    DOCUMENTATION = r"""
options:
  kubeconfig:
    description:
      - A kubeconfig, as a path, as several paths joined by C(:), or its content as a mapping or a text. Also
        E(K8S_AUTH_KUBECONFIG).
      - Its settings are used as by C(kubectl), including C(proxy-url), C(tls-server-name), C(exec) and C(as); what is
        not read is refused by its name.
    type: raw
  context:
    description: The context of O(kubeconfig) to use; its current one when absent. Also E(K8S_AUTH_CONTEXT).
    type: str
  host:
    description:
      - The URL of the API server, in place of a kubeconfig's. Also E(K8S_AUTH_HOST).
      - With O(api_key), or O(client_cert) and O(client_key), or O(username) and O(password), no kubeconfig is read.
      - An C(http://) URL is refused, because credentials would be sent in the clear.
    type: str
  api_key:
    description: The token to authenticate with, in place of all credentials of O(kubeconfig). Also E(K8S_AUTH_API_KEY).
    type: str
  username:
    description:
      - The user to log in as at OpenShift's OAuth server, which gives a token for the run. Also E(K8S_AUTH_USERNAME).
      - The log-in uses the same connection settings and verification as all other requests.
    type: str
  password:
    description: The password of O(username). Also E(K8S_AUTH_PASSWORD).
    type: str
  validate_certs:
    description:
      - Whether the API server's certificate is verified. Also E(K8S_AUTH_VERIFY_SSL). It is verified by default.
      - If it is not verified, there is a warning.
    type: bool
    aliases: [verify_ssl]
  ca_cert:
    description: A file with the CA certificates that the API server's is verified against. Also
      E(K8S_AUTH_SSL_CA_CERT).
    type: path
    aliases: [ssl_ca_cert]
  client_cert:
    description: A file with the certificate to authenticate with. Also E(K8S_AUTH_CERT_FILE).
    type: path
    aliases: [cert_file]
  client_key:
    description: A file with the key of O(client_cert). Also E(K8S_AUTH_KEY_FILE).
    type: path
    aliases: [key_file]
  proxy:
    description:
      - The URL of a proxy to go through, C(http), C(https) or C(socks5), in place of the kubeconfig's C(proxy-url).
        Also E(K8S_AUTH_PROXY).
      - It may contain a user and a password, with C(#), C(/), C(?) and C(@) written as C(%23), C(%2F), C(%3F) and
        C(%40).
      - E(HTTPS_PROXY), E(NO_PROXY) and similar variables are ignored.
    type: str
  no_proxy:
    description: Hosts, domains and networks to reach without O(proxy), joined by commas. Also E(K8S_AUTH_NO_PROXY).
    type: str
  proxy_headers:
    description: Headers for the proxy.
    type: dict
    suboptions:
      proxy_basic_auth:
        description: C(user:password) for the proxy. Also E(K8S_AUTH_PROXY_HEADERS_PROXY_BASIC_AUTH).
        type: str
      basic_auth:
        description: C(user:password) for an C(Authorization) header. Also E(K8S_AUTH_PROXY_HEADERS_BASIC_AUTH).
        type: str
      user_agent:
        description: The user agent to name. Also E(K8S_AUTH_PROXY_HEADERS_USER_AGENT).
        type: str
  persist_config:
    description: Has no effect, because this collection never writes to a kubeconfig. Also E(K8S_AUTH_PERSIST_CONFIG).
    type: bool
  impersonate_user:
    description: The user to act as; refused beside C(as) of a kubeconfig. Also E(K8S_AUTH_IMPERSONATE_USER).
    type: str
  impersonate_groups:
    description: The groups to act as a member of. Also E(K8S_AUTH_IMPERSONATE_GROUPS), joined by commas.
    type: list
    elements: str
  api_timeout:
    description:
      - For how many seconds one request is retried in all, at least 1. A server that starts up, is busy, or cannot be
        reached for a moment is asked again; a refusal is not.
    type: int
    default: 60
notes:
  - The connection options and E(K8S_AUTH_*) variables are those of C(kubernetes.core), with two differences.
    Credentials are always given, by option or by E(K8S_AUTH_*). Neither E(KUBECONFIG), nor C(~/.kube/config), nor the
    service account of the pod that runs Ansible is ever used, so that no task changes a cluster that was not named.
  - What a task names is complete. The E(K8S_AUTH_*) variables count where a task gives no connection option but
    O(api_timeout), and then all of them together.
"""
