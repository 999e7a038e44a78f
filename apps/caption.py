"""`dgm caption`: images and captions in, a mixture of experts and its captions out."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from tfp_dgm.data import (
    CaptionedImages,
    DataError,
    ImageFeatures,
    ImageFiles,
    atomic_directory,
    atomic_write,
    read_captions,
    read_image_features,
    read_image_list,
)

from ._errors import clean_errors
from ._progress import progress_bar
from ._quiet import quiet_start
from ._settings import read_settings

app = typer.Typer(no_args_is_help=True)

_VALIDATION_SHARE = 0.1
_MOST_IMAGES_ON_A_PAGE = 200

Captions = Annotated[
    Path,
    typer.Argument(
        help="COCO's .json, a table (.csv, .tsv, .jsonl, .parquet), or Flickr8k's token file."
    ),
]
Images = Annotated[
    Path, typer.Option(help="Folder or zip file of images, or features of them (.npz, .npy).")
]
ImageColumn = Annotated[str, typer.Option(help="Of a table: the column of image names.")]
CaptionColumn = Annotated[str, typer.Option(help="Of a table: the column of captions.")]
Strict = Annotated[bool, typer.Option("--strict", help="A missing or broken image is an error.")]
Model = Annotated[Path, typer.Argument(help="The folder that `dgm caption train` wrote.")]
Html = Annotated[Path | None, typer.Option(help="A page to look at: images and captions.")]
Json = Annotated[Path | None, typer.Option("--json", help="Write the numbers here, too.")]
BeamSize = Annotated[int, typer.Option(help="1 takes the likeliest word at each step.")]
Sample = Annotated[bool, typer.Option("--sample", help="Draw the words instead.")]
Temperature = Annotated[float, typer.Option(help="Of the draws; below 1 is more careful.")]
TopP = Annotated[float, typer.Option(help="Draw from this share of probability (nucleus).")]
Seed = Annotated[int, typer.Option(help="The same seed draws the same captions.")]


@app.command()
def train(
    captions: Captions,
    images: Images,
    output: Annotated[Path, typer.Option(help="The model's folder.")],
    train_list: Annotated[
        Path | None, typer.Option(help="Names of the images to learn from, one a line.")
    ] = None,
    validation_list: Annotated[
        Path | None,
        typer.Option(
            help="Names of the images that decide when to stop.",
            show_default="a tenth of the images",
        ),
    ] = None,
    image_column: ImageColumn = "image",
    caption_column: CaptionColumn = "caption",
    settings: Annotated[
        Path | None, typer.Option(help="YAML or JSON file of settings; see docs/captions.md.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="One setting; several times."),
    ] = None,
    strict: Strict = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where a killed training stopped.")
    ] = False,
) -> None:
    """Trains a captioner: K experts, found without anybody's naming them.

    Writes captioner.keras, settings.json and metrics.json.
    """
    with quiet_start():
        from tfp_dgm.captioning import CaptionSettings, load_sources, train_captioner
        from tfp_dgm.training import NonFiniteLossError
    with clean_errors(), progress_bar() as progress:
        resolved = read_settings(CaptionSettings, settings, set_ or [])
        where = _where(images)
        known = read_captions(captions, image_column=image_column, caption_column=caption_column)
        known = known.matched(where, strict=strict)
        learnt, held_out = (
            load_sources(
                part,
                where,
                image_size=resolved.image_size,
                strict=strict,
                cache=output / "cache",
                progress=progress,
            )
            for part in _split(known, train_list, validation_list, resolved.seed)
        )
        try:
            trained = train_captioner(
                learnt, held_out, output, resolved, resume=resume, progress=progress
            )
        except NonFiniteLossError as error:
            raise DataError(str(error)) from error
    _warn(known.warnings + trained.metrics["warnings"])
    validation = trained.metrics["validation"]
    typer.echo(
        f"{output}: epoch {trained.metrics['best_epoch']} of {trained.metrics['epochs']}, "
        f"validation bound {validation['bound']:.2f} nats a caption, "
        f"experts' usage entropy {validation['usage_entropy']:.2f} "
        f"of {trained.metrics['max_usage_entropy']:.2f}"
    )


@app.command()
def evaluate(
    model: Model,
    captions: Captions,
    images: Images,
    image_list: Annotated[
        Path | None, typer.Option("--list", help="Names of the images to score, one a line.")
    ] = None,
    image_column: ImageColumn = "image",
    caption_column: CaptionColumn = "caption",
    beam_size: BeamSize = 1,
    sample: Sample = False,
    temperature: Temperature = 1.0,
    top_p: TopP = 1.0,
    seed: Seed = 0,
    strict: Strict = False,
    html: Html = None,
    json_file: Json = None,
) -> None:
    """Scores one caption of each expert against people's, and people's under the model."""
    with quiet_start():
        from tfp_dgm.captioning import (
            Decoding,
            evaluate_captioner,
            load_captioner,
            load_sources,
            render_caption_page,
        )
    with clean_errors(), progress_bar() as progress:
        decoding = Decoding(
            beam_size=beam_size, sample=sample, temperature=temperature, top_p=top_p, seed=seed
        )
        captioner, trained = load_captioner(model)
        where = _where(images)
        known = read_captions(captions, image_column=image_column, caption_column=caption_column)
        known = known.matched(where, strict=strict)
        chosen = known
        if image_list is not None:
            chosen = known.within(read_image_list(image_list), image_list.name)
        captioned = load_sources(
            chosen, where, image_size=trained.image_size, strict=strict, progress=progress
        )
        _check_sources(captioner, captioned.are_images)
        metrics, found = evaluate_captioner(captioner, captioned, decoding, progress=progress)
        if html is not None:
            names = captioned.captions.names[:_MOST_IMAGES_ON_A_PAGE]
            page = render_caption_page(
                str(model),
                names,
                _pictures(where, names),
                found[: len(names)],
                references=list(captioned.captions.captions.values())[: len(names)],
                metrics=metrics,
            )
            _write(html, page)
        if json_file is not None:
            _write(json_file, json.dumps(metrics, indent=2) + "\n")
    warnings = known.warnings + (captioned.captions.warnings if captioned.captions != known else [])
    _warn(list(dict.fromkeys(warnings)))
    for name, value in metrics.items():
        shown = f"{value:.4g}" if isinstance(value, float) else value
        typer.echo(f"{name:<16} {shown}")


@app.command()
def describe(
    model: Model,
    images: Annotated[Path, typer.Argument(help="An image, a folder or a zip file of them.")],
    expert: Annotated[
        int | None, typer.Option(help="Captions of this expert alone.", show_default="all")
    ] = None,
    num_captions: Annotated[int, typer.Option(help="Of the one expert.")] = 1,
    beam_size: BeamSize = 1,
    sample: Sample = False,
    temperature: Temperature = 1.0,
    top_p: TopP = 1.0,
    seed: Seed = 0,
    strict: Strict = False,
    html: Html = None,
    json_file: Json = None,
) -> None:
    """Describes images: one caption of each expert, the most probable one first named."""
    with quiet_start():
        from tfp_dgm.captioning import (
            Decoding,
            load_captioner,
            load_images,
            render_caption_page,
        )
        from tfp_dgm.captioning import describe as describe_sources
    with clean_errors(), _found_images(images) as files, progress_bar() as progress:
        decoding = Decoding(
            beam_size=beam_size,
            sample=sample,
            temperature=temperature,
            top_p=top_p,
            seed=seed,
            expert=expert,
            num_texts=num_captions,
        )
        captioner, trained = load_captioner(model)
        _check_sources(captioner, are_images=True)
        names = files.others([])
        pixels, broken = load_images(files, names, trained.image_size, progress=progress)
        if broken and (strict or len(broken) == len(names)):
            raise DataError.at(images, f"images that cannot be decoded: {', '.join(broken[:5])}")
        kept = [row for row, name in enumerate(names) if name not in set(broken)]
        names = [names[row] for row in kept]
        found = describe_sources(captioner, pixels[kept], decoding, progress=progress)
        if html is not None:
            first = names[:_MOST_IMAGES_ON_A_PAGE]
            page = render_caption_page(
                str(model), first, _pictures(files, first), found[: len(first)]
            )
            _write(html, page)
        if json_file is not None:
            rows = [
                {"image": name, **one.to_dict()} for name, one in zip(names, found, strict=True)
            ]
            _write(json_file, json.dumps(rows, indent=2) + "\n")
    if broken:
        _warn([f"{len(broken)} images cannot be decoded: {', '.join(broken[:5])}"])
    for name, one in zip(names, found, strict=True):
        typer.echo(name)
        for n, caption in enumerate(one.captions):
            mark = "*" if n == one.best else " "
            typer.echo(f" {mark} {one.log_prob[n]:8.2f}  {caption}")


@app.command()
def export(
    model: Model,
    output: Annotated[Path, typer.Option(help="Folder of the served model; gets a new version.")],
    images: Annotated[Path, typer.Option(help="A few images, for warm-up and example requests.")],
    beam_size: BeamSize = 1,
) -> None:
    """Writes a SavedModel that takes encoded images and gives captions."""
    with quiet_start():
        from tfp_dgm.captioning import load_captioner
        from tfp_dgm.serving import captioner_signatures
        from tfp_dgm.serving import export as export_model
    with clean_errors(), _found_images(images) as files:
        captioner, _ = load_captioner(model)
        _check_sources(captioner, are_images=True)
        examples = [files.read(name) for name in files.others([])[:4]]
        signatures = captioner_signatures(captioner, examples, beam_size=beam_size)
        metrics = json.loads((model / "metrics.json").read_text(encoding="utf-8"))
        folder = export_model(
            captioner,
            output,
            signatures=signatures,
            card={"metrics": metrics["validation"], "data": metrics["images"]},
        )
    typer.echo(str(folder))


@app.command()
def render(
    output: Annotated[Path, typer.Option(help="Folder for images, captions and lists.")],
    num_images: Annotated[int, typer.Option(help="How many scenes.")] = 1000,
    size: Annotated[int, typer.Option(help="Height and width in pixels.")] = 32,
    seed: Annotated[int, typer.Option(help="The same seed draws the same scenes.")] = 0,
) -> None:
    """Draws scenes with captions by authors of four styles: data to try this on.

    Writes images.zip, captions.jsonl (with the style that wrote each caption), train.txt and
    validation.txt.
    """
    import io
    import zipfile

    from PIL import Image

    from tfp_dgm.data import render_scenes

    with clean_errors():
        if output.exists():
            raise DataError.at(output, "exists already")
        try:
            scenes = render_scenes(num_images, size=size, seed=seed)
        except ValueError as error:
            raise DataError(str(error)) from error
        names = [f"scene{n:05d}.png" for n in range(num_images)]
        with atomic_directory(output) as folder:
            with zipfile.ZipFile(folder / "images.zip", "w") as archive:
                for name, pixels in zip(names, scenes.images, strict=True):
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


def _where(path: Path) -> ImageFiles | ImageFeatures:
    if path.suffix.lower() in (".npy", ".npz"):
        return read_image_features(path)
    return ImageFiles(path)


@contextmanager
def _found_images(path: Path) -> Iterator[ImageFiles]:
    """The images of a folder or a zip file, or the one image that the path names."""
    if path.is_file() and path.suffix.lower() != ".zip":
        import shutil
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(path, folder)
            yield ImageFiles(folder)
        return
    yield ImageFiles(path)


def _split(
    known: CaptionedImages, train_list: Path | None, validation_list: Path | None, seed: int
) -> tuple[CaptionedImages, CaptionedImages]:
    import numpy as np

    if validation_list is not None:
        validation = known.within(read_image_list(validation_list), validation_list.name)
    else:
        pool = known.names
        if train_list is not None:
            pool = known.within(read_image_list(train_list), train_list.name).names
        if len(pool) < 2:
            raise DataError(f"expected at least two images to learn from; found {len(pool)}")
        count = max(1, round(_VALIDATION_SHARE * len(pool)))
        chosen = np.random.default_rng(seed).permutation(len(pool))[:count]
        validation = known.within([pool[i] for i in sorted(chosen)], "the validation images")
    held_out = set(validation.names)
    names = known.names
    if train_list is not None:
        names = read_image_list(train_list)
        if validation_list is not None and (both := held_out & set(names)):
            raise DataError(
                f"{train_list} and {validation_list} share {len(both)} images, such as "
                f"{min(both)!r}"
            )
    train = known.within([name for name in names if name not in held_out], "the training images")
    return train, validation


def _check_sources(captioner: Any, are_images: bool) -> None:
    if are_images and captioner.encoder is None:
        raise DataError("the captioner was trained on features; give features of the images")
    if not are_images and captioner.encoder is not None:
        raise DataError("the captioner was trained on images; give images")


def _pictures(where: ImageFiles | ImageFeatures, names: list[str]) -> list[bytes | None]:
    if isinstance(where, ImageFeatures):
        return [None] * len(names)
    return [where.read(name) for name in names]


def _write(path: Path, text: str) -> None:
    with atomic_write(path) as file:
        file.write(text.encode())


def _warn(warnings: list[str]) -> None:
    for warning in warnings:
        typer.echo(f"Warning: {warning}", err=True)
