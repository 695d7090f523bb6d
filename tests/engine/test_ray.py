import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from survey.engine import JobStore, RayEngine
from survey.errors import EngineError
from tests.engine import toys

ROOT = Path(__file__).resolve().parents[2]
ALONE = ["unshare", "--map-root-user", "--net"]

SCRIPT = """
import fcntl, socket, struct, sys
from pathlib import Path

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
    fcntl.ioctl(handle, 0x8914, struct.pack("16sh", b"lo", 0x41))  # SIOCSIFFLAGS: lo up and running

from survey.engine import JobStore, RayEngine
from survey.errors import InputError
from tests.engine import toys

folder = Path(sys.argv[1])
work = toys.Toy(folder, kills_once=frozenset({2}), kills_always=frozenset({5}))
engine = RayEngine(work, JobStore(folder), workers=2)
for receipt in engine.submit([toys.make_task(0, 1, 2, 3), toys.make_task(4, 5, 6), toys.make_task(7)]):
    print("receipt", receipt.block_index, receipt.state, receipt.reason or "")
try:
    list(RayEngine(toys.Toy(folder, raises=frozenset({8})), JobStore(folder)).submit([toys.make_task(8)]))
except InputError as error:
    print("raised", error)
"""


def test_without_ray_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(EngineError, match=r"pip install 'survey\[cluster\]'"):
        list(RayEngine(toys.Toy(tmp_path), JobStore(tmp_path)).submit([toys.make_task(0)]))


@pytest.mark.slow
@pytest.mark.cluster
def test_actors_that_die_come_back_and_a_poisonous_block_is_given_up(tmp_path: Path) -> None:
    if importlib.util.find_spec("ray") is None:
        pytest.skip("Ray is not installed: pip install 'survey[cluster]'")
    if shutil.which("unshare") is None or subprocess.run([*ALONE, "true"], check=False).returncode:
        pytest.skip("Ray listens on every interface, and this machine allows no network namespace to shut it in")
    environ = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "PYTHONPATH": str(ROOT)}
    environ.pop("RAY_ADDRESS", None)
    done = subprocess.run(
        [*ALONE, sys.executable, "-c", SCRIPT, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env=environ,
        cwd=ROOT,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    receipts = sorted(line for line in done.stdout.splitlines() if line.startswith("receipt"))
    assert [line.split()[1:3] for line in receipts] == [
        [str(block), "not_searched" if block == 5 else "searched"] for block in range(8)
    ]
    assert "its worker died 3 times" in receipts[5]
    assert "\nraised image0.tif block 8: no such luck\n" in done.stdout
