# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a Service's port most likely speaks, so that advice on its name fits: by its number, else by words in its name.

Sources: IANA, "Service Name and Transport Protocol Port Number Registry"; Istio documentation, "Protocol Selection".
"""

from __future__ import annotations

from collections.abc import Mapping

PROTOCOLS = {"http", "http2", "https", "grpc", "grpc-web", "tcp", "tls", "mongo", "mysql", "redis", "udp"}

# What is no HTTP: named tcp-<this>. Istio reads mongo, mysql and redis only where that was switched on, and tcp always
# works.
_TCP = {
    22: "ssh",
    25: "smtp",
    53: "dns",
    88: "kerberos",
    110: "pop3",
    143: "imap",
    389: "ldap",
    445: "smb",
    465: "smtps",
    514: "syslog",
    587: "smtp",
    636: "ldaps",
    993: "imaps",
    995: "pop3s",
    1414: "mq",
    1433: "mssql",
    1521: "oracle",
    1883: "mqtt",
    2049: "nfs",
    2181: "zookeeper",
    3306: "mysql",
    4222: "nats",
    5432: "postgres",
    5433: "postgres",
    5671: "amqps",
    5672: "amqp",
    6379: "redis",
    6432: "postgres",
    8883: "mqtts",
    9042: "cassandra",
    9092: "kafka",
    9093: "kafka",
    9300: "elastic",
    11211: "memcached",
    11222: "infinispan",
    26257: "cockroach",
    26379: "redis",
    27017: "mongo",
    50000: "db2",
    61616: "openwire",
}
_OTHERS = {
    80: "http",
    443: "https",
    3000: "http",
    5000: "http",
    8000: "http",
    8080: "http",
    8081: "http",
    8443: "https",
    9000: "http",
    50051: "grpc",
}
# Words in a port's or a Service's name, the most telling first.
_WORDS = (
    ("grpc", "grpc"),
    ("postgres", "tcp-postgres"),
    ("pgsql", "tcp-postgres"),
    ("mysql", "tcp-mysql"),
    ("mariadb", "tcp-mysql"),
    ("mssql", "tcp-mssql"),
    ("oracle", "tcp-oracle"),
    ("mongo", "tcp-mongo"),
    ("redis", "tcp-redis"),
    ("kafka", "tcp-kafka"),
    ("rabbit", "tcp-amqp"),
    ("amqp", "tcp-amqp"),
    ("mqtt", "tcp-mqtt"),
    ("ldap", "tcp-ldap"),
    ("smtp", "tcp-smtp"),
    ("cassandra", "tcp-cassandra"),
    ("memcache", "tcp-memcached"),
    ("database", "tcp"),
    ("https", "https"),
    ("http", "http"),
    ("rest", "http"),
    ("web", "http"),
)


def says_protocol(port: Mapping) -> bool:
    """Return whether a Service's port tells what it speaks: by ``appProtocol``, by UDP, or by the first word of its
    name.
    """
    if port.get("protocol") == "UDP" or port.get("appProtocol"):
        return True
    name = str(port.get("name") or "").lower()
    return name.partition("-")[0] in PROTOCOLS or name.startswith("grpc-web")


def advised_name(port: Mapping, service: str = "") -> str:
    """Return a name that tells what a port most likely speaks; "" where nothing tells it.

    A word in the port's own name weighs more than its number, a word in the Service's name less.
    """
    name, number = str(port.get("name") or "").lower(), port.get("port")
    by_number = (
        (f"tcp-{_TCP[number]}" if number in _TCP else _OTHERS.get(number, "")) if isinstance(number, int) else ""
    )
    return _by_word(name) or by_number or _by_word(service.lower())


def _by_word(text: str) -> str:
    return next((advised for word, advised in _WORDS if word in text), "")
