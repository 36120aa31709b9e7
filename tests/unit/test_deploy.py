"""What is deployed: images, compose, Kubernetes, Prometheus, Grafana; checked without them."""

import json
import re
import subprocess
import sysconfig
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import kubernetes_validate
import promql_parser
import pytest
import yaml
from cloudcoil.models.keda.v1alpha1 import ScaledObject, TriggerAuthentication
from compose_spec import PyCompose
from prometheus_client import Counter, Gauge, Histogram
from pydantic import BaseModel

from portrait import metrics
from portrait.adapters.kafka_stream import DRAIN_SECONDS
from portrait.events.topics import EVENT_TOPICS, read_topics
from portrait.rights.erasure_job import ErasureJob
from portrait.rights.receipt import read_key, receipt_of, signed, verified
from portrait.settings import SECRET, Settings, variable
from service.http.server import LONGEST
from tests.support.generated import ROOT

DEPLOY = ROOT / "deploy"
KUBERNETES_VERSION = "1.33"  # the schemas to check against; the manifests ask for 1.30
COMMANDS = {
    ("python", "-m", "service"),
    ("python", "-m", "workers", "archive"),
    ("python", "-m", "workers", "experiments"),
    ("python", "-m", "workers", "index"),
    ("python", "-m", "workers", "opinions"),
    ("python", "-m", "workers", "segments"),
    ("python", "-m", "workers", "topics"),
    ("python", "-m", "workers", "train"),
    ("python", "-m", "workers", "update"),
}
SETTINGS = {variable(name) for name in Settings.model_fields}
SETTINGS |= {f"{variable(name)}_FILE" for name in SECRET}

DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {name: each for name, each in SERVICES.items() if "build" in each}
KUSTOMIZATION: dict[str, Any] = yaml.safe_load(
    (DEPLOY / "kubernetes/kustomization.yaml").read_text()
)
MANIFESTS: dict[str, dict[str, Any]] = {
    f"{each['kind']} {each['metadata']['name']}": each
    for path in sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    for each in yaml.safe_load_all(path.read_text())
    if each["kind"] != "Kustomization"
}
GPUS: dict[str, dict[str, Any]] = {
    f"{each['kind']} {each['metadata']['name']}": each
    for each in yaml.safe_load_all((DEPLOY / "kubernetes-gpus/train.yaml").read_text())
}
PODS: dict[str, Any] = {
    name: each["spec"]["template"]["spec"]
    for name, each in MANIFESTS.items()
    if each["kind"] in {"Deployment", "Job"}
}
LONG_LIVED = {name: pod for name, pod in PODS.items() if name.startswith("Deployment")}
EVENT_PARTITIONS = {
    topic.partitions
    for topic in read_topics(DEPLOY / "topics.yml").topics
    if topic.name in EVENT_TOPICS
}


def test_what_lies_beside_the_code_is_installed_with_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    package = ROOT / "portrait"
    told = project["tool"]["setuptools"]["package-data"]["portrait"]

    beside = {file for file in package.rglob("*.*") if file.suffix not in {".py", ".pyc"}}
    assert beside == {file for pattern in told for file in package.glob(pattern)}


def test_the_dockerfile_passes_its_linter() -> None:
    linter = Path(sysconfig.get_path("scripts"), "hadolint")

    found = subprocess.run(  # noqa: S603 - a program of this environment
        [linter, ROOT / "Dockerfile"], capture_output=True, text=True, check=False
    )

    assert (found.returncode, found.stdout) == (0, "")


def test_the_images_run_as_a_numbered_user_who_is_not_root() -> None:
    assert re.findall(r"^USER (.*)$", DOCKERFILE, re.MULTILINE) == ["10001:10001"] * 2


def test_the_images_run_our_commands_without_a_shell() -> None:
    commands = [
        tuple(json.loads(each)) for each in re.findall(r"^CMD (.*)$", DOCKERFILE, re.MULTILINE)
    ]

    assert commands == [("python", "-m", "service"), ("python", "-m", "workers", "update")]


def test_compose_is_well_formed() -> None:
    parsed = PyCompose.from_json(json.dumps(COMPOSE))

    parsed.validate()

    assert set(parsed.service_names()) == set(SERVICES)


def test_compose_waits_only_for_services_that_it_has() -> None:
    waited_for = {name for each in SERVICES.values() for name in each.get("depends_on", {})}

    assert waited_for <= set(SERVICES)


def test_compose_publishes_ports_on_the_loopback_address_only() -> None:
    ports = [port for each in SERVICES.values() for port in each.get("ports", [])]

    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


MODELS = {"index": False, "train": False, "update": True}  # who mounts the folder: read-only?


