# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Argument specs that modules share. Their twins are the documentation fragments."""

from __future__ import annotations

# As kubernetes.core has them, so that one set of module_defaults serves both collections; a test compares them.
CLUSTER = {
    "kubeconfig": {"type": "raw"},
    "context": {"type": "str"},
    "host": {"type": "str"},
    "api_key": {"type": "str", "no_log": True},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "validate_certs": {"type": "bool", "aliases": ["verify_ssl"]},
    "ca_cert": {"type": "path", "aliases": ["ssl_ca_cert"]},
    "client_cert": {"type": "path", "aliases": ["cert_file"]},
    "client_key": {"type": "path", "aliases": ["key_file"]},
    "proxy": {"type": "str"},
    "no_proxy": {"type": "str"},
    "proxy_headers": {
        "type": "dict",
        "options": {
            "proxy_basic_auth": {"type": "str", "no_log": True},
            "basic_auth": {"type": "str", "no_log": True},
            "user_agent": {"type": "str"},
        },
    },
    "persist_config": {"type": "bool"},
    "impersonate_user": {"type": "str"},
    "impersonate_groups": {"type": "list", "elements": "str"},
    "api_timeout": {"type": "int", "default": 60},
}

MESH = {
    "mesh": {"type": "str", "required": True},
    "namespace": {"type": "str"},
    "control_plane": {"type": "str", "default": "basic"},
}
CARDS = {
    "cards": {"type": "list", "elements": "raw", "default": []},
    "cards_from": {"type": "str"},
    "cards_in_run": {"type": "list", "elements": "raw", "default": []},
    "cards_dir": {"type": "path"},
}
WAITING = {
    "soft": {"type": "bool", "default": False},
    "waited": {"type": "int", "default": 0},
    "wrote": {"type": "list", "elements": "str", "default": []},
}
APPROVALS = ["Manual", "Automatic"]
OLM = {
    "control_planes": {"type": "list", "elements": "dict", "default": []},
    "operators": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "package": {"type": "str", "required": True},
            "namespace": {"type": "str"},
            "channel": {"type": "str"},
            "catalog": {"type": "str"},
            "approval": {"type": "str", "choices": APPROVALS},
            "starting_csv": {"type": "str"},
        },
    },
    "tenants": {"type": "list", "elements": "dict", "default": []},
    "catalog": {"type": "str", "default": "redhat-operators"},
    "catalog_namespace": {"type": "str", "default": "openshift-marketplace"},
    "approval": {"type": "str", "choices": APPROVALS, "default": "Manual"},
}
PROMETHEUS = {
    "prometheus_url": {"type": "str"},
    "prometheus_token": {"type": "str", "no_log": True},
    "prometheus_ca_cert": {"type": "path"},
}
REGISTRY = {
    "registry_username": {"type": "str"},
    "registry_password": {"type": "str", "no_log": True},
    "registry_token_host": {"type": "str", "no_log": False},
    "registry_ca_cert": {"type": "path"},
    "registry_plain_http": {"type": "bool", "default": False},
    "registry_timeout": {"type": "int", "default": 120},
}
REGISTRY_TOGETHER = [("registry_username", "registry_password")]
FORCE = {"force": {"type": "bool", "default": False}}

# The variables that stand in for options that are not given, the first that is set. Those of ``proxy_headers`` are its
# own.
CLUSTER_ENVIRONMENT = {
    option: tuple(f"K8S_AUTH_{name.upper()}" for name in (option, *spec.get("aliases", ())))
    for option, spec in CLUSTER.items()
    if option not in ("proxy_headers", "api_timeout")
}
PROXY_HEADERS_ENVIRONMENT = {
    header: f"K8S_AUTH_PROXY_HEADERS_{header.upper()}" for header in CLUSTER["proxy_headers"]["options"]
}
