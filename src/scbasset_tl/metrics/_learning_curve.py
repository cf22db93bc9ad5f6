"""How many cells and reads does a model need?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scbasset_tl._docs import doc_params

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pandas as pd
    from anndata import AnnData
    from mudata import MuData

_NAMES = {"auroc_per_cell": "held-out auROC per cell", "label_score": "label score"}
_SIZES = {"cells": "n_cells", "reads": "depth"}  # column of the table that a curve grows with
_UNITS = {"cells": ("cells", ""), "reads": ("open peaks", " a cell")}


@dataclass(frozen=True, repr=False)
class LearningCurve:
    """Scores of models of parts of the data, the curves through them, and what they say in words."""

    table: pd.DataFrame
    fits: pd.DataFrame
    answer: list[str]

    def __repr__(self) -> str:
        return "\n".join(self.answer)


@doc_params
def learning_curve(
    data: AnnData | MuData,
    *,
    cells: Sequence[int] | None = None,
    reads: Sequence[float] = (0.25, 0.5, 1.0),
    label_key: str | None = None,
    trunk: int | Any = 48,
    n_latent: int = 32,
    max_epochs: int | None = None,
    batch_size: int | None = None,
    layer: str | None = None,
    accelerator: str = "auto",
    mod: str = "atac",
    rng: int | np.random.Generator | None = 0,
) -> LearningCurve:
    """Train on parts of the cells and of the reads, and estimate what more of either would bring.

    A model is trained for each number of cells, with all their reads, and for each share of the reads, with all cells.
    All have the same training peaks, and are scored on the same cells: those of the smallest part, which is in all
    others (2,000 at most), against all of their reads at held-out peaks. A curve ``limit - gain * n ** -exponent`` is
    fitted through the scores of each kind, the exponent only if there are four sizes; otherwise it is 0.5.

    A curve says what more cells or reads of the same kind would bring this network. Beyond twice the data it is a guess.

    Parameters
    ----------
    {data}
    cells
        Numbers of cells; by default an eighth, a quarter, a half and all of them.
    reads
        Shares of the reads (counts above 1 are thinned read by read); ``(1.0,)`` leaves this curve out.
    label_key
        Column of ``.obs``, such as ``"cell_type"``: also the share of a cell's nearest neighbours (a tenth of the scored cells,
        at most 50) that have its label.
    trunk, n_latent, max_epochs, batch_size
        As in :func:`scbasset_tl.tl.scbasset`, here with a small network; training is by the recipe ``"fast"``.
    layer
        Layer with counts; ``None`` is ``.X``. Values above zero count as open.
    accelerator
        ``"cpu"``, ``"gpu"``, or ``"auto"``, which takes a GPU if there is one.
    {mod}
    {rng}

    Returns
    -------
    ``table``: a row for each model with ``axis`` (``"cells"`` or ``"reads"``), ``n_cells``, ``reads`` (share), ``depth`` (median
    number of open peaks), ``auroc_per_cell``, ``auroc_per_peak``, ``label_score`` with ``label_key``, and ``seconds``. ``fits``:
    ``limit``, ``gain`` and ``exponent`` for each ``axis`` and ``score``, with n in cells or in open peaks per cell. ``answer``:
    sentences, which printing shows. :func:`scbasset_tl.pl.learning_curve` draws it.

    Raises
    ------
    KeyError
        If sequences, the layer or the column are missing.
    ValueError
        If a size is out of range, or fewer than two sizes are asked for of both kinds.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> curve = sb.metrics.learning_curve(adata, cells=[20, 60], reads=(1.0,), trunk=4, max_epochs=1)
    >>> curve.table[["axis", "n_cells"]].to_numpy().tolist()
    [['cells', 20], ['cells', 60]]
    """
    import numpy as np
    import pandas as pd

    from scbasset_tl._adata.compare.learning_curve import plan, score_part, sizes
    from scbasset_tl._adata.resolve import resolve
    from scbasset_tl._log import info
    from scbasset_tl._random import as_generator, draw_seed
    from scbasset_tl._validate import check_positive_int
    from scbasset_tl.train.device import make_fabric

    adata, generator = resolve(data, mod), as_generator(rng)
    if cells is None:
        cells = [number for share in (8, 4, 2, 1) if (number := adata.n_obs // share) >= 10]
    numbers = sizes("cells", cells, adata.n_obs, whole_numbers=True)
    shares = sizes("reads", reads, 1, whole_numbers=False)
    check_positive_int("n_latent", n_latent)
    points = {("cells", int(number), 1.0) for number in numbers} if len(numbers) > 1 else set()
    points |= {("reads", int(numbers[-1]), share) for share in shares} if len(shares) > 1 else set()
    if not points:
        message = f"cells={numbers} and reads={shares} make no curve: pass at least two sizes of one of them."
        raise ValueError(message)
    experiment = plan(
        adata,
        layer=layer,
        label_key=label_key,
        fewest=int(numbers[0]),
        thinned=len(shares) > 1 or shares[0] < 1,
        trunk=trunk,
        n_latent=n_latent,
        max_epochs=None if max_epochs is None else check_positive_int("max_epochs", max_epochs),
        batch_size=None if batch_size is None else check_positive_int("batch_size", batch_size, minimum=2),
        rng=generator,
    )
    seed, fabric = draw_seed(generator), make_fabric(accelerator, None)
    scores: dict[tuple[int, float], dict[str, float]] = {}
    models = sorted({point[1:] for point in points})
    for done, (number, share) in enumerate(models, start=1):
        info(f"model {done} of {len(models)}: {number:,} cells, {share:.0%} of the reads")
        scores[number, share] = score_part(experiment, fabric, number, share, np.random.default_rng(seed), seed=seed)
    rows = [{"axis": axis, "reads": share, **scores[number, share]} for axis, number, share in sorted(points)]
    columns = ["axis", "n_cells", "reads", *(name for name in rows[0] if name not in ("axis", "n_cells", "reads"))]
    table = pd.DataFrame(rows)[columns]
    fits = _fits(table)
    return LearningCurve(table, fits, _words(table, fits))


def _fits(table: pd.DataFrame) -> pd.DataFrame:
    import numpy as np
    import pandas as pd

    from scbasset_tl.stats.power_law import fit_power_law

    rows = []
    for axis, part in table.groupby("axis", sort=False):
        for score in ("auroc_per_cell", "auroc_per_peak", "label_score"):
            if score not in part or part[score].isna().any():
                continue
            n = part[_SIZES[str(axis)]].to_numpy(dtype=np.float64)
            if len(np.unique(n)) > 1:
                rows.append({"axis": axis, "score": score, **fit_power_law(n, part[score].to_numpy())._asdict()})
    return pd.DataFrame(rows, columns=["axis", "score", "limit", "gain", "exponent"])


def _words(table: pd.DataFrame, fits: pd.DataFrame) -> list[str]:
    """One sentence for each curve that a person asks about."""
    from scbasset_tl.stats.power_law import PowerLaw

    sentences = []
    for axis, score, *curve in fits[fits["score"].isin(_NAMES)].itertuples(index=False, name=None):
        size, law = _SIZES[axis], PowerLaw(*curve)
        last = table[table["axis"] == axis].sort_values(size).iloc[-1]
        n, (more, each) = float(last[size]), _UNITS[axis]
        gain = float(law.at(2 * n)) - float(law.at(n))
        addition = (
            "less than .005: there are enough"
            if gain < 0.005
            else f"about {gain:.3f}, and the curve levels off at {min(law.limit, 1):.2f}"
        )
        sentences.append(
            f"With {n:,.0f} {more}{each} the {_NAMES[score]} is {last[score]:.3f}; twice as many {more} would add {addition}."
        )
    return sentences
