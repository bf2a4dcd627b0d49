#!/bin/sh
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# Prints the card of a mesh for one peer, as publish_cards of the collection ossm.federation makes it, and on standard error the
# fingerprints of its roots. It reads the cluster that kubectl (or oc) reaches and writes nothing to it. A card holds public facts only.
set -eu
# Ranges of letters are those of ASCII.
LC_ALL=C
export LC_ALL

usage() {
    cat <<'USAGE'
Usage: make-card.sh --mesh NAME --for PEER --namespace NAMESPACE --control-plane NAME [options] > NAME-for-PEER.json

  --mesh NAME            what your mesh calls itself
  --for PEER             what the peer's mesh calls itself
  --namespace NAMESPACE  the namespace of your control plane
  --control-plane NAME   the name of your ServiceMeshControlPlane
  --local-name NAME      the name of your ServiceMeshPeer for the peer, where it is not PEER
  --address ADDRESS      where the peer reaches your gateway, instead of what its Service says; may be repeated. Needed for node ports
  --discovery-port PORT  the port for discovery at that address, 8188 or the node port by default
  --service-port PORT    the port for services at that address, 15443 or the node port by default

The fingerprints of your roots go to standard error: read them out when the peer's administrator calls.

The program kubectl, or oc, asks the cluster; KUBECTL names another one, also with options: KUBECTL="kubectl --context west".
USAGE
}

fail() {
    echo "make-card.sh: $*" >&2
    exit 1
}

mesh='' audience='' space='' control_plane='' peer='' addresses='' discovery='' service=''
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help) usage; exit 0 ;;
        --mesh | --for | --namespace | --control-plane | --local-name | --address | --discovery-port | --service-port)
            [ $# -gt 1 ] || fail "$1 lacks its value"
            case $2 in
                '' | *[!a-zA-Z0-9.:-]*) fail "$1: '$2' is not a name or a number" ;;
            esac
            case $1,$2 in
                --mesh,*[!a-z0-9-]* | --for,*[!a-z0-9-]* | --mesh,-* | --for,-* | --mesh,*- | --for,*-)
                    fail "$1: '$2' must be lower-case letters, digits and hyphens" ;;
                --discovery-port,*[!0-9]* | --service-port,*[!0-9]*) fail "$1: '$2' must be a number" ;;
            esac ;;
        *) usage >&2; fail "unknown option $1" ;;
    esac
    case $1 in
        --mesh) mesh=$2 ;;
        --for) audience=$2 ;;
        --namespace) space=$2 ;;
        --control-plane) control_plane=$2 ;;
        --local-name) peer=$2 ;;
        --address) addresses="$addresses $2" ;;
        --discovery-port) discovery=$2 ;;
        --service-port) service=$2 ;;
    esac
    shift 2
done
[ -n "$mesh" ] && [ -n "$audience" ] && [ -n "$space" ] && [ -n "$control_plane" ] || { usage >&2; fail "an option is missing"; }
peer=${peer:-$audience}

for program in jq openssl awk; do
    command -v "$program" >/dev/null || fail "the program $program is missing"
done
if [ -z "${KUBECTL:-}" ]; then
    if command -v kubectl >/dev/null; then KUBECTL=kubectl; elif command -v oc >/dev/null; then KUBECTL=oc; else fail "neither kubectl nor oc is here"; fi
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

get() { # the namespace, then what to get
    # KUBECTL may carry options, so it is split into words.
    # shellcheck disable=SC2086
    $KUBECTL -n "$1" get "$2" ${3:+"$3"} -o json
}

get "$space" servicemeshcontrolplanes.maistra.io "$control_plane" >"$work/control-plane.json"

# Who the mesh is. Profiles count by status.appliedSpec where spec is silent.
said() {
    jq -r --arg other "$2" "(.spec$1 // .status.appliedSpec$1 // \$other)" "$work/control-plane.json"
}
domain=$(said .security.trust.domain cluster.local)
[ "$domain" != cluster.local ] || fail "the control plane has no trust domain of its own: set spec.security.trust.domain first"
cluster_domain=$(said .proxy.networking.clusterDomain cluster.local)
roots=istio-ca-root-cert
if [ "$(said .security.certificateAuthority.type '')" = cert-manager ]; then
    roots=$(said '.security.certificateAuthority."cert-manager".rootCAConfigMapName' "$roots")
fi

# The root certificates, in the order of the ConfigMap, each once; those that have expired are left out.
get "$space" configmaps "$roots" >"$work/root.json"
jq -r '.data["root-cert.pem"] // ""' "$work/root.json" >"$work/roots.pem"
if grep -q 'PRIVATE KEY' "$work/roots.pem"; then fail "ConfigMap $space/$roots holds a private key"; fi
awk -v to="$work/root-" '/BEGIN CERT/ { n++ } /BEGIN CERT/, /END CERT/ { print > sprintf("%s%03d.pem", to, n) }' "$work/roots.pem"
: >"$work/roots.json"
seen=
for root in "$work"/root-*.pem; do
    [ -e "$root" ] || fail "ConfigMap $space/$roots holds no root certificate"
    pem=$(openssl x509 -in "$root") || fail "ConfigMap $space/$roots holds what is not a certificate"
    fingerprint=$(openssl x509 -in "$root" -noout -fingerprint -sha256 | sed 's/^.*=//; s/://g')
    case " $seen " in *" $fingerprint "*) continue ;; esac
    seen="$seen $fingerprint"
    if ! openssl x509 -in "$root" -noout -checkend 0 >/dev/null; then
        echo "make-card.sh: a root certificate of ConfigMap $space/$roots has expired, and is left out" >&2
        continue
    fi
    jq -n --arg fingerprint "$fingerprint" --arg pem "$pem" '{$fingerprint, pem: ($pem + "\n")}' >>"$work/roots.json"