@pytest.mark.parametrize("name", MODELS)
def test_whoever_needs_the_models_mounts_their_folder(name: str) -> None:
    service, pod = SERVICES[name], PODS[f"Deployment portrait-{name}"]
    (container,) = pod["containers"]
    environments = [
        service["environment"],
        {each["name"]: each.get("value") for each in container["env"]},
    ]
    mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
    claims = {each["name"]: each.get("persistentVolumeClaim") for each in pod["volumes"]}

    for environment in environments:
        assert environment["PORTRAIT_MODELS_URL"] == "/models"
        assert environment["PORTRAIT_MODEL_CACHE"].startswith("/tmp/")  # noqa: S108 - all else is read-only
    assert ("models:/models:ro" if MODELS[name] else "models:/models") in service["volumes"]
    assert mounts["models"]["mountPath"] == "/models"
    assert mounts["models"].get("readOnly", False) is MODELS[name]
    assert claims["models"]["claimName"] == "portrait-models"


def test_compose_gives_each_container_the_secrets_that_its_settings_name() -> None:
    for service in SERVICES.values():
        told = json.dumps([service.get("environment"), service.get("command")])
        named = set(re.findall(r"/run/secrets/(\w+)", told))
        assert named == set(service.get("secrets", []))
    used = {name for each in SERVICES.values() for name in each.get("secrets", [])}
    assert used == set(COMPOSE["secrets"])


def test_the_key_of_receipts_is_made_signs_and_is_added_where_it_is_missing(tmp_path: Path) -> None:
    script, folder = DEPLOY / "make-secrets.sh", tmp_path / "secrets"
    subprocess.run([script, folder], check=True, capture_output=True)  # noqa: S603 - our own
    before = {file.name: file.read_text() for file in folder.iterdir()}
    (folder / "receipt_key").unlink()  # made by a former version

    subprocess.run([script, folder], check=True, capture_output=True)  # noqa: S603 - our own
    after = {file.name: file.read_text() for file in folder.iterdir()}

    job = ErasureJob(id="1", subject="2", asked_at=datetime(2026, 11, 27, tzinfo=UTC))
    key = read_key(after["receipt_key"].encode(), private=True)
    receipt = receipt_of(job, datetime(2026, 11, 27, tzinfo=UTC))
    assert verified(signed(receipt, key), key) == receipt
    assert after.keys() == before.keys()
    assert {name for name in after if after[name] != before[name]} == {"receipt_key"}


def test_whoever_signs_receipts_has_the_key_and_nobody_else() -> None:
    variable = "PORTRAIT_RECEIPT_KEY_FILE"
    in_compose = {name: each["environment"].get(variable) for name, each in OURS.items()}
    in_pods = {
        name: [
            each["value"]
            for each in pod["containers"][0].get("env", [])
            if each["name"] == variable
        ]
        for name, pod in PODS.items()
    }
    (volume,) = [
        each
        for each in PODS["Deployment portrait-archive"]["volumes"]
        if each.get("secret", {}).get("secretName") == "portrait-receipts"
    ]
    (container,) = PODS["Deployment portrait-archive"]["containers"]
    (mount,) = [each for each in container["volumeMounts"] if each["name"] == volume["name"]]

    assert {name for name, value in in_compose.items() if value} == {"archive"}
    assert in_compose["archive"] == "/run/secrets/receipt_key"
    assert {name for name, values in in_pods.items() if values} == {"Deployment portrait-archive"}
    (named,) = MANIFESTS["Secret portrait-receipts"]["stringData"]
    assert in_pods["Deployment portrait-archive"] == [f"{mount['mountPath']}/{named}"]
    assert mount["readOnly"]


def test_the_secrets_of_compose_are_made_once_and_each_anew(tmp_path: Path) -> None:
    script, folders = DEPLOY / "make-secrets.sh", [tmp_path / "first", tmp_path / "second"]
    for folder in (*folders, folders[0]):
        subprocess.run([script, folder], check=True, capture_output=True)  # noqa: S603 - our own
    first, second = ({file.name: file.read_text() for file in each.iterdir()} for each in folders)

    assert {ROOT / each["file"] for each in COMPOSE["secrets"].values()} == {
        ROOT / "build/secrets" / name for name in first
    }
    assert all(first[name] != second[name] for name in first)
    assert {folder.stat().st_mode & 0o777 for folder in folders} == {0o700}
    assert first["redis_url"].split(":")[2].split("@")[0] not in first["redis_users"]


