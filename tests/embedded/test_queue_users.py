"""Who reaches what in the carried queue: the hub everything, the workers what is theirs, and nobody else anything."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import redis
from kombu import Connection

from hub.embedded import Engines, valkey
from tests.waiting import wait_until
from workers.contracts import KEY_PREFIX, stops_key, stream_key

LOGIN = f"{valkey.WORKER}:a-password"


@dataclass
class Queue:
    engines: Engines

    def __post_init__(self) -> None:
        self.hub = redis.Redis.from_url(self.engines.redis_url(0))
        self.hub_of_workers = redis.Redis.from_url(self.engines.redis_url(valkey.WORKER_DATABASE))
        self.worker = redis.Redis.from_url(self.engines.redis_url(valkey.WORKER_DATABASE, LOGIN))


@pytest.fixture(scope="module")
def queue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Queue]:
    data = tmp_path_factory.mktemp("queue")
    engines = Engines(data=data, home=data, sockets=data)
    server = valkey.find_server(None)
    valkey.write_settings(server, engines, None, LOGIN.partition(":")[2])
    with subprocess.Popen(valkey.command(server, engines), stdout=subprocess.DEVNULL) as process:
        wait_until(lambda: valkey.is_ready(engines))
        yield Queue(engines)
        process.terminate()


def test_the_prefix_is_the_one_that_hub_and_workers_agree_on() -> None:
    assert f"~{KEY_PREFIX}*" in valkey.WORKER_RULES.split()
    assert f"&{KEY_PREFIX}*" in valkey.WORKER_RULES.split()


def test_only_its_owner_reads_the_password(queue: Queue) -> None:
    for name in ("queue_password", "valkey.conf"):
        assert (queue.engines.data / name).stat().st_mode & 0o077 == 0


def test_nobody_gets_in_without_a_password(queue: Queue) -> None:
    for login in ("", "default:wrong@", f"{valkey.WORKER}:wrong@", f"{valkey.WORKER}:@"):
        stranger = redis.Redis.from_url(f"unix://{login}{queue.engines.valkey_socket}?db=1")
        with stranger, pytest.raises(redis.AuthenticationError):
            stranger.get(stops_key("demo-1"))


def test_a_worker_can_do_its_work(queue: Queue) -> None:
    stream, stops = stream_key("a"), stops_key("demo-1")
    queue.worker.xadd(stream, {"e": "{}"}, maxlen=100, approximate=True)
    queue.worker.expire(stream, 60)
    assert queue.hub_of_workers.xlen(stream) == 1
    queue.hub_of_workers.rpush(stops, "a")
    assert queue.worker.blpop([stops], timeout=1) == (stops.encode(), b"a")

    url = queue.engines.broker_url(valkey.WORKER_DATABASE, LOGIN)
    with Connection(url, transport_options={"global_keyprefix": KEY_PREFIX}) as broker:
        with broker.SimpleQueue("demo") as messages:
            messages.put({"job": "a"})
            message = messages.get(timeout=5)
            assert message.payload == {"job": "a"}
            # What is being worked on is kept under the prefix, too, and goes back to the queue from there.
            message.requeue()
            messages.get(timeout=5).ack()
        assert LOGIN.partition(":")[2] not in broker.as_uri()
    assert all(key.startswith(KEY_PREFIX.encode()) for key in queue.hub_of_workers.keys("*"))
    assert queue.hub.keys("worker:*") == []


FORBIDDEN = """
GET hub | SET hub x | DEL unacked | LPUSH hub x | XADD hub * e 1 | XREAD STREAMS hub 0 | COPY worker:a hub | RENAME worker:a hub
SELECT 0 | SELECT 2 | MOVE worker:a 0 | COPY worker:a worker:b DB 0 | SWAPDB 0 1
KEYS * | SCAN 0 | RANDOMKEY | DBSIZE | FLUSHALL | FLUSHDB | SORT worker:a BY hub*
CONFIG GET * | CONFIG SET requirepass x | ACL LIST | ACL SETUSER worker allkeys | INFO | MONITOR | SHUTDOWN
SAVE | DEBUG SLEEP 0
CLIENT LIST | CLIENT KILL TYPE normal | MODULE LIST | REPLICAOF 127.0.0.1 1 | MIGRATE 127.0.0.1 1 worker:a 0 1 | SCRIPT FLUSH
FUNCTION LIST | PUBSUB CHANNELS | PUBLISH hub x | SUBSCRIBE hub | PSUBSCRIBE *
""".replace("\n", " | ").split(" | ")


@pytest.mark.parametrize("line", [line for line in FORBIDDEN if line])
def test_a_worker_is_refused(queue: Queue, line: str) -> None:
    queue.hub.set("hub", "kept")
    with pytest.raises(redis.ResponseError) as refused:
        queue.worker.execute_command(*line.split())
    assert isinstance(refused.value, redis.exceptions.NoPermissionError) or "not allowed" in str(refused.value)
    assert queue.hub.get("hub") == b"kept"


@pytest.mark.parametrize("call", ["'get', 'hub'", "'select', '0'", "'keys', '*'", "'flushall'"])
def test_a_script_opens_no_more(queue: Queue, call: str) -> None:
    with pytest.raises(redis.ResponseError, match="ACL failure"):
        queue.worker.eval(f"return redis.call({call})", 0)


def test_older_servers_get_the_rules_that_they_know() -> None:
    assert valkey.keeps_to_databases("valkey", "9.1.2")
    assert valkey.keeps_to_databases("valkey", "10.0")
    assert not valkey.keeps_to_databases("valkey", "9.0.4")
    assert not valkey.keeps_to_databases("redis", "9.2")
    assert "db=" not in valkey.worker_rules("x", one_database=False)
