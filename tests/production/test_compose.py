"""The files of the production shape fit together: compose file, Dockerfile, secrets, nginx, settings."""

import json
import re
import shutil
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml

from hub.embedded import services, valkey
from hub.embedded.workers import WORKER_COMMAND
from tests import live, needs
from tests.ports import free_ports
from tests.production import compose
from tests.production.stack import image_environment
from tests.waiting import wait_until

DOCUMENT = compose.load()
SERVICES: dict[str, Any] = DOCUMENT["services"]
DOCKERFILE = (live.BASE / "Dockerfile").read_text()
OURS = [name for name, service in SERVICES.items() if "build" in service]


def test_the_compose_file_keeps_to_the_published_schema(tmp_path: Path) -> None:
    def check(path: Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    done = check(compose.FILE)
    assert done.returncode == 0, done.stdout
    # As it is when its variables are filled in, too.
    filled, wrong = tmp_path / "filled.json", tmp_path / "wrong.json"
    filled.write_text(json.dumps(DOCUMENT))
    assert check(filled).returncode == 0
    wrong.write_text(json.dumps({"services": {"web": {"image": "a", "imagine": "b"}}}))
    assert "imagine" in check(wrong).stdout


def test_docker_takes_the_compose_file_where_it_is_here(tmp_path: Path) -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        return  # It is no package of PyPI's or Debian's; the schema that it goes by is tested above.
    shutil.copy2(compose.FILE, tmp_path)
    subprocess.run([live.BASE / "deploy" / "make_secrets", tmp_path / "secrets"], check=True, capture_output=True)
    file = str(tmp_path / "docker-compose.yml")
    command = [docker, "compose", "--profile", "gpu", "-f", file, "config", "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "warn" not in done.stderr.lower(), done.stderr
    assert set(json.loads(done.stdout)["services"]) == set(SERVICES)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_behind_a_proxy_callers_of_the_same_network_do_not_choose_their_address(tmp_path: Path) -> None:
    [port] = free_ports(1)
    listen = (live.BASE / "deploy/nginx/proxied.conf").read_text().replace("listen [::]:80;", "")
    listen = listen.replace("listen 80;", f"listen 127.0.0.1:{port};").replace("10.0.0.0/8", "127.0.0.0/8")
    paths = "".join(f"{each}_temp_path {tmp_path};" for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    server = f"server {{ {listen} return 200 $remote_addr; }}"
    (tmp_path / "nginx.conf").write_text(f"events {{}} http {{ access_log off; {paths} {server} }}")
    nginx = shutil.which("nginx", path="/usr/sbin") or needs.program("nginx")
    told = f"daemon off; master_process off; pid {tmp_path}/pid; error_log stderr;"
    with subprocess.Popen(
        [nginx, "-e", "stderr", "-p", tmp_path, "-c", tmp_path / "nginx.conf", "-g", told]
    ) as running:
        try:
            address = f"http://127.0.0.1:{port}/"
            wait_until(lambda: _listens(port))
            asked = urllib.request.Request(address, headers={"X-Forwarded-For": "203.0.113.9, 127.0.0.5"})
            with urllib.request.urlopen(asked) as answer:  # noqa: S310
                assert answer.read() == b"127.0.0.5"
        finally:
            running.terminate()


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_refers_to_what_there_is(name: str) -> None:
    service = SERVICES[name]
    for other, how in service.get("depends_on", {}).items():
        assert how["condition"] in ("service_healthy", "service_completed_successfully")
        if how["condition"] == "service_healthy":
            assert SERVICES[other]["healthcheck"]["test"]
    sources = {one if isinstance(one, str) else one["source"] for one in service.get("secrets", [])}
    assert sources <= set(DOCUMENT["secrets"])
    targets = {one if isinstance(one, str) else one["target"] for one in service.get("secrets", [])}
    told = json.dumps([service.get("environment", {}), service["command"], service.get("healthcheck", {})])
    assert set(re.findall(r"/run/secrets/(\w+)", told)) <= targets
    volumes = [volume.split(":")[0] for volume in service.get("volumes", [])]
    assert {volume for volume in volumes if not volume.startswith(".")} <= set(DOCUMENT["volumes"])
    for volume in volumes:
        assert not volume.startswith("./deploy/") or volume == "./deploy/certificates" or (live.BASE / volume).exists()
    assert set(service["networks"]) <= set(DOCUMENT["networks"])
    assert service["deploy"]["resources"]["limits"]["memory"] if name != "prepare" else True
    if "build" in service:
        assert re.search(rf"^FROM \S+ AS {service['build']['target']}$", DOCKERFILE, re.MULTILINE)
    else:
        assert re.search(r":v?\d+\.\d+", service["image"]), "an image is pinned to a version"


def test_workers_reach_no_database_and_hold_no_secret_of_the_hubs() -> None:
    for name in ("demo-worker", "job-worker", "demo-worker-gpu", "job-worker-gpu"):
        service = SERVICES[name]
        for engine in ("postgres", "garage"):
            assert not set(service["networks"]) & set(SERVICES[engine]["networks"])
        held = {one if isinstance(one, str) else one["source"] for one in service["secrets"]}
        gpu, kind = "gpu_" * name.endswith("-gpu"), name.partition("-")[0]
        assert held == {"worker_redis_url", f"{gpu}{kind}_worker_key"}


def test_commands_are_those_of_make_run() -> None:
    """But for how many there are, and where they listen and write."""
    vary = ("--workers=", "--threads=", "--bind=", "--autoscale=", "--concurrency=", "--queues=", "--hostname=")
    vary += ("--keep-alive=", "--graceful-timeout=", "--schedule=", "--pidfile=")

    def fixed(words: list[str]) -> list[str]:
        return [word for word in words if not word.startswith(vary)]

    carried = {"web": services.WEB, "hub-worker": services.WORKER, "beat": services.BEAT}
    for name, command in {**carried, "demo-worker": WORKER_COMMAND, "job-worker-gpu": WORKER_COMMAND}.items():
        assert fixed(SERVICES[name]["command"]) == fixed(command.split())
    hub_queues = next(word for word in services.WORKER.split() if word.startswith("--queues="))
    assert hub_queues in SERVICES["hub-worker"]["command"]


def test_containers_of_ours_are_closed() -> None:
    for name in OURS:
        service = SERVICES[name]
        assert service["read_only"] and service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
    finals = re.findall(r"^FROM .* AS (\w+)\n(.*?)(?=^FROM |\Z)", DOCKERFILE, re.MULTILINE | re.DOTALL)
    for stage, lines in finals:
        if stage in ("site", "proxy", "worker"):
            assert re.search(r"^USER (?!root|0)", lines, re.MULTILINE)
            assert "gcc" not in lines and "build-essential" not in lines


def test_the_script_makes_every_secret_once(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    runs = []
    for _twice in range(2):
        subprocess.run([live.BASE / "deploy" / "make_secrets", folder], check=True, capture_output=True)
        runs.append({path.name: path.read_text() for path in folder.iterdir()})
    made = runs[0]
    assert made == runs[1]
    assert folder.stat().st_mode & 0o777 == 0o700
    wanted = {Path(secret["file"]).name for secret in DOCUMENT["secrets"].values()} | {"garage.env"}
    assert wanted == set(made) - {"valkey_worker_password"}
    assert made["postgres_password"] in made["database_url"]
    assert made["s3_access_key"] in made["garage.env"] and made["s3_secret_key"] in made["garage.env"]
    rules = valkey.worker_rules(made["valkey_worker_password"], one_database=True)
    assert f"user {rules}" in made["valkey_users.acl"].splitlines()
    assert "PRIVATE KEY" in made["oidc_key"]


@pytest.mark.parametrize("listen", ["http", "https", "proxied"])
def test_nginx_takes_its_configuration_however_it_listens(listen: str, tmp_path: Path) -> None:
    nginx = shutil.which("nginx", path="/usr/sbin") or needs.program("nginx")
    shutil.copytree(live.BASE / "deploy" / "nginx", tmp_path, dirs_exist_ok=True)
    shutil.copy2(tmp_path / f"{listen}.conf", tmp_path / "listen.conf")
    shutil.copy2("/etc/nginx/mime.types", tmp_path)
    keys = ["-keyout", tmp_path / "privkey.pem", "-out", tmp_path / "fullchain.pem"]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *keys, "-subj", "/CN=hub.example.org"]
    subprocess.run(made, check=True, capture_output=True)
    for name in ("nginx.conf", "listen.conf"):
        text = (tmp_path / name).read_text().replace("/etc/nginx/certificates/", f"{tmp_path}/")
        text = re.sub(r"server (web|stream|garage):", "server 127.0.0.1:", text.replace("/etc/nginx/", f"{tmp_path}/"))
        (tmp_path / name).write_text(text.replace("/tmp/nginx", f"{tmp_path}/nginx"))
    done = subprocess.run(
        [nginx, "-t", "-c", tmp_path / "nginx.conf", "-e", "stderr"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and "[warn]" not in done.stderr, done.stderr


def test_alerts_are_about_numbers_that_there_are() -> None:
    """And each is told of in the operations guide."""
    source = "".join(path.read_text() for path in (live.BASE / "hub").glob("*/metrics.py"))
    guide = (live.BASE / "docs" / "production.md").read_text()
    rules = [
        rule
        for group in yaml.safe_load((live.BASE / "deploy" / "alerts.yml").read_text())["groups"]
        for rule in group["rules"]
    ]
    for rule in rules:
        assert f"| `{rule['alert']}` |" in guide
        for name in re.findall(r"grove_\w+", rule["expr"]):
            assert f'"{re.sub("_(total|bucket)$", "", name)}"' in source, name


def test_an_image_serves_as_the_compose_file_does() -> None:
    """The Dockerfile's own command is what runs where nobody names one."""
    command = json.loads(re.search(r"^CMD (\[.*?\])$", DOCKERFILE.replace("\\\n", ""), re.MULTILINE)[1])  # type: ignore[index]
    assert [word for word in command if not word.startswith("--workers")] == [
        word for word in SERVICES["web"]["command"] if not word.startswith("--workers")
    ]
    assert image_environment("worker-cuda")["GROVE_WORKER_DATA"] == image_environment("worker-cpu")["GROVE_WORKER_DATA"]
