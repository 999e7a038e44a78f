"""`dgm text-vae`: variational autoencoders of sentences, trained, judged and used."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from tfp_dgm.data import check_output_file

from ._errors import clean_errors
from ._progress import progress_bar
from ._quiet import quiet_start
from ._shared_options import LARGEST_SEED, Seed

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
    train_file: Annotated[Path, typer.Argument(metavar="TRAIN", help="Sentences, one a line.")],
    valid_file: Annotated[Path, typer.Argument(metavar="VALID", help="Held-out sentences.")],
    output: Annotated[Path, typer.Option(help="Folder for the model and its records.")],
    config: Annotated[Path | None, typer.Option(help="Settings, YAML or JSON.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="NAME=VALUE, over the file's; repeatable.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=LARGEST_SEED, help="Over that of the settings.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where a killed training stopped.")
    ] = False,
) -> None:
    """Trains a text VAE (or, with --set model=language_model, the decoder alone).

    The settings that were used, defaults too, are written to OUTPUT/settings.json, which
    --config takes.
    """
    with quiet_start():
        from . import _text_vae
        from ._settings import read_settings
        from ._text_vae_settings import TextVAESettings
    with clean_errors():
        chosen = [*(set_ or []), *([] if seed is None else [f"seed={seed}"])]
        settings = read_settings(TextVAESettings, config, chosen)
        with progress_bar() as progress:
            epoch, numbers = _text_vae.train(
                train_file,
                valid_file,
                output,
                settings,
                resume=resume,
                progress=progress,
                say=lambda message: typer.echo(message, err=True),
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
        from . import _text_vae, _text_vae_report
    with clean_errors(), progress_bar() as progress:
        for path in (output, figure):
            if path is not None:
                check_output_file(path)
        report = _text_vae_report.evaluate(
            _text_vae.load_model(model),
            file,
            num_samples=num_samples,
            beside=None if beside is None else _text_vae.load_model(beside),
            gaps=gaps,
            refinement_steps=refine,
            seed=seed,
            progress=progress,
        )
    if as_json:
        typer.echo(json.dumps(report, indent=2))
    else:
        _text_vae_report.show(report)
    with clean_errors():
        if output is not None:
            _text_vae_report.write(report, output)
        if figure is not None and not _text_vae_report.draw(report, figure):
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
        from . import _text_vae, _text_vae_use
    with clean_errors():
        texts = _text_vae_use.generate(
            _text_vae.load_model(model),
            count,
            method=method,
            settings={"temperature": temperature, "top_k": top_k, "top_p": top_p},
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
        from . import _text_vae, _text_vae_use
    with clean_errors():
        pairs = _text_vae_use.reconstruct(
            _text_vae.load_model(model), file, beam_size=beam_size, warn=_warn
        )
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
        from . import _text_vae, _text_vae_use
    with clean_errors():
        vae = _text_vae.load_model(model)
        ends = _text_vae_use.ends(vae, start, stop, sentences, pairs=pairs, seed=seed, warn=_warn)
        found = _text_vae_use.interpolate(
            vae, ends, steps, spherical=spherical, beam_size=beam_size
        )
    if as_json or sentences is not None:
        _show(found if as_json else _text_vae_use.as_text(found), as_json)
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
        from . import _text_vae, _text_vae_use
    with clean_errors():
        answer = _text_vae_use.impute(
            _text_vae.load_model(model),
            file,
            keep=keep,
            mode_steps=mode_steps,
            beam_size=beam_size,
            adversarial=adversarial,
            seed=seed,
            warn=_warn,
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
        from . import _text_vae, _text_vae_use
    with clean_errors():
        shape = _text_vae_use.encode(_text_vae.load_model(model), file, output, warn=_warn)
    typer.echo(f"{output}: {shape[0]:,} vectors of {shape[1]} numbers")


def _warn(message: str) -> None:
    typer.echo(f"Warning: {message}", err=True)


def _show(texts: list[Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(texts, indent=2, ensure_ascii=False))
    else:
        for text in texts:
            typer.echo(text)
