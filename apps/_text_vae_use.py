"""`dgm text-vae generate`, `reconstruct`, `interpolate`, `impute` and `encode`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from tfp_dgm.data import DataError, atomic_write, check_input_file, check_new_file, write_table

from ._errors import clean_errors
from ._json_output import show_figures
from ._progress import status
from ._quiet import quiet_start
from ._shared_options import BeamWidth, Json, Output, Quiet, Seed, Temperature, TopP
from ._text_vae_files import Model, Sentences, read


def generate(
    model: Model,
    num_texts: Annotated[int, typer.Option(min=1, help="How many texts.")] = 10,
    method: Annotated[
        Literal["sample", "greedy", "beam"], typer.Option(help="How words are chosen, given z.")
    ] = "sample",
    temperature: Temperature = 1.0,
    top_k: Annotated[int | None, typer.Option(min=1, help="The K likeliest words only.")] = None,
    top_p: TopP = 1.0,
    beam_width: BeamWidth = 1,
    seed: Seed = 0,
    json_file: Json = None,
    quiet: Quiet = False,
) -> None:
    """Writes new texts: latents from the prior, words from the decoder."""
    from tfp_dgm.sentence_modelling import model_file

    with clean_errors("temperature", "top_k", "top_p", beam_size="--beam-width"):
        model_file(model)
        with quiet_start():
            from tfp_dgm.sentence_modelling import generate as generate_texts
            from tfp_dgm.sentence_modelling import load_text_model
        with status(f"Writing {num_texts:,} texts", quiet=quiet):
            texts = generate_texts(
                load_text_model(model),
                num_texts,
                method=method,
                temperature=temperature,
                top_k=top_k,
                top_p=None if top_p == 1 else top_p,
                beam_size=beam_width,
                seed=seed,
            )
        show_figures(texts, json_file, lambda: _print(texts))


def reconstruct(
    model: Model,
    file: Sentences,
    beam_width: BeamWidth = 1,
    json_file: Json = None,
    quiet: Quiet = False,
) -> None:
    """Encodes sentences and writes them anew from the posterior's mean."""
    from tfp_dgm.sentence_modelling import model_file

    with clean_errors(beam_size="--beam-width"):
        model_file(model)
        check_input_file(file)
        with quiet_start():
            from tfp_dgm.sentence_modelling import load_text_model
            from tfp_dgm.sentence_modelling import reconstruct as reconstruct_texts
        with status(f"Reconstructing {file}", quiet=quiet):
            loaded = load_text_model(model)
            texts = read(loaded, file, keep_long=True)
            pairs = reconstruct_texts(loaded, texts, beam_size=beam_width)
        lines = [f"{pair['sentence']}\n  -> {pair['reconstruction']}" for pair in pairs]
        show_figures(pairs, json_file, lambda: _print(lines))


