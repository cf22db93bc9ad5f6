"""Is a trained model usable?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scbasset_tl._docs import doc_params

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from anndata import AnnData
    from mudata import MuData

    from scbasset_tl.stats.verdict import Verdict


@dataclass(frozen=True, repr=False)
class Report:
    """What :func:`scbasset_tl.get.report` found; printing it shows all sentences.

    Attributes
    ----------
    verdict
        ``"usable"``, ``"undertrained"`` or ``"no sequence signal"``.
    sentences
        The finding of each check in plain words, by the name of the check.
    numbers
        The statistics behind them; NaN where something could not be computed.
    cells
        ``auroc``, ``auprc``, ``open`` (share of its held-out peaks that are open), ``log10_depth`` and ``intercept`` of
        each cell.
    peaks
        ``auroc``, ``auprc``, ``open`` (share of the cells in which it is open) and ``depth_only`` of each held-out peak.
    history
        As :func:`scbasset_tl.get.history` gives it; ``None`` for weights that were read from a file.
    """

    verdict: Verdict
    sentences: dict[str, str]
    numbers: dict[str, float]
    cells: pd.DataFrame
    peaks: pd.DataFrame
    history: pd.DataFrame | None

    def __repr__(self) -> str:
        width = max(len(name) for name in self.sentences)
        lines = [f"{name:<{width}}  {sentence}" for name, sentence in self.sentences.items()]
        return "\n".join([f"scBasset model: {self.verdict}", *lines])


@doc_params
def report(
    data: AnnData | MuData,
    *,
    layer: str | None = None,
    key: str = "scbasset",
    mod: str = "atac",
    rng: int | np.random.Generator | None = 0,
) -> Report:
    """Is a trained scBasset usable? Accuracy on held-out peaks, beside baselines to compare it with.

    The verdict rests on the peaks with ``var['split']`` ``"val"`` or ``"test"`` (training never looks at either),
    and on the course of the training:

    ``"usable"``
        Held-out auROC per cell is at least .53 and 3 standard deviations above chance; held-out auROC per peak is at
        least .01 and 3 standard deviations above what depth predicts; and the training is over: at least 400
        optimizer steps, at least 5 epochs up to the weights kept, and a training auROC that rose more slowly in the
        last tenth of the epochs than over the whole run.
    ``"undertrained"``
        The training is not over, and nothing speaks against training longer.
    ``"no sequence signal"``
        Held-out peaks are not predicted as above though the training is over, or though training peaks are predicted,
        beyond doubt better than held-out ones: they are learned by heart. The sequences may not belong to the peaks
        (wrong assembly, wrong order), or there are too few peaks or reads.

    Chance and its standard deviation come from the exact moments over all pairings of sequences with peaks, on
    at most 4,096 peaks and 2,000 cells. The thresholds, with their reasons, stand in ``scbasset_tl.stats.verdict``.
    Two limits: a one-cycle schedule levels off at its end however short it is, so that a run of few epochs can pass
    for a whole one; and weights that were read from a file have no course, so that only the auROC speaks for them.

    Beside the auROC stand three baselines: for each peak the cells' depths; for each cell the GC content of the peaks
    (in its better direction), and the peaks' own mean accessibility. That last one looks at the held-out peaks: it is
    what a perfect predictor that knows nothing about the cells would reach, not a rival. The auPR (average precision)
    depends on how many entries are open: by chance it is their share, which stands beside it.

    Parameters
    ----------
    {data}
    layer
        Layer with the accessibility matrix; ``None`` is the one that the model was trained on.
    {key}
    {mod}
    {rng}

    Returns
    -------
    :class:`Report`; nothing is written to the data.

    Raises
    ------
    KeyError
        If the model, its peak vectors, the layer or ``var['split']`` is missing.
    ValueError
        If no peak is held out, a model of :func:`scbasset_tl.tl.map_cells` has seen such peaks, or no cell has both open
        and closed held-out peaks.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    >>> sb.get.report(adata).verdict
    'undertrained'
    """
    from scbasset_tl._adata.matrix import open_entries_from
    from scbasset_tl._adata.model.seen import check_unseen, is_mapped
    from scbasset_tl._adata.model.store import read_model
    from scbasset_tl._adata.resolve import resolve
    from scbasset_tl._log import late_progress
    from scbasset_tl._random import as_generator
    from scbasset_tl.get import _evidence as evidence
    from scbasset_tl.get._history import history
    from scbasset_tl.get._sentences import sentences
    from scbasset_tl.stats.verdict import decide, why_not_over

    adata, generator = resolve(data, mod), as_generator(rng)
    model = read_model(adata, key)
    model.require_peaks()
    held_out, training = evidence.split_peaks(adata)
    check_unseen(adata, model, held_out)
    open_entries = open_entries_from(adata, model.entry["params"].get("layer") if layer is None else layer)

    with late_progress(5, description="report", unit=" parts") as bar:
        cells, peaks = evidence.accuracy(adata, model, open_entries, held_out)
        bar.update()
        signals = evidence.signals(adata, model, open_entries, held_out, training, generator)
        bar.update()
        trained_here = "epochs" in model.entry.get("history", {})
        epochs = history(adata, key=key) if trained_here else None
        course = None if epochs is None else evidence.course(model, epochs, len(training))
        verdict, reason = decide(**signals, course=course)
        lacks = None if course is None else why_not_over(signals["per_cell"], course)
        bar.update()
        baselines = evidence.baselines(adata, open_entries, held_out)
        bar.update()
        numbers = {
            **evidence.auroc_numbers(cells, peaks, signals),
            **baselines,
            **evidence.depth_numbers(model, cells),
            **({} if course is None else course._asdict()),
            **evidence.mixing(adata, model, generator),
        }
        bar.update()
    stopped = str(model.entry["history"]["stopped"]) if trained_here else ("mapped" if is_mapped(model) else "")
    rep = model.entry["slots"]["obsm"]
    texts = {"verdict": reason, **sentences(numbers, stopped, verdict, lacks, rep)}
    return Report(verdict, texts, numbers, cells, peaks, epochs)
