"""`dgm text-vae`: variational autoencoders of sentences, trained, judged and used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tfp_dgm.data import DataError, atomic_write, check_input_file, check_output_file, write_table

from . import _text_vae_table
from ._errors import clean_errors
from ._progress import progress_bar
from ._quiet import quiet_start
from ._shared_options import Output, Quiet, Resume, Seed, Set, SettingsFile, overrides

if TYPE_CHECKING:
    from tfp_dgm.sentence_modelling import TextModel, Texts

app = typer.Typer(
    help="Variational autoencoders of sentences: train, judge, use.", no_args_is_help=True
)

Model = Annotated[Path, typer.Argument(metavar="MODEL", help="Folder of a trained model.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Sentences = Annotated[
    Path, typer.Argument(metavar="FILE", help="Sentences, one a line, plain or .gz.")
]
BeamSize = Annotated[int, typer.Option(min=1, help="Texts that a search keeps; 1 is greedy.")]


@app.command()
def train(
    context: typer.Context,
    train_file: Annotated[Path, typer.Argument(metavar="TRAIN", help="Sentences, one a line.")],
    valid_file: Annotated[Path, typer.Argument(metavar="VALID", help="Held-out sentences.")],
    output: Output,
    settings: SettingsFile = None,
    set_: Set = None,
    resume: Resume = False,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Trains a text VAE (or, with --set model=language_model, the decoder alone).

    docs/settings.md tells the settings; --seed stands over theirs. Those that were used, defaults
    too, are written to OUTPUT/settings.json, which --settings takes.
    """
    from tfp_dgm.sentence_modelling import TextModelSettings, from_version_0_1
    from tfp_dgm.settings import read_settings

    with clean_errors(assignments="--set"), progress_bar(quiet=quiet) as progress:
        resolved = read_settings(
            TextModelSettings,
            settings,
            overrides(context, set_, seed),
            earlier=lambda values: from_version_0_1(values, _say),
        )
        for file in (train_file, valid_file):
            check_input_file(file)
        with quiet_start():
            from tfp_dgm.sentence_modelling import train_text_model
        epoch, numbers = train_text_model(
            train_file, valid_file, output, resolved, resume=resume, progress=progress, say=_say
        )
    shown = ", ".join(f"{name} {value:.2f}" for name, value in numbers.items())
    typer.echo(f"{output / 'model.keras'}: of epoch {epoch}, the best: {shown}")