def interpolate(
    model: Model,
    start: Annotated[str | None, typer.Argument(help="The sentence to begin with.")] = None,
    stop: Annotated[str | None, typer.Argument(help="The sentence to end with.")] = None,
    sentences: Annotated[
        Path | None, typer.Option(help="Instead: sentences, one a line, of which pairs are drawn.")
    ] = None,
    num_pairs: Annotated[int, typer.Option(min=1, help="How many pairs of them.")] = 10,
    steps: Annotated[int, typer.Option(min=2, help="Texts, both ends included.")] = 7,
    spherical: Annotated[
        bool, typer.Option("--spherical", help="Along an arc instead of a line.")
    ] = False,
    beam_width: BeamWidth = 1,
    seed: Seed = 0,
    json_file: Json = None,
    quiet: Quiet = False,
) -> None:
    """Writes the texts between two sentences, START and STOP or those of drawn pairs."""
    from tfp_dgm.sentence_modelling import model_file

    with clean_errors("steps", pairs="--num-pairs", beam_size="--beam-width"):
        pair = None if start is None or stop is None else (start, stop)
        if sentences is None and pair is None:
            raise DataError("interpolate: give START and STOP, or --sentences FILE")
        if sentences is not None and start is not None:
            raise DataError("interpolate: give START and STOP or --sentences, not both")
        model_file(model)
        if sentences is not None:
            check_input_file(sentences)
        with quiet_start():
            from tfp_dgm.sentence_modelling import draw_pairs, load_text_model
            from tfp_dgm.sentence_modelling import interpolate as interpolate_texts
        with status("Interpolating", quiet=quiet):
            vae = load_text_model(model)
            ends = [] if pair is None else [pair]
            if sentences is not None:
                texts = read(vae, sentences, keep_long=True)
                ends = draw_pairs(texts.sentences, num_pairs, seed=seed)
            found = interpolate_texts(
                vae, ends, steps=steps, spherical=spherical, beam_size=beam_width
            )
        lines = found[0]["texts"] if sentences is None else _as_lines(found)
        show_figures(found, json_file, lambda: _print(lines))


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
    beam_width: BeamWidth = 1,
    adversarial: Annotated[
        bool,
        typer.Option("--adversarial", help="Report how well true and found ends are told apart."),
    ] = False,
    seed: Seed = 0,
    json_file: Json = None,
    quiet: Quiet = False,
) -> None:
    """Ends sentences: by a beam search, with or without iterated conditional modes."""
    from tfp_dgm.sentence_modelling import model_file

    with clean_errors("adversarial", "keep", "mode_steps", beam_size="--beam-width"):
        model_file(model)
        check_input_file(file)
        with quiet_start():
            from tfp_dgm.sentence_modelling import impute as impute_texts
            from tfp_dgm.sentence_modelling import load_text_model
        with status(f"Ending the sentences of {file}", quiet=quiet):
            loaded = load_text_model(model)
            answer = impute_texts(
                loaded,
                read(loaded, file, keep_long=True),
                keep=keep,
                mode_steps=mode_steps,
                beam_size=beam_width,
                adversarial=adversarial,
                seed=seed,
            )
        lines = [text["text"] for text in answer["texts"]]
        if adversarial:
            found = answer["adversarial"]
            lines.append(
                f"Adversarial error {found['adversarial_error']:.3f} above chance "
                f"(accuracy {found['accuracy']:.3f}, {found['num_pairs']} pairs; "
                f"{found['num_left_out']} longer sentences left out)"
            )
        show_figures(answer, json_file, lambda: _print(lines))


def encode(model: Model, file: Sentences, output: Output, quiet: Quiet = False) -> None:
    """Writes the posterior's mean of each sentence, in the order of the lines that were read.

    --output is a file of the vectors: .npy, or .parquet with the texts beside them.
    """
    from tfp_dgm.sentence_modelling import model_file

    with clean_errors():
        if output.suffix not in (".npy", ".parquet"):
            raise DataError.at(output, "expected a name that ends in .npy or .parquet")
        check_new_file(output)
        model_file(model)
        check_input_file(file)
        with quiet_start():
            import numpy as np
            import pandas as pd

            from tfp_dgm.sentence_modelling import encode as encode_texts
            from tfp_dgm.sentence_modelling import load_text_model
        with status(f"Encoding {file}", quiet=quiet):
            loaded = load_text_model(model)
            texts = read(loaded, file, keep_long=True)
            means = encode_texts(loaded, texts.sentences)
            if output.suffix == ".npy":
                with atomic_write(output) as target:
                    np.save(target, means)
            else:
                columns = {f"z{i}": means[:, i] for i in range(means.shape[1])}
                write_table(pd.DataFrame({"text": texts.sentences, **columns}), output)
    typer.echo(f"{output}: {means.shape[0]:,} vectors of {means.shape[1]} numbers")


def _as_lines(ways: list[dict[str, Any]]) -> list[str]:
    """What lies between pairs of sentences: the sentences, and the texts between, indented."""
    lines: list[str] = []
    for way in ways:
        lines += [way["start"], *(f"  {text}" for text in way["texts"]), way["stop"], ""]
    return lines[:-1]


def _print(lines: list[str]) -> None:
    for line in lines:
        typer.echo(line)