def test_in_compose_no_broker_listens_to_others_without_a_password() -> None:
    told = SERVICES["kafka"]["environment"]
    listeners = dict(each.split("://") for each in told["KAFKA_LISTENERS"].split(","))
    kinds = dict(
        each.split(":") for each in told["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(",")
    )

    open_to_all = {name for name, at in listeners.items() if not at.startswith("127.0.0.1:")}
    assert {kinds[name] for name in open_to_all} == {"SASL_PLAINTEXT"}
    assert set(kinds) == set(listeners)


@pytest.mark.parametrize("name", SERVICES)
def test_no_container_gains_rights(name: str) -> None:
    assert "no-new-privileges:true" in SERVICES[name]["security_opt"]


def test_compose_mounts_files_that_exist_and_volumes_that_are_declared() -> None:
    sources = {
        mount.split(":")[0] for each in SERVICES.values() for mount in each.get("volumes", [])
    }
    files = {source for source in sources if source.startswith(".")}

    assert [source for source in files if not (ROOT / source).exists()] == []
    assert sources - files == set(COMPOSE["volumes"])


def test_compose_and_kubernetes_run_the_commands_of_the_demo() -> None:
    composed = {tuple(each["command"]) for each in OURS.values()}
    orchestrated = {tuple(_container(pod)["command"]) for pod in PODS.values()}

    assert composed == COMMANDS
    assert orchestrated == COMMANDS


def test_every_variable_of_ours_is_a_setting() -> None:
    named = {name for each in OURS.values() for name in each["environment"]}
    named |= set(MANIFESTS["ConfigMap portrait-settings"]["data"])
    named |= set(re.findall(r"PORTRAIT_[A-Z_]+", DOCKERFILE))

    assert named <= SETTINGS


@pytest.mark.parametrize(
    "name", [name for name in MANIFESTS if not MANIFESTS[name]["apiVersion"].startswith("keda.sh")]
)
def test_every_manifest_keeps_the_schema_of_kubernetes(name: str) -> None:
    kubernetes_validate.validate(MANIFESTS[name], KUBERNETES_VERSION, strict=True)


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("ScaledObject portrait-update", ScaledObject),
        ("TriggerAuthentication portrait-kafka", TriggerAuthentication),
    ],
)
def test_what_is_for_keda_keeps_its_schema(name: str, schema: type[BaseModel]) -> None:
    manifest = MANIFESTS[name]

    understood = schema.model_validate(manifest)

    assert understood.model_dump(by_alias=True, exclude_unset=True, mode="json") == manifest


def test_kustomize_applies_every_manifest_but_the_example_of_a_secret() -> None:
    files = {path.name for path in (DEPLOY / "kubernetes").glob("*.yaml")}

    assert set(KUSTOMIZATION["resources"]) == files - {"kustomization.yaml", "secret.example.yaml"}


def test_the_trainer_on_gpus_is_the_same_trainer_started_by_torchrun() -> None:
    one, many = PODS["Deployment portrait-train"], GPUS["StatefulSet portrait-train"]
    pod = many["spec"]["template"]["spec"]
    *torchrun, dash, workers, train = _container(pod)["command"]
    options = dict(option.lstrip("-").split("=") for option in torchrun[1:])

    assert torchrun[0] == "torchrun"
    assert ("python", dash, workers, train) == tuple(_container(one)["command"])
    assert int(options["nnodes"]) == many["spec"]["replicas"]
    assert options["master-addr"] == "portrait-train-0." + many["spec"]["serviceName"]
    assert {"name": "meet", "containerPort": int(options["master-port"])} in _container(pod)[
        "ports"
    ]
    for field in ("securityContext", "envFrom", "volumeMounts"):
        assert _container(pod)[field] == _container(one)[field]
    assert pod["securityContext"] == one["securityContext"]
    assert pod["enableServiceLinks"] is False
    given = {each["name"]: each.get("value") for each in _container(pod)["env"]}
    assert given.pop("NODE") is None
    assert given == {each["name"]: each["value"] for each in _container(one)["env"]}


@pytest.mark.parametrize("name", ["Service", "NetworkPolicy", "StatefulSet"])
def test_the_trainer_on_gpus_keeps_the_schema_of_kubernetes(name: str) -> None:
    kubernetes_validate.validate(GPUS[f"{name} portrait-train"], KUBERNETES_VERSION, strict=True)


def test_the_trainer_on_gpus_takes_the_place_of_the_other() -> None:
    overlay = yaml.safe_load((DEPLOY / "kubernetes-gpus/kustomization.yaml").read_text())

    assert overlay["resources"] == ["../kubernetes", "train.yaml"]
    gone = {f"{each['target']['kind']} {each['target']['name']}" for each in overlay["patches"]}
    assert gone == {"Deployment portrait-train", "PersistentVolumeClaim portrait-training"}
    assert gone <= set(MANIFESTS)


