"""A job on a real Ray cluster of two nodes, on this machine."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from openrouter_adapter import batch, installing, ledger
from openrouter_adapter.batch import inputs
from openrouter_adapter.batch.folder import Folder
from openrouter_adapter.cli import app
from tests.batch import books
from tests.batch.conftest import chat, read
from tests.batch.emulator_process import EmulatorProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from openrouter_adapter.emulator import Emulator

NODE = {"num_cpus": 1, "object_store_memory": 80 * 2**20, "include_dashboard": False}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two nodes with a CPU each, whose processes know no key."""
    pytest.importorskip("ray")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.delenv("OPENROUTER_API_KEY", raising=False)
        patch.delenv("OPENROUTER_ADAPTER_LEDGER", raising=False)
        from ray.cluster_utils import Cluster

        running = Cluster(initialize_head=True, head_node_args=NODE)
        running.add_node(num_cpus=1, object_store_memory=80 * 2**20)
        yield running
        running.shutdown()


def assert_all_there_once(out: Path, count: int) -> None:
    """Every request has exactly one result over all shards, to its own question."""
    files = sorted(out.glob("shards/*/results.jsonl"))
    results = [one for file in files for one in read(file)]
    assert len(results) == count
    assert {one["custom_id"] for one in results} == {f"sum-{number}" for number in range(count)}
    for one in results:
        number = int(one["custom_id"].removeprefix("sum-"))
        assert str(number + 1) in one["response"]["body"]["choices"][0]["message"]["content"]


def billed(em: Any) -> Decimal:
    return sum((row.cost for row in em.bill()), Decimal(0))