done
[ -s "$work/roots.json" ] || fail "ConfigMap $space/$roots holds no root certificate that is in force"

# The gateways by the ServiceMeshPeer, where that stands already.
get "$space" servicemeshpeers.federation.maistra.io >"$work/peers.json"
gateway() {
    jq -r --arg peer "$peer" --arg kind "$1" \
        '([.items[] | select(.metadata.name == $peer) | .spec.gateways[$kind].name] | first) // ($peer + "-" + $kind)' "$work/peers.json"
}
ingress=$(gateway ingress)
egress=$(gateway egress)

# Where the ingress gateway is reached.
get "$space" services "$ingress" >"$work/ingress.json"
# The addresses are split into words.
# shellcheck disable=SC2086
jq --arg host "$ingress.$space.svc.$cluster_domain" --arg discovery "$discovery" --arg service "$service" \
    --argjson addresses "$(printf '%s\n' $addresses | jq -R 'select(. != "")' | jq -s .)" '
    .spec as $spec
    | def node_port($number; $name):
          (first($spec.ports[] | select(.port == $number)) // first($spec.ports[] | select(.name == $name)) // {}).nodePort // null;
    ($spec.type == "NodePort") as $by_node
    | {
        addresses: (if ($addresses | length) > 0 then $addresses
                    elif $spec.type == "ClusterIP" then [$host]
                    elif $by_node then []
                    else [.status.loadBalancer.ingress[]? | .ip // .hostname | select(. != null and . != "")] end),
        discovery_port: (if $discovery != "" then ($discovery | tonumber) elif $by_node then node_port(8188; "https-discovery") else 8188 end),
        service_port: (if $service != "" then ($service | tonumber) elif $by_node then node_port(15443; "tls") else 15443 end)
      }' "$work/ingress.json" >"$work/reached.json"
if [ "$(jq '.addresses | length' "$work/reached.json")" = 0 ]; then
    fail "Service $space/$ingress has no address yet: wait until its load balancer has one, or give --address"
fi
if ! jq -e '.discovery_port and .service_port' "$work/reached.json" >/dev/null; then fail "Service $space/$ingress has no node ports yet"; fi

# What is offered, as istiod says by now, with the ports of each Service.
get "$space" exportedservicesets.federation.maistra.io >"$work/sets.json"
jq --arg peer "$peer" '[.items[] | select(.metadata.name == $peer) | .status.exportedServices[]?]' "$work/sets.json" >"$work/exported.json"
: >"$work/services.json"
for offered in $(jq -r '[.[].localService.namespace] | unique | .[]' "$work/exported.json"); do
    get "$offered" services >>"$work/services.json"
    get "$offered" serviceentries.networking.istio.io >>"$work/services.json" 2>/dev/null || :
done
jq -s '[.[].items[]?]' "$work/services.json" >"$work/all.json"

jq -n -a --indent 2 --arg mesh "$mesh" --arg audience "$audience" --arg issued "$(date -u +%Y-%m-%dT%H:%M:%SZ)" --arg domain "$domain" \
    --arg client_id "$domain/ns/$space/sa/$egress-service-account" --slurpfile roots "$work/roots.json" \
    --slurpfile reached "$work/reached.json" --slurpfile exported "$work/exported.json" --slurpfile all "$work/all.json" '
    def named: {
        http: "HTTP", http2: "HTTP2", https: "HTTPS", grpc: "GRPC", "grpc-web": "GRPC-Web", tcp: "TCP", tls: "TLS", udp: "UDP",
        mongo: "Mongo", mysql: "MySQL", redis: "Redis"
      }[ascii_downcase] // "TCP";
    def of_service:
        if .protocol == "UDP" then "UDP"
        else (if (.appProtocol // "") != "" then .appProtocol else .name // "" end | ascii_downcase)
            | {"kubernetes.io/h2c": "http2", "kubernetes.io/ws": "http", "kubernetes.io/wss": "https"}[.] // .
            | if startswith("grpc-web") then "GRPC-Web" else (split("-")[0] // "" | named) end
        end;
    def ports($local):
        first($all[0][] | select(.metadata.namespace == $local.namespace and (
            (.kind == "Service" and .metadata.name == $local.name)
            or (.kind == "ServiceEntry" and (.spec.hosts | index($local.hostname)) != null)))) // {}
        | .kind as $kind
        | [.spec.ports[]?
            | if $kind == "ServiceEntry" then {name: (.name // ""), number: .number, protocol: (.protocol // "" | named)}
              else {name: (.name // ""), number: .port, protocol: of_service} end];
    {
      version: 1,
      mesh: $mesh,
      audience: $audience,
      issued: $issued,
      trust_domain: $domain,
      roots: $roots,
      ingress: $reached[0],
      client_id: $client_id,
      exports: [$exported[0] | sort_by(.exportedName)[] | {name: .exportedName, ports: ports(.localService)}]
    }'

echo "The roots on this card. Read these fingerprints out when the administrator of $audience calls:" >&2
jq -r '"  " + (.fingerprint | [scan("....")][:8] | join("-"))' "$work/roots.json" >&2