def test_the_example_of_a_secret_has_names_only() -> None:
    secrets = [each for name, each in MANIFESTS.items() if name.startswith("Secret")]
    assert {value for each in secrets for value in each["stringData"].values()} == {""}


@pytest.mark.parametrize("name", [*PODS, "GPUs"])
def test_every_pod_is_given_the_secrets_that_its_settings_name(name: str) -> None:
    pod = (
        GPUS["StatefulSet portrait-train"]["spec"]["template"]["spec"]
        if name == "GPUs"
        else PODS[name]
    )
    (container,) = pod["containers"]
    mounts = {each["name"]: each for each in container["volumeMounts"]}
    volumes = {each["name"]: each for each in pod["volumes"]}
    folder = mounts["secrets"]["mountPath"]
    settings = MANIFESTS["ConfigMap portrait-settings"]["data"]
    files = {value for key, value in settings.items() if key.endswith("_FILE")}

    assert files == {
        f"{folder}/{each}" for each in MANIFESTS["Secret portrait-secrets"]["stringData"]
    }
    assert volumes["secrets"]["secret"]["secretName"] == "portrait-secrets"
    assert mounts["secrets"]["readOnly"]
    assert container["envFrom"] == [{"configMapRef": {"name": "portrait-settings"}}]


def test_keda_comes_in_to_kafka_as_the_workers_do() -> None:
    settings = MANIFESTS["ConfigMap portrait-settings"]["data"]
    (trigger,) = MANIFESTS["ScaledObject portrait-update"]["spec"]["triggers"]
    asked = MANIFESTS["TriggerAuthentication portrait-kafka"]
    refs = {each["parameter"]: each for each in asked["spec"]["secretTargetRef"]}

    assert settings["PORTRAIT_KAFKA_SECURITY"] == "SASL_SSL"
    assert trigger["metadata"]["tls"] == "enable"
    mechanism = settings["PORTRAIT_KAFKA_MECHANISM"]
    assert trigger["metadata"]["sasl"] == mechanism.lower().replace("sha-", "sha").replace("-", "_")
    assert trigger["authenticationRef"]["name"] == asked["metadata"]["name"]
    for name in ("username", "password"):
        file = Path(settings[f"PORTRAIT_KAFKA_{name.upper()}_FILE"])
        assert refs[name]["name"] == "portrait-secrets"
        assert refs[name]["key"] == file.name


def test_whoever_is_not_named_connects_to_no_pod_and_no_pod_to_whatever_it_likes() -> None:
    policy = MANIFESTS["NetworkPolicy portrait-everything"]["spec"]
    opened = [port["port"] for rule in policy["egress"] for port in rule["ports"]]

    assert policy["podSelector"] == {}
    assert set(policy["policyTypes"]) == {"Ingress", "Egress"}
    assert "ingress" not in policy
    assert sorted(set(opened)) == [53, 443, 6379, 9092]


def test_update_workers_scale_to_the_partitions_of_an_event_topic_and_no_further() -> None:
    spec = MANIFESTS["ScaledObject portrait-update"]["spec"]

    assert {spec["maxReplicaCount"]} == EVENT_PARTITIONS
    assert (
        spec["scaleTargetRef"]["name"]
        == MANIFESTS["Deployment portrait-update"]["metadata"]["name"]
    )


@pytest.mark.parametrize("name", PODS)
def test_every_pod_is_restricted(name: str) -> None:
    pod, container = PODS[name], _container(PODS[name])

    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert set(container["resources"]) == {"requests", "limits"}


@pytest.mark.parametrize("name", PODS)
def test_no_pod_is_given_variables_that_look_like_settings(name: str) -> None:
    assert PODS[name]["enableServiceLinks"] is False


@pytest.mark.parametrize("name", LONG_LIVED)
def test_every_process_is_probed_where_its_settings_say_that_it_listens(name: str) -> None:
    container = _container(LONG_LIVED[name])
    setting = "PORTRAIT_PORT" if "service" in name else "PORTRAIT_HEALTH_PORT"
    listens = int(MANIFESTS["ConfigMap portrait-settings"]["data"][setting])
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}

    asked = {
        probe: (ports[container[probe]["httpGet"]["port"]], container[probe]["httpGet"]["path"])
        for probe in ("startupProbe", "livenessProbe", "readinessProbe")
    }

    assert asked == {
        "startupProbe": (listens, "/livez"),
        "livenessProbe": (listens, "/livez"),
        "readinessProbe": (listens, "/readyz"),
    }