@app.command()
def evaluate(
    model: Model,
    file: Sentences,
    num_samples: Annotated[int, typer.Option(min=1, help="K of the log-likelihood.")] = 500,
    beside: Annotated[
        Path | None, typer.Option(help="Folder of a language model to compare with.")
    ] = None,
    gaps: Annotated[
        int, typer.Option(min=0, help="Sentences on which the inference gaps are found.")
    ] = 0,
    refine: Annotated[
        int | None,
        typer.Option(
            min=0, help="Steps of Adam that refine each posterior; by default, those of training."
        ),
    ] = None,
    figure: Annotated[
        Path | None,
        typer.Option(
            help="PNG of the divergence by unit, or of the means' variance where it has none."
        ),
    ] = None,
    output: Annotated[Path | None, typer.Option(help="JSON file of the numbers.")] = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Judges a model on held-out sentences, with weight 1 on every term."""
    with quiet_start():
        from tfp_dgm.sentence_modelling import draw_units, evaluate_text_model, load_text_model
    with clean_errors("beside"), progress_bar() as progress:
        for path in (output, figure):
            if path is not None:
                check_output_file(path)
        loaded = load_text_model(model)
        texts = _read(loaded, file)
        report = evaluate_text_model(
            loaded,
            texts,
            num_samples=num_samples,
            beside=None if beside is None else load_text_model(beside),
            gaps=gaps,
            refinement_steps=refine,
            seed=seed,
            progress=progress,
        )
    if as_json:
        typer.echo(json.dumps(report, indent=2))
    else:
        _text_vae_table.show(report)
    with clean_errors():
        if output is not None:
            with atomic_write(output) as target:
                target.write(json.dumps(report, indent=2).encode() + b"\n")
        if figure is not None and not draw_units(report, figure):
            typer.echo(f"{figure}: not drawn: a language model has no units", err=True)


@app.command()
def generate(
    model: Model,
    count: Annotated[int, typer.Option(min=1, help="How many texts.")] = 10,
    method: Annotated[
        Literal["sample", "greedy", "beam"], typer.Option(help="How words are chosen, given z.")
    ] = "sample",
    temperature: Annotated[float, typer.Option(min=0.01, help="Below 1: likelier words.")] = 1.0,
    top_k: Annotated[int | None, typer.Option(min=1, help="The K likeliest words only.")] = None,
    top_p: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Nucleus: the words of this share only.")
    ] = None,
    beam_size: BeamSize = 10,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Writes new texts: latents from the prior, words from the decoder."""
    with quiet_start():
        from tfp_dgm import sentence_modelling
    with clean_errors():
        texts = sentence_modelling.generate(
            sentence_modelling.load_text_model(model),
            count,
            method=method,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            beam_size=beam_size,
            seed=seed,
        )
    _show(texts, as_json)


@app.command()
def reconstruct(
    model: Model, file: Sentences, beam_size: BeamSize = 10, as_json: AsJson = False
) -> None:
    """Encodes sentences and writes them anew from the posterior's mean."""
    with quiet_start():
        from tfp_dgm import sentence_modelling
    with clean_errors():
        loaded = sentence_modelling.load_text_model(model)
        texts = _read(loaded, file, keep_long=True)
        pairs = sentence_modelling.reconstruct(loaded, texts, beam_size=beam_size)
    if as_json:
        typer.echo(json.dumps(pairs, indent=2, ensure_ascii=False))
        return
    for pair in pairs:
        typer.echo(f"{pair['sentence']}\n  -> {pair['reconstruction']}")


@app.command()
def interpolate(
    model: Model,
    start: Annotated[str | None, typer.Argument(help="The sentence to begin with.")] = None,
    stop: Annotated[str | None, typer.Argument(help="The sentence to end with.")] = None,
    sentences: Annotated[
        Path | None, typer.Option(help="Instead: sentences, one a line, of which pairs are drawn.")
    ] = None,
    pairs: Annotated[int, typer.Option(min=1, help="How many pairs of them.")] = 10,
    steps: Annotated[int, typer.Option(min=2, help="Texts, both ends included.")] = 7,
    spherical: Annotated[
        bool, typer.Option("--spherical", help="Along an arc instead of a line.")
    ] = False,
    beam_size: BeamSize = 10,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Writes the texts between two sentences, START and STOP or those of drawn pairs."""
    with quiet_start():
        from tfp_dgm import sentence_modelling
    with clean_errors("pairs"):
        pair = None if start is None or stop is None else (start, stop)
        if sentences is None and pair is None:
            raise DataError("interpolate: give START and STOP, or --sentences FILE")
        if sentences is not None and start is not None:
            raise DataError("interpolate: give START and STOP or --sentences, not both")
        vae = sentence_modelling.load_text_model(model)
        ends = [] if pair is None else [pair]
        if sentences is not None:
            texts = _read(vae, sentences, keep_long=True)
            ends = sentence_modelling.draw_pairs(texts.sentences, pairs, seed=seed)
        found = sentence_modelling.interpolate(
            vae, ends, steps=steps, spherical=spherical, beam_size=beam_size
        )
    if as_json or sentences is not None:
        _show(found if as_json else _as_lines(found), as_json)
    else:
        _show(found[0]["texts"], as_json)


@app.command()
def impute(
    model: Model,
    file: Sentences,
    keep: Annotated[
        float,
        typer.Option(min=0.0, max=1.0, help="Share of each sentence's words that is given."),
    ] = 1.0,
    mode_steps: Annotated[
        int, typer.Option(min=0, help="Iterated conditional modes over latent and end.")
    ] = 0,
    beam_size: BeamSize = 10,
    adversarial: Annotated[
        bool,
        typer.Option("--adversarial", help="Report how well true and found ends are told apart."),
    ] = False,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Ends sentences: by a beam search, with or without iterated conditional modes."""
    with quiet_start():
        from tfp_dgm import sentence_modelling
    with clean_errors("adversarial", "mode_steps"):
        loaded = sentence_modelling.load_text_model(model)
        answer = sentence_modelling.impute(
            loaded,
            _read(loaded, file, keep_long=True),
            keep=keep,
            mode_steps=mode_steps,
            beam_size=beam_size,
            adversarial=adversarial,
            seed=seed,
        )
    if as_json:
        typer.echo(json.dumps(answer, indent=2, ensure_ascii=False))
        return
    for text in answer["texts"]:
        typer.echo(text["text"])
    if adversarial:
        found = answer["adversarial"]
        typer.echo(
            f"Adversarial error {found['adversarial_error']:.3f} above chance "
            f"(accuracy {found['accuracy']:.3f}, {found['num_pairs']} pairs; "
            f"{found['num_left_out']} longer sentences left out)"
        )


@app.command()
def encode(
    model: Model,
    file: Sentences,
    output: Annotated[Path, typer.Option(help="Vectors: .npy, or .parquet beside the texts.")],
) -> None:
    """Writes the posterior's mean of each sentence, in the order of the lines that were read."""
    with quiet_start():
        import numpy as np
        import pandas as pd

        from tfp_dgm import sentence_modelling
    with clean_errors():
        if output.suffix not in (".npy", ".parquet"):
            raise DataError.at(output, "expected a name that ends in .npy or .parquet")
        check_output_file(output)
        loaded = sentence_modelling.load_text_model(model)
        texts = _read(loaded, file, keep_long=True)
        means = sentence_modelling.encode(loaded, texts.sentences)
        if output.suffix == ".npy":
            with atomic_write(output) as target:
                np.save(target, means)
        else:
            columns = {f"z{i}": means[:, i] for i in range(means.shape[1])}
            write_table(pd.DataFrame({"text": texts.sentences, **columns}), output)
    typer.echo(f"{output}: {means.shape[0]:,} vectors of {means.shape[1]} numbers")


def _read(model: TextModel, file: Path, *, keep_long: bool = False) -> Texts:
    """The sentences of a file; what is wrong with its other lines goes to stderr."""
    from tfp_dgm.sentence_modelling import read_texts

    assert model.vocabulary is not None
    texts = read_texts(file, model.vocabulary, model.max_length, keep_long=keep_long)
    for warning in texts.warnings:
        _say(f"Warning: {warning}")
    return texts


def _say(message: str) -> None:
    typer.echo(message, err=True)


def _as_lines(ways: list[dict[str, Any]]) -> list[str]:
    """What lies between pairs of sentences: the sentences, and the texts between, indented."""
    lines: list[str] = []
    for way in ways:
        lines += [way["start"], *(f"  {text}" for text in way["texts"]), way["stop"], ""]
    return lines[:-1]


def _show(texts: list[Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(texts, indent=2, ensure_ascii=False))
    else:
        for text in texts:
            typer.echo(text)
