"""Processes as the launcher started them, or a clear refusal before any work."""

import logging

import pytest
import torch

from scbasset_tl.train.device import check_launcher, make_fabric


@pytest.fixture(autouse=True)
def _no_launcher(monkeypatch):
    slurm = ("SLURM_PROCID", "SLURM_NTASKS", "SLURM_STEP_NUM_TASKS", "SLURM_NTASKS_PER_NODE", "SLURM_JOB_NAME")
    for name in ("TORCHELASTIC_RUN_ID", "WORLD_SIZE", "LOCAL_WORLD_SIZE", *slurm):
        monkeypatch.delenv(name, raising=False)


def started_by_torchrun(monkeypatch, n_processes, n_local):
    for name, value in (("TORCHELASTIC_RUN_ID", "x"), ("WORLD_SIZE", n_processes), ("LOCAL_WORLD_SIZE", n_local)):
        monkeypatch.setenv(name, str(value))


def test_one_device_needs_no_launcher():
    check_launcher(1, 1)
    assert make_fabric("cpu", None).world_size == 1


@pytest.mark.parametrize(
    ("devices", "num_nodes", "line"),
    [
        (2, 1, "torchrun --nproc-per-node=2 train.py"),
        (4, 3, "torchrun --nnodes=3 --rdzv-backend=c10d --rdzv-endpoint=FIRST_NODE:29500 --nproc-per-node=4 train.py"),
    ],
)
def test_several_devices_without_one_are_told_the_line(monkeypatch, devices, num_nodes, line):
    monkeypatch.setattr("sys.argv", ["/somewhere/train.py"])
    with pytest.raises(ValueError, match="this is one alone") as caught:
        make_fabric("cpu", None, devices=devices, num_nodes=num_nodes)
    assert f"'{line}'" in str(caught.value)


@pytest.mark.parametrize(("devices", "num_nodes"), [(1, 1), (4, 1), (1, 2)])
def test_numbers_that_disagree_with_torchrun(monkeypatch, devices, num_nodes):
    started_by_torchrun(monkeypatch, 2, 2)
    with pytest.raises(ValueError, match="but torchrun started 2, 2 on this node"):
        check_launcher(devices, num_nodes)


def test_numbers_that_agree(monkeypatch):
    started_by_torchrun(monkeypatch, 4, 2)
    check_launcher(2, 2)
    started_by_torchrun(monkeypatch, 1, 1)
    check_launcher(1, 1)


def test_tasks_of_srun_may_be_jobs_of_their_own(monkeypatch):
    for name in ("SLURM_NTASKS", "SLURM_STEP_NUM_TASKS"):
        monkeypatch.setenv(name, "4")
    monkeypatch.setenv("SLURM_PROCID", "1")
    fabric = make_fabric("cpu", None)
    assert (fabric.world_size, fabric.global_rank) == (1, 0)
    with pytest.raises(ValueError, match="pass --ntasks-per-node=2"):
        check_launcher(2, 2)
    monkeypatch.setenv("SLURM_NTASKS_PER_NODE", "2")
    check_launcher(2, 2)
    with pytest.raises(ValueError, match="but srun started 4"):
        check_launcher(2, 1)
    monkeypatch.setenv("SLURM_JOB_NAME", "interactive")
    with pytest.raises(ValueError, match="this is one alone"):
        check_launcher(4, 1)


def test_a_script_of_sbatch_without_srun_is_one_process(monkeypatch):
    for name, value in (("SLURM_PROCID", "0"), ("SLURM_NTASKS", "4"), ("SLURM_NTASKS_PER_NODE", "4")):
        monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match="this is one alone"):
        check_launcher(4, 1)
    assert make_fabric("cpu", None).world_size == 1


def test_auto_is_the_cpu_where_there_is_only_an_apple_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert make_fabric("auto", None).device.type == "cpu"
    with pytest.raises(ValueError, match="accelerator must be one of"):
        make_fabric("mps", None)


def test_lightning_does_not_announce_the_precision(caplog):
    pytest.importorskip("lightning_fabric")  # its import sets the level of its logger
    logger = logging.getLogger("lightning_fabric")
    before = logger.level
    with caplog.at_level(logging.INFO):
        make_fabric("cpu", "bf16-mixed")
    assert caplog.text == ""
    assert logger.level == before


def test_more_devices_than_there_are(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(ValueError, match="devices=3: torch finds 2 on this node"):
        make_fabric("gpu", None, devices=3)


@pytest.mark.parametrize("name", ["devices", "num_nodes"])
@pytest.mark.parametrize("value", [0, "auto", [0, 1], True])
def test_values_that_are_no_numbers(name, value):
    with pytest.raises(ValueError, match=f"{name} must be a whole number of at least 1"):
        make_fabric("cpu", None, **{name: value})


@pytest.mark.parametrize(
    ("flags", "precision"),
    [
        ("fpu avx512f avx512_bf16 amx_tile", "bf16-mixed"),
        ("fpu avx2 amx_bf16 amx_tile", "bf16-mixed"),
        ("fpu avx2 avx512f avx512_vnni", "32-true"),
        ("fpu avx2", "32-true"),
    ],
)
def test_bf16_by_itself_where_the_processor_multiplies_it(monkeypatch, tmp_path, flags, precision):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\nmodel name\t: a name with avx512_bf16\nflags\t\t: {flags}\n")
    monkeypatch.setattr("scbasset_tl.train.device._CPUINFO", cpuinfo)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert precision_of(make_fabric("auto", None)) == precision
    assert precision_of(make_fabric("cpu", "32-true")) == "32-true"
    assert precision_of(make_fabric("cpu", "bf16-mixed")) == "bf16-mixed"


def test_float32_where_flags_cannot_be_read_or_torch_lacks_the_kernels(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr("scbasset_tl.train.device._CPUINFO", tmp_path / "none")
    assert precision_of(make_fabric("cpu", None)) == "32-true"
    (tmp_path / "none").write_text("flags : amx_bf16\n")
    assert precision_of(make_fabric("cpu", None)) == "bf16-mixed"
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert precision_of(make_fabric("cpu", None)) == "32-true"


def precision_of(fabric):
    return fabric._precision.precision