@pytest.mark.parametrize("name", LONG_LIVED)
def test_every_process_is_given_longer_to_stop_than_it_drains(name: str) -> None:
    assert LONG_LIVED[name]["terminationGracePeriodSeconds"] > DRAIN_SECONDS


def test_the_service_is_given_longer_to_stop_than_it_may_need() -> None:
    (container,) = LONG_LIVED["Deployment portrait-service"]["containers"]
    before = timedelta(seconds=container["lifecycle"]["preStop"]["sleep"]["seconds"])
    given = LONG_LIVED["Deployment portrait-service"]["terminationGracePeriodSeconds"]

    assert timedelta(seconds=given) > 1.5 * (before + Settings().drain + LONGEST)


def test_the_selectors_find_the_pods() -> None:
    labels = {
        name.split()[1]: each["spec"]["template"]["metadata"]["labels"]
        for name, each in MANIFESTS.items()
        if each["kind"] == "Deployment"
    }
    for name, each in MANIFESTS.items():
        selector = each.get("spec", {}).get("selector")
        if selector:
            assert selector.get("matchLabels", selector) == labels[name.split()[1]]


def test_prometheus_finds_every_process_of_compose_and_its_alerts() -> None:
    config = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())

    names = {
        name
        for job in config["scrape_configs"]
        for found in job["dns_sd_configs"]
        for name in found["names"]
    }

    assert names == set(OURS) - {"topics"}
    assert all((DEPLOY / "prometheus" / file).exists() for file in config["rule_files"])


def test_every_alert_and_panel_asks_for_metrics_that_there_are() -> None:
    asked = {name for expression in _expressions() for name in _metrics_of(expression)}

    assert asked - {"up"} <= _exported()


def test_every_metric_of_ours_is_on_the_dashboard() -> None:
    shown = {name for expression in _panel_expressions() for name in _metrics_of(expression)}
    families = {re.sub(r"_(bucket|count|sum)$", "", name) for name in shown}

    assert {re.sub(r"_(bucket|count|sum)$", "", name) for name in _exported()} <= families


def test_the_panels_of_the_dashboard_read_the_provisioned_source_and_do_not_overlap() -> None:
    (source,) = yaml.safe_load(
        (DEPLOY / "grafana/provisioning/datasources/prometheus.yml").read_text()
    )["datasources"]
    panels = _dashboard()["panels"]
    cells = [cell for panel in panels for cell in _cells(panel["gridPos"])]

    assert {panel["datasource"]["uid"] for panel in panels if "datasource" in panel} == {
        source["uid"]
    }
    assert len(cells) == len(set(cells))
    assert len({panel["id"] for panel in panels}) == len(panels)


def _container(pod: dict[str, Any]) -> Any:  # noqa: ANN401 - YAML
    (container,) = pod["containers"]
    return container


def _dashboard() -> Any:  # noqa: ANN401 - JSON
    return json.loads((DEPLOY / "grafana/dashboards/portrait.json").read_text())


def _cells(place: dict[str, int]) -> Iterator[tuple[int, int]]:
    for x in range(place["x"], place["x"] + place["w"]):
        for y in range(place["y"], place["y"] + place["h"]):
            yield x, y


def _panel_expressions() -> list[str]:
    return [
        target["expr"].replace("$__rate_interval", "1m")
        for panel in _dashboard()["panels"]
        for target in panel.get("targets", [])
    ]


def _expressions() -> list[str]:
    alerts = yaml.safe_load((DEPLOY / "prometheus/alerts.yml").read_text())
    return [
        rule["expr"] for group in alerts["groups"] for rule in group["rules"]
    ] + _panel_expressions()


def _metrics_of(expression: str) -> set[str]:
    """Parse PromQL and return the metrics that it selects."""
    names: set[str] = set()

    def visit(node: promql_parser.Expr) -> None:
        selector = node.vector_selector if isinstance(node, promql_parser.MatrixSelector) else node
        if isinstance(selector, promql_parser.VectorSelector) and selector.name:
            names.add(selector.name)

    promql_parser.walk(promql_parser.parse(expression), visit)
    return names


def _exported() -> set[str]:
    """Return the name of every series in portrait/metrics.py."""
    names: set[str] = set()
    for metric in vars(metrics).values():
        if isinstance(metric, Counter | Gauge | Histogram):
            (family,) = metric.describe()
            suffixes = {
                Counter: ("_total",),
                Gauge: ("",),
                Histogram: ("_bucket", "_count", "_sum"),
            }
            names |= {f"{family.name}{suffix}" for suffix in suffixes[type(metric)]}
    return names