def test_one_command_on_two_nodes(
    cluster: Any,
    job: Callable[..., Path],
    new_postgres: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Shards, their one budget and their books; and no secret left behind."""
    key = "sk-or-v1-emulator-only-the-driver-has-it"
    url = with_password(new_postgres, "open-sesame-17")
    path, out = job(300), tmp_path / "out"
    with EmulatorProcess(api_key=key) as em:
        monkeypatch.setenv("OPENROUTER_API_BASE", em.base_url)
        monkeypatch.setenv("OPENROUTER_API_KEY", key)
        monkeypatch.setenv("OPENROUTER_ADAPTER_LEDGER", url)
        on_ray = ("--on-ray", cluster.address)
        words = ("run", path, "--out", out, "--shards", 3, "--budget", "0.1", "--json")
        ran = command(*words, *on_ray)
        assert ran.exit_code == 0, ran.output
        found = json.loads(ran.stdout)
        assert (found["done"], found["failed"], found["left"]) == (300, 0, 0)
        assert found["budget_usd"] == "0.1"
        assert_all_there_once(out, 300)
        assert Decimal(found["cost_usd"]) == billed(em)
        assert json.loads((out / "summary.json").read_text()) == found
        # The same shape as a single run's.
        assert found.keys() == json.loads((out / "shards/0001/summary.json").read_text()).keys()

        status = json.loads(command("status", out, "--json").stdout)
        same = found.keys() - {"seconds", "in_the_air"}
        assert {name: status[name] for name in same} == {name: found[name] for name in same}
        assert command("cost", out).stdout.startswith(f"USD {billed(em).normalize():f}\n")
        book = ledger.open(url)
        (state,) = book.budgets()
        assert (state.budget.usd, state.spent, state.held) == (Decimal("0.1"), billed(em), 0)
        books.check(em.bill(), em.requests, out, url, ())

    here = command("resume", out)
    assert here.exit_code == 2
    assert f"batch resume {out} --on-ray" in here.output.replace("\n", "")
    assert_nowhere([key, "open-sesame-17"], [Path(cluster.head_node.get_session_dir_path()), out])


def with_password(url: str, password: str) -> str:
    """The same database for a user with a password, which its server asks nobody for."""
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"ALTER USER postgres PASSWORD '{password}'"))
    engine.dispose()
    return sa.make_url(url).set(password=password).render_as_string(hide_password=False)


def assert_nowhere(secrets: list[str], folders: list[Path]) -> None:
    """No file of the folders has one of the secrets in it."""
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    assert len(files) > 20
    for file in files:
        content = file.read_bytes()
        for secret in secrets:
            assert secret.encode() not in content, file


def test_what_a_cluster_cannot_share_is_refused(
    cluster: Any, openrouter_at: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    path, out = job(5), tmp_path / "out"
    to: dict[str, Any] = {"address": cluster.address}
    with pytest.raises(batch.BatchError, match=r"ledger\.db, and the cluster has 2 nodes\..*post"):
        batch.run_on_ray(path, out, ledger=tmp_path / "ledger.db", **to)
    with pytest.raises(batch.BatchError, match="A budget on a cluster needs a ledger"):
        batch.run_on_ray(path, out, budget=1, **to)
    with pytest.raises(batch.FaultyInput, match="line 1: url is missing"):
        batch.run_on_ray(job([{"custom_id": "a"}], "bad.jsonl"), tmp_path / "bad", **to)
    batch.run(path, tmp_path / "single")
    with pytest.raises(batch.FolderUnfit, match="has a job of one machine"):
        batch.run_on_ray(None, tmp_path / "single", **to)
    assert len(openrouter_at.bill()) == 5


def test_without_ray_a_sentence_says_what_to_install(
    job: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    found = command("run", job(1), "--out", tmp_path / "out", "--on-ray")
    assert found.exit_code == 2
    assert installing.command("ray") in found.output.replace("\n", " ")


def test_ray_is_imported_by_nobody_who_does_not_use_it() -> None:
    code = "import sys; from openrouter_adapter import batch; print('ray' in sys.modules)"
    printed = subprocess.run(  # noqa: S603 - the line above
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert printed.stdout == "False\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--shards", "2"), "is only for --on-ray"),
        (("--on-ray", "--shard", "1/2"), "has --shards N"),
        (("--on-ray", "ray://somewhere:10001"), "ray job submit"),
    ],
)
def test_what_makes_no_sense_is_said(
    job: Callable[..., Path], tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    pytest.importorskip("ray")
    found = command("run", job(1), "--out", tmp_path / "out", *words)
    assert found.exit_code == 2
    assert said in found.output.replace("\n", " ")


def test_one_shard_of_many_is_not_for_a_cluster(job: Callable[..., Path], tmp_path: Path) -> None:
    pytest.importorskip("ray")
    one: dict[str, Any] = {"shard": (1, 2)}
    with pytest.raises(batch.BatchError, match="use shards=N"):
        batch.run_on_ray(job(1), tmp_path / "out", **one)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 40])
@pytest.mark.parametrize("is_packed", [False, True])
def test_parts_of_an_input_are_all_of_it(tmp_path: Path, count: int, is_packed: bool) -> None:
    path = tmp_path / "job.jsonl"
    texts = [json.dumps(chat(number)).encode() for number in range(25)]
    # A byte-order mark, Windows line ends, blank lines at the start, the end and in between.
    content = b"\xef\xbb\xbf\r\n" + b"\r\n\r\n".join(texts) + b"\r\n\r\n"
    path.write_bytes(gzip.compress(content) if is_packed else content)
    whole = list(inputs.lines(path))
    parts = inputs.parts(path, whole[-1][0], count)
    found = []
    for part in parts:
        lines = inputs.lines(path, part.first_line, part.first_byte)
        mine = [one for one in lines if part.first_line <= one[0] <= part.last_line]
        assert len(mine) == part.requests
        found += mine
    assert found == whole
    assert len(parts) == count
    assert is_packed or count == 1 or all(part.first_byte for part in parts[1:] if part.requests)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.timeout(600)
def test_a_node_that_dies_in_mid_job(
    cluster: Any, job: Callable[..., Path], new_postgres: str, tmp_path: Path
) -> None:
    """Nothing lost, nothing doubled, the budget held, the books right; then the rest is done."""
    count, out, budget = 6000, tmp_path / "out", Decimal("0.03")
    node = cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20, resources={"doomed": 1})
    killed: list[int] = []
    with EmulatorProcess() as em:
        em.add_fault("stall=0.1", probability=0.3, seed=1)

        def watch(seen: batch.Snapshot) -> None:
            if seen.done > 600 and not killed:
                killed.append(seen.done)
                switch_off(cluster, node)

        options: dict[str, Any] = {
            "address": cluster.address,
            "ledger": new_postgres,
            "api_key": em.api_key,
            "api_base": em.base_url,
            "pace": batch.Pace(16, budget_patience=5),
        }
        path = job(count)
        stopped = batch.run_on_ray(path, out, shards=6, budget=budget, watch=watch, **options)
        assert killed
        assert stopped.stopped is not None
        assert "budget" in stopped.stopped
        named = set(stopped.in_the_air)
        assert 0 < len(named) <= 16
        assert Decimal("0.8") * budget < billed(em) <= budget

        finished = batch.run_on_ray(None, out, budget=1, **options)
        assert (finished.done, finished.failed, finished.stopped) == (count, 0, None)
        assert_all_there_once(out, count)
        books.check(em.bill(), em.requests, out, new_postgres, named)
    assert not Folder(out).is_in_use()


def switch_off(cluster: Any, node: Any) -> None:
    """End a node as a power cut does: its workers have no time for anything either."""
    ((raylet,),) = [found for name, found in node.all_processes.items() if name == "raylet"]
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = stat.read_text().rpartition(")")[2].split()[1]
            if int(parent) == raylet.process.pid:
                os.kill(int(stat.parent.name), signal.SIGKILL)
    cluster.remove_node(node, allow_graceful=False)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_at_half_price_each_shard_has_its_batches(
    cluster: Any, job: Callable[..., Path], new_postgres: str, tmp_path: Path
) -> None:
    """One ledger, one budget and one bill; lines that batches can't take go the usual way."""
    out, haiku = tmp_path / "out", "anthropic/claude-haiku-4.5"
    lines = [chat(number, **({} if number % 10 == 0 else {"model": haiku})) for number in range(60)]
    with EmulatorProcess(batch_seconds=1.0) as em:
        em.add_fault("hang-up; path=/batches", times=1)
        options: dict[str, Any] = {
            "address": cluster.address,
            "ledger": new_postgres,
            "api_key": em.api_key,
            "api_base": em.base_url,
            "half_price": True,
            "rest": "send",
            "pace": batch.Pace(poll=0.1, longest_poll=0.2, lost_patience=1.0),
        }
        path = job(lines)
        summary = batch.run_on_ray(path, out, shards=3, budget=1, **options)
        assert (summary.done, summary.failed, summary.left) == (60, 0, 0), summary
        assert_all_there_once(out, 60)
        sent = [one.path for one in em.requests if one.method == "POST"]
        assert sent.count("/batches") == 3
        assert sent.count("/chat/completions") == 6
        book = ledger.open(new_postgres)
        (state,) = book.budgets()
        assert summary.cost == billed(em) == state.spent
        assert (state.held, book.held()) == (0, [])
        found = batch.status(out)
        assert {one["status"] for one in found.batches} == {"completed"}
        assert len(found.batches) == 3

        again = batch.run_on_ray(path, out, shards=3, budget=1, **options)
        assert (again.done, again.left, again.cost) == (60, 0, summary.cost)
        assert [one.path for one in em.requests if one.method == "POST"] == sent
        assert_all_there_once(out, 60)


@pytest.mark.slow
def test_failures_are_sent_again_on_the_cluster(
    cluster: Any,
    openrouter_at: Emulator,
    job: Callable[..., Path],
    tmp_path: Path,
) -> None:
    out, on_ray = tmp_path / "out", ("--on-ray", cluster.address)
    openrouter_at.faults.add("status=400", times=2)
    ran = command("run", job(60), "--out", out, "--shards", 2, *on_ray)
    assert ran.exit_code == 1, ran.output
    assert "58 of 60 requests answered, 2 failed, 0 left" in ran.stdout
    assert f"batch retry {out} --on-ray" in ran.stdout.replace("\n", "")
    again = command("retry", out, *on_ray)
    assert again.exit_code == 0, again.output
    assert_all_there_once(out, 60)


@pytest.mark.slow
def test_a_signal_to_the_driver_lets_what_is_in_the_air_land(
    cluster: Any, openrouter_at: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    out, pressed = tmp_path / "out", []

    def watch(seen: batch.Snapshot) -> None:
        if seen.done > 20 and not pressed:
            pressed.append(seen)
            os.kill(os.getpid(), signal.SIGINT)

    openrouter_at.faults.add("stall=0.2")
    options: dict[str, Any] = {"address": cluster.address, "concurrency": 4}
    summary = batch.run_on_ray(job(2000), out, shards=4, watch=watch, **options)
    assert summary.stopped is not None
    assert "It was asked to stop" in summary.stopped
    assert 20 < summary.done < 2000
    assert (summary.unsettled, summary.in_the_air) == (0, [])
    assert summary.cost == billed(openrouter_at)


def command(*words: Any) -> Any:
    return CliRunner().invoke(app, ["batch", *map(str, words)])
