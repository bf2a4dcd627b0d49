# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where etcd and kube-apiserver are taken from, in which order, and what is refused."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from testbed import programs
from testbed.programs import (
    BUILT,
    ISTIO,
    ISTIO_VERSION,
    ProgramsError,
    _find_servers,
    _platform,
    find_istio,
    find_prometheus,
    has_istio,
    may_lack_prometheus,
)


def executable(path: Path, text: str = "#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path


def environment(tmp_path: Path, **variables: str) -> dict[str, str]:
    """An environment with an empty cache and no Go."""
    return {"XDG_CACHE_HOME": str(tmp_path / "cache"), "PATH": str(tmp_path / "bin"), **variables}


def cached(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "ossm-federation" / "programs"


@pytest.fixture
def said() -> list[str]:
    return []


def test_the_folder_that_the_user_names_comes_first(tmp_path, said):
    for program in BUILT:
        executable(cached(tmp_path) / f"{program.name}-{program.version}-{_platform()}" / program.name)
    folder = tmp_path / "assets"
    expected = executable(folder / "etcd"), executable(folder / "kube-apiserver")
    found = _find_servers(said.append, environment(tmp_path, KUBEBUILDER_ASSETS=str(folder)))
    assert found[:2] == expected
    assert said == []


def test_a_folder_that_lacks_a_program_is_refused_by_its_name(tmp_path, said):
    executable(tmp_path / "assets" / "etcd")
    with pytest.raises(ProgramsError, match="KUBEBUILDER_ASSETS is .*assets, which lacks kube-apiserver"):
        _find_servers(said.append, environment(tmp_path, KUBEBUILDER_ASSETS=str(tmp_path / "assets")))


def test_nothing_prebuilt_is_fetched_and_go_is_asked_for(tmp_path, said):
    with pytest.raises(ProgramsError, match=r"Go 1\.24 or newer is needed .*no go is on the PATH.*KUBEBUILDER_ASSETS"):
        _find_servers(said.append, environment(tmp_path))
    assert said == []
    imported = Path(programs.__file__).read_text(encoding="utf-8")
    assert not [name for name in ("import requests", "import urllib", "import http") if name in imported], (
        "something that could fetch"
    )


def test_an_old_go_is_refused_before_anything_is_built(tmp_path, said):
    executable(tmp_path / "bin" / "go", "#!/bin/sh\necho go1.19.8\n")
    with pytest.raises(ProgramsError, match=r"Go 1\.24 or newer is needed .*is go1\.19\.8"):
        _find_servers(said.append, environment(tmp_path))


def test_what_building_takes_is_said_before_and_what_was_built_is_kept(tmp_path, said):
    said_when_built: list[int] = []
    script = (
        '#!/bin/sh\n[ "$1" = env ] && echo go1.25.0 && exit\nwhile [ "$1" != -o ]; do shift; done\necho "#!/bin/sh"'
        ' >"$2"; /bin/chmod +x "$2"\n'
    )
    executable(tmp_path / "bin" / "go", script)

    def say(text: str) -> None:
        said.append(text)
        said_when_built.append(len(list(cached(tmp_path).glob("*/*"))))

    found = _find_servers(say, environment(tmp_path))
    assert [path.name for path in found[:2]] == ["etcd", "kube-apiserver"] and found[2] == "built here from Go modules"
    assert said_when_built[0] == 0
    for word in ("etcd v3.6.8", "kube-apiserver v1.34.4", "minutes", "GB", "go1.25.0", str(cached(tmp_path))):
        assert word in said[0]
    assert _find_servers(pytest.fail, environment(tmp_path)) == found


def test_a_build_that_fails_shows_what_go_said(tmp_path, said):
    executable(
        tmp_path / "bin" / "go", '#!/bin/sh\n[ "$1" = env ] && echo go1.25.0 && exit\necho no such module; exit 1\n'
    )
    with pytest.raises(ProgramsError, match=r"etcd could not be built .*\nno such module"):
        _find_servers(said.append, environment(tmp_path))
    assert list(cached(tmp_path).glob("*/*")) == []


def test_two_runs_build_once(tmp_path, said):
    script = (
        f'#!/bin/sh\n[ "$1" = env ] && echo go1.25.0 && exit\necho built >>{tmp_path}/count\n/bin/sleep 0.2\nwhile ['
        ' "$1" != -o ]; do shift; done\necho "#!/bin/sh" >"$2"; /bin/chmod +x "$2"\n'
    )
    executable(tmp_path / "bin" / "go", script)
    runs = [threading.Thread(target=_find_servers, args=(said.append, environment(tmp_path))) for _run in range(2)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert (tmp_path / "count").read_text(encoding="utf-8").splitlines() == ["built"] * len(BUILT)
    assert any(line.startswith("Waiting for another run") for line in said)


def test_envoy_is_that_of_the_interpreter_that_runs_the_testbed(monkeypatch, tmp_path):
    monkeypatch.setattr(programs.sysconfig, "get_path", lambda _name: str(tmp_path))
    with pytest.raises(ProgramsError, match="requirements.txt"):
        programs.find_envoy()
    envoy = executable(tmp_path / "envoy")
    assert programs.find_envoy() == envoy


def test_a_real_istio_is_taken_from_the_cache_when_all_of_it_is_there(tmp_path, said):
    where = environment(tmp_path)
    texts = cached(tmp_path) / f"istio-{ISTIO_VERSION}"
    for program in ISTIO:
        assert not has_istio(where)
        executable(cached(tmp_path) / f"{program.name}-{program.version}-{_platform()}" / program.name)
    (texts / "definitions").mkdir(parents=True)
    assert has_istio(where)
    found = find_istio(said.append, where)
    assert (found.discovery.name, found.agent.name, found.definitions, said) == (
        "pilot-discovery",
        "pilot-agent",
        texts / "definitions",
        [],
    )


def with_apt(tmp_path: Path, get: str = "", **variables: str) -> dict[str, str]:
    """An environment with clients for packages that fetch a package of Prometheus, or do what ``get`` says."""
    get = get or f'echo "$*" >>{tmp_path}/asked\n[ "$4" = update ] || echo it >prometheus_9.9_amd64.deb'
    executable(tmp_path / "bin" / "apt-get", f"#!/bin/sh\n{get}\n")
    unpack = (
        '[ "$1" = --field ] && echo 9.9-1 && exit\n/bin/mkdir -p "$3/usr/bin" && for name in prometheus promtool; do'
        ' echo it >"$3/usr/bin/$name"; done\n'
    )
    executable(tmp_path / "bin" / "dpkg-deb", f"#!/bin/sh\n{unpack}")
    return environment(tmp_path, **variables)


def test_prometheus_is_that_on_the_path_if_its_tool_is_there_too(tmp_path, said):
    where = with_apt(tmp_path)
    server = executable(tmp_path / "bin" / "prometheus")
    assert find_prometheus(said.append, where).source == "Debian's package prometheus-9.9-1"
    promtool = executable(tmp_path / "bin" / "promtool")
    found = find_prometheus(said.append, where)
    assert (found.server, found.promtool, found.source) == (server, promtool, "the PATH")


def test_debians_prometheus_is_fetched_once_with_lists_of_its_own_and_nothing_is_left_but_it(tmp_path, said):
    found = find_prometheus(said.append, with_apt(tmp_path))
    assert [path.parent.parent for path in (found.server, found.promtool)] == [
        cached(tmp_path)
    ] * 2 and found.promtool.read_text() == "it\n"
    assert (len(said), "30 MB" in said[0]) == (1, True)
    first, second = (tmp_path / "asked").read_text(encoding="utf-8").splitlines()
    assert first.startswith(f"-c {cached(tmp_path)}/prometheus.") and second.endswith("-q download prometheus")
    assert find_prometheus(pytest.fail, environment(tmp_path)) == found
    assert {path.name for path in cached(tmp_path).iterdir()} == {"lock-prometheus", found.server.parent.name}


def test_a_prometheus_that_cannot_be_had_is_told_and_ci_does_not_go_without_where_there_is_apt(tmp_path, said):
    with pytest.raises(ProgramsError, match=r"not on the PATH, and without apt-get and dpkg-deb .*install Prometheus"):
        find_prometheus(said.append, environment(tmp_path))
    assert may_lack_prometheus(environment(tmp_path, CI="true"))
    where = with_apt(tmp_path, "echo E: no such package >&2; exit 100")
    with pytest.raises(ProgramsError, match=r"could not be fetched \(.*apt-get -c .*update\).*\nE: no such package"):
        find_prometheus(said.append, where)
    assert (may_lack_prometheus(where), may_lack_prometheus({**where, "CI": "true"})) == (True, False)
    assert {path.name for path in cached(tmp_path).iterdir()} == {"lock-prometheus"}
