"""`dgm caption describe`, `export` and `render`."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from tfp_dgm.data import (
    DataError,
    ImageFeatures,
    ImageFiles,
    atomic_directory,
    check_output_directory,
    read_json,
)

from ._caption_options import (
    DECODING,
    MOST_ON_A_PAGE,
    Html,
    List,
    Model,
    Sample,
    Strict,
    check_decoding,
    check_inputs,
)
from ._caption_sources import names_of, opened, pictures, write_text
from ._errors import clean_errors
from ._exporting import exporting
from ._json_output import show_figures
from ._progress import progress_bar, status
from ._quiet import quiet_start
from ._shared_options import BeamWidth, Json, Output, Quiet, Seed, Temperature, TopP
from ._warnings import warn

_EXAMPLES = 4


def describe(
    model: Model,
    sources: Annotated[
        Path,
        typer.Argument(
            help="An image, a folder or a zip file of them; features (.npz, .npy); or, where the "
            "captioner answers texts, a file of them, one a line."
        ),
    ],
    image_list: List = None,
    pick: Annotated[
        int | None,
        typer.Option(min=1, help="So many of them, drawn by --seed.", show_default="all"),
    ] = None,
    expert: Annotated[
        int | None, typer.Option(min=0, help="Captions of this expert alone.", show_default="all")
    ] = None,
    num_captions: Annotated[int, typer.Option(min=1, help="Of the one expert.")] = 1,
    beam_width: BeamWidth = 1,
    diversity: Annotated[
        float,
        typer.Option(
            min=0.0,
            help="What a word loses where another caption of the one expert goes on with it, in "
            "nats; 0.5 is usual.",
        ),
    ] = 0.0,
    sample: Sample = False,
    temperature: Temperature = 1.0,
    top_p: TopP = 1.0,
    seed: Seed = 0,
    strict: Strict = False,
    html: Html = None,
    json_file: Json = None,
    quiet: Quiet = False,
) -> None:
    """Describes images (or answers texts): one caption of each expert, the best of them marked."""
    from tfp_dgm.captioning import settings_of

    with clean_errors("expert", "diversity", "temperature", "top_p", **DECODING):
        check_decoding(
            beam_width=beam_width,
            sample=sample,
            temperature=temperature,
            top_p=top_p,
            expert=expert,
            num_captions=num_captions,
            diversity=diversity,
        )
        settings_of(model)
        check_inputs(sources, image_list)
        with quiet_start():
            from tfp_dgm.captioning import (
                Decoding,
                kind_of_sources,
                load_captioner,
                render_caption_page,
            )
            from tfp_dgm.captioning import describe as describe_sources
        decoding = Decoding(
            beam_size=beam_width,
            diversity=diversity,
            sample=sample,
            temperature=temperature,
            top_p=top_p,
            seed=seed,
            expert=expert,
            num_texts=num_captions,
        )
        captioner, trained = load_captioner(model)
        with (
            opened(sources, kind_of_sources(captioner)) as where,
            progress_bar(quiet=quiet) as progress,
        ):
            if not isinstance(where, list):
                warn(where.warnings)
            names = names_of(where, image_list, pick, seed)
            names, read, broken = _read(where, names, trained.image_size, progress)
            if broken and (strict or not names):
                raise DataError.at(
                    sources, f"images that cannot be decoded: {', '.join(broken[:5])}"
                )
            found = describe_sources(captioner, read, decoding, progress=progress)
            shown = names[:MOST_ON_A_PAGE]
            looks = pictures(where, shown) if html is not None else []
        if broken:
            warn([f"{len(broken)} images cannot be decoded: {', '.join(broken[:5])}"])
        kind = "text" if isinstance(where, list) else "image"
        rows = [{kind: name, **one.to_dict()} for name, one in zip(names, found, strict=True)]
        show_figures(rows, json_file, lambda: _show(names, found))
        if html is not None:
            write_text(html, render_caption_page(str(model), shown, looks, found[: len(shown)]))


def export(
    model: Model,
    output: Output,
    examples: Annotated[
        Path | None,
        typer.Option(
            help="A few images (features, texts), for warm-up and example requests.",
            show_default="made up",
        ),
    ] = None,
    beam_width: BeamWidth = 1,
    quiet: Quiet = False,
) -> None:
    """Writes a SavedModel that takes encoded images, features or texts, and gives captions.

    --output is the served model's folder, which gets a new version.
    """
    from tfp_dgm.captioning import settings_of
    from tfp_dgm.serving import next_version

    with clean_errors(beam_size="--beam-width"):
        settings_of(model)
        next_version(output)
        check_inputs(examples)
        metrics = read_json(model / "metrics.json", "the metrics of a training")
        if missing := {"validation", "sources"} - set(metrics):
            raise DataError.at(model / "metrics.json", f"expected {' and '.join(sorted(missing))}")
        with quiet_start():
            from tfp_dgm.captioning import kind_of_sources, load_captioner
            from tfp_dgm.serving import captioner_signatures
            from tfp_dgm.serving import export as export_model
        with status(f"Loading {model}", quiet=quiet):
            captioner, _ = load_captioner(model)
        given: Any = ()
        if examples is not None:
            with opened(examples, kind_of_sources(captioner)) as where:
                names = names_of(where, None, None, 0)[:_EXAMPLES]
                if isinstance(where, ImageFiles):
                    given = [where.read(name) for name in names]
                else:
                    given = where.of(names) if isinstance(where, ImageFeatures) else names
        with exporting(model, quiet=quiet):
            signatures = captioner_signatures(captioner, given, beam_size=beam_width)
            folder = export_model(
                captioner,
                output,
                signatures=signatures,
                card={"metrics": metrics["validation"], "data": metrics["sources"]},
            )
    typer.echo(str(folder))


def render(
    output: Output,
    num_images: Annotated[int, typer.Option(min=2, help="How many scenes.")] = 1000,
    size: Annotated[int, typer.Option(help="Height and width in pixels.")] = 32,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Draws scenes with captions by authors of four styles: data to try this on.

    Writes images.zip, captions.jsonl (with the style that wrote each caption), train.txt and
    validation.txt into the folder --output, which must be new.
    """
    import io
    import zipfile

    from PIL import Image

    from tfp_dgm.data import render_scenes

    with clean_errors("size"), progress_bar(quiet=quiet) as progress:
        if output.exists():
            raise DataError.at(output, "is there already; delete it, or choose another name")
        check_output_directory(output)
        progress("Drawing scenes", 0, 1)
        scenes = render_scenes(num_images, size=size, seed=seed)
        progress("Drawing scenes", 1, 1)
        names = [f"scene{n:05d}.png" for n in range(num_images)]
        with atomic_directory(output) as folder:
            with zipfile.ZipFile(folder / "images.zip", "w") as archive:
                for n, (name, pixels) in enumerate(zip(names, scenes.images, strict=True)):
                    progress("Writing images", n + 1, num_images)
                    file = io.BytesIO()
                    Image.fromarray(pixels).save(file, "PNG")
                    archive.writestr(name, file.getvalue())
            with (folder / "captions.jsonl").open("w", encoding="utf-8") as lines:
                for name, texts, styles in zip(names, scenes.captions, scenes.styles, strict=True):
                    for text, style in zip(texts, styles, strict=True):
                        row = {"image": name, "caption": text, "style": int(style)}
                        lines.write(json.dumps(row) + "\n")
            held_out = max(1, num_images // 10)
            (folder / "train.txt").write_text("\n".join(names[held_out:]) + "\n")
            (folder / "validation.txt").write_text("\n".join(names[:held_out]) + "\n")
    typer.echo(f"{output}: {num_images:,} scenes, {scenes.styles.size:,} captions")


def _show(names: list[str], found: Any) -> None:
    for name, one in zip(names, found, strict=True):
        typer.echo(name)
        for n, caption in enumerate(one.captions):
            mark = "*" if n == one.best else " "
            typer.echo(f" {mark} {one.log_prob[n]:8.2f}  {caption}")


def _read(
    where: ImageFiles | ImageFeatures | list[str], names: list[str], size: int, progress: Any
) -> tuple[list[str], Any, list[str]]:
    """The names of what can be read, what stands under them, and the names of broken images."""
    import numpy as np

    from tfp_dgm.captioning import load_images

    if isinstance(where, list):
        return names, np.array(names, object), []
    if isinstance(where, ImageFeatures):
        return names, np.asarray(where.of(names), np.float32), []
    pixels, broken = load_images(where, names, size, progress=progress)
    kept = [row for row, name in enumerate(names) if name not in set(broken)]
    return [names[row] for row in kept], pixels[kept], broken
