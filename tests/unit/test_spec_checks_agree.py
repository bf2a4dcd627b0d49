# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Our checks of a control plane's spec and the test mesh's admission, written apart from one text, refuse the same
specs.

Left out is what the operator refuses only once it reconciles (Kiali without Prometheus), and gateways.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from ansible_collections.ossm.federation.plugins.module_utils._core.control_plane.spec import objections
from hypothesis import event, given, settings
from hypothesis import strategies as st

RULES = Path(__file__).resolve().parents[1] / "testbed" / "spec_rules.py"


def the_test_meshs_rules():
    """Load only the rules of the testbed, whose package would bring its API servers along."""
    found = importlib.util.spec_from_file_location("spec_rules_of_the_test_mesh", RULES)
    module = importlib.util.module_from_spec(found)
    sys.modules[found.name] = module
    found.loader.exec_module(module)
    return module


rules = the_test_meshs_rules()

DURATIONS = st.sampled_from(
    ["5s", "100ms", "1m30s", "0", "0s", ".5s", "1.s", "-1s", "+2h", "5", "s", "", "5 s", "1d", "µs", "3µs"]
)
OWN_FORM = ["requiredDuringScheduling", "preferredDuringScheduling"]
ANTI = [*OWN_FORM, *(f"{key}IgnoredDuringExecution" for key in OWN_FORM)]


def some(**fields):
    """Any of the fields, each now and then; most specs have few."""
    return st.fixed_dictionaries({}, optional=fields)


def seldom(strategy):
    """Three times of four None, which the spec then lacks."""
    return st.integers(0, 3).flatmap(lambda dice: st.none() if dice else strategy)


REMOTE = some(address=st.sampled_from(["", "mixer.example.com"]), createService=st.booleans())
MIXER = some(adapters=some(useAdapterCRDs=st.booleans()))
SECTION = some(type=st.sampled_from(["Istiod", "Mixer", "Remote", "None"]), mixer=seldom(MIXER), remote=seldom(REMOTE))
AFFINITY = some(
    nodeAffinity=st.just({}),
    podAffinity=st.just({}),
    podAntiAffinity=st.dictionaries(st.sampled_from(ANTI), st.just([]), max_size=2),
)
COMPONENTS = st.dictionaries(
    st.sampled_from(["kiali", "pilot", "prometheus"]), some(pod=some(affinity=AFFINITY)), max_size=2
)
KINDS = ["prometheus", "envoyExtAuthzHttp", "envoyExtAuthzGrpc", "zipkin", "opentelemetry", "envoyOtelAls", "lightstep"]
PROVIDER = st.dictionaries(st.sampled_from(KINDS), some(timeout=DURATIONS), min_size=0, max_size=2).flatmap(
    lambda kinds: some(name=st.sampled_from(["", "authz"])).map(lambda named: {**kinds, **named})
)
SPECS = st.fixed_dictionaries(
    {
        "policy": seldom(SECTION),
        "telemetry": seldom(SECTION),
        "addons": seldom(st.fixed_dictionaries({"3scale": seldom(st.fixed_dictionaries({"enabled": st.booleans()}))})),
        "mode": seldom(st.sampled_from(["MultiTenant", "ClusterWide"])),
        "techPreview": seldom(some(controlPlaneMode=st.sampled_from(["MultiTenant", "ClusterScoped"]))),
        "meshConfig": seldom(
            some(
                discoverySelectors=st.just([{"matchLabels": {"a": "b"}}]),
                extensionProviders=st.lists(PROVIDER, max_size=2),
            )
        ),
        "tracing": seldom(some(type=st.sampled_from(["None", "Jaeger", "Stackdriver"]))),
        "runtime": seldom(some(components=COMPONENTS)),
        "proxy": seldom(
            some(
                networking=some(
                    protocol=some(autoDetect=some(inbound=st.booleans(), outbound=st.booleans(), timeout=DURATIONS))
                )
            )
        ),
    }
).map(lambda spec: {key: value for key, value in spec.items() if value is not None})


def without_none(value):
    """As the API server stores it: a null is no field."""
    if isinstance(value, dict):
        return {key: without_none(below) for key, below in value.items() if below is not None}
    return [without_none(below) for below in value] if isinstance(value, list) else value


@settings(max_examples=15 * settings.default.max_examples, deadline=None)
@given(SPECS.map(without_none), st.integers(0, 6))
def test_what_one_refuses_the_other_refuses(spec, minor):
    ours, theirs = list(map(str, objections(spec, (2, minor)))), rules.refusals(spec, minor)
    event(f"{'refused' if theirs else 'taken'} by 2.{minor}")
    assert bool(ours) == bool(theirs), (ours, theirs)
