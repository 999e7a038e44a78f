"""`dgm caption`: images or texts and captions in, a mixture of experts and its captions out."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from tfp_dgm.data import (
    DataError,
    ImageFeatures,
    ImageFiles,
    atomic_directory,
    atomic_write,
    read_image_list,
)

from ._caption_sources import (
    check_kind,
    kind_of,
    names_of,
    opened,
    pictures,
    read_captioned,
    split,
    warn,
)
from ._errors import clean_errors
from ._progress import progress_bar
from ._quiet import quiet_start
from ._settings import read_settings

app = typer.Typer(no_args_is_help=True)

_MOST_IMAGES_ON_A_PAGE = 200
_EXAMPLES = 4

Captions = Annotated[
    Path,
    typer.Argument(
        help="COCO's .json, a table (.csv, .tsv, .jsonl, .parquet), or Flickr8k's token file."
    ),
]
Images = Annotated[
    Path | None,
    typer.Option(
        help="Folder or zip file of images, or features of them (.npz, .npy).",
        show_default="none: the table's sources are texts",
    ),
]
SourceColumn = Annotated[
    str | None,
    typer.Option(
        help="Of a table: the column of image names, or of source texts.",
        show_default="image; without --images, source",
    ),
]
CaptionColumn = Annotated[
    str | None,
    typer.Option(
        help="Of a table: the column of captions, or of texts that answer the sources.",
        show_default="caption; without --images, target",
    ),
]
Strict = Annotated[bool, typer.Option("--strict", help="A missing or broken image is an error.")]
Model = Annotated[Path, typer.Argument(help="The folder that `dgm caption train` wrote.")]
List = Annotated[
    Path | None,
    typer.Option("--list", help="Names of the images (or texts), one a line.", show_default="all"),
]
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
    output: Annotated[Path, typer.Option(help="The model's folder.")],
    images: Images = None,
    train_list: Annotated[
        Path | None, typer.Option(help="Names of the images (or texts) to learn from, one a line.")
    ] = None,
    validation_list: Annotated[
        Path | None,
        typer.Option(
            help="Names of the images (or texts) that decide when to stop.",
            show_default="a tenth of them",
        ),
    ] = None,
    source_column: SourceColumn = None,
    caption_column: CaptionColumn = None,
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
        known, where = read_captioned(
            captions, images, source_column, caption_column, strict=strict
        )
        learnt, held_out = (
            load_sources(
                part,
                where,
                image_size=resolved.image_size,
                strict=strict,
                cache=output / "cache",
                progress=progress,
            )
            for part in split(known, train_list, validation_list, resolved.seed)
        )
        try:
            trained = train_captioner(
                learnt, held_out, output, resolved, resume=resume, progress=progress
            )
        except NonFiniteLossError as error:
            raise DataError(str(error)) from error
    warn(known.warnings + trained.metrics["warnings"])
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
    images: Images = None,
    image_list: List = None,
    source_column: SourceColumn = None,
    caption_column: CaptionColumn = None,
    beam_size: BeamSize = 1,
    sample: Sample = False,
    temperature: Temperature = 1.0,
    top_p: TopP = 1.0,
    seed: Seed = 0,
    strict: Strict = False,
    html: Html = None,
    json_file: Json = None,
    responsibilities: Annotated[
        Path | None,
        typer.Option(help="Write which expert wrote which caption of people's, as JSON lines."),
    ] = None,
) -> None:
    """Scores one caption of each expert against people's, and people's under the model."""
    with quiet_start():
        from tfp_dgm.captioning import (
            Decoding,
            caption_responsibilities,
            evaluate_captioner,
            kind_of_sources,
            load_captioner,
            load_sources,
            render_caption_page,
        )
    with clean_errors(), progress_bar() as progress:
        decoding = Decoding(
            beam_size=beam_size, sample=sample, temperature=temperature, top_p=top_p, seed=seed
        )
        captioner, trained = load_captioner(model)
        known, where = read_captioned(
            captions, images, source_column, caption_column, strict=strict
        )
        check_kind(kind_of_sources(captioner), kind_of(where))
        chosen = known
        if image_list is not None:
            chosen = known.within(read_image_list(image_list), image_list.name)
        captioned = load_sources(
            chosen, where, image_size=trained.image_size, strict=strict, progress=progress
        )
        metrics, found = evaluate_captioner(captioner, captioned, decoding, progress=progress)
        if html is not None:
            names = captioned.captions.names[:_MOST_IMAGES_ON_A_PAGE]
            page = render_caption_page(
                str(model),
                names,
                pictures(where, names),
                found[: len(names)],
                references=list(captioned.captions.captions.values())[: len(names)],
                metrics=metrics,
            )
            _write(html, page)
        if json_file is not None:
            _write(json_file, json.dumps(metrics, indent=2) + "\n")
        if responsibilities is not None:
            shares = caption_responsibilities(captioner, captioned, progress=progress)
            _write(responsibilities, _responsibility_lines(captioned, shares))
    warnings = known.warnings + (captioned.captions.warnings if captioned.captions != known else [])
    warn(list(dict.fromkeys(warnings)))
    for name, value in metrics.items():
        shown = f"{value:.4g}" if isinstance(value, float) else value
        typer.echo(f"{name:<16} {shown}")


@app.command()
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
    """Describes images (or answers texts): one caption of each expert, the best of them marked."""
    with quiet_start():
        from tfp_dgm.captioning import (
            Decoding,
            kind_of_sources,
            load_captioner,
            render_caption_page,
        )
        from tfp_dgm.captioning import describe as describe_sources
    with clean_errors(), progress_bar() as progress:
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
        with opened(sources, kind_of_sources(captioner)) as where:
            names = names_of(where, image_list, pick, seed)
            names, read, broken = _read(where, names, trained.image_size, progress)
            if broken and (strict or not names):
                raise DataError.at(
                    sources, f"images that cannot be decoded: {', '.join(broken[:5])}"
                )
            found = describe_sources(captioner, read, decoding, progress=progress)
            shown = names[:_MOST_IMAGES_ON_A_PAGE]
            looks = pictures(where, shown) if html is not None else []
        if html is not None:
            _write(html, render_caption_page(str(model), shown, looks, found[: len(shown)]))
        if json_file is not None:
            kind = "text" if isinstance(where, list) else "image"
            rows = [{kind: name, **one.to_dict()} for name, one in zip(names, found, strict=True)]
            _write(json_file, json.dumps(rows, indent=2) + "\n")
    if broken:
        warn([f"{len(broken)} images cannot be decoded: {', '.join(broken[:5])}"])
    for name, one in zip(names, found, strict=True):
        typer.echo(name)
        for n, caption in enumerate(one.captions):
            mark = "*" if n == one.best else " "
            typer.echo(f" {mark} {one.log_prob[n]:8.2f}  {caption}")


@app.command()
def export(
    model: Model,
    output: Annotated[Path, typer.Option(help="Folder of the served model; gets a new version.")],
    images: Annotated[
        Path | None,
        typer.Option(
            help="A few images (features, texts), for warm-up and example requests.",
            show_default="made up",
        ),
    ] = None,
    beam_size: BeamSize = 1,
) -> None:
    """Writes a SavedModel that takes encoded images, features or texts, and gives captions."""
    with quiet_start():
        from tfp_dgm.captioning import kind_of_sources, load_captioner
        from tfp_dgm.serving import captioner_signatures
        from tfp_dgm.serving import export as export_model
    with clean_errors():
        captioner, _ = load_captioner(model)
        examples: Any = ()
        if images is not None:
            with opened(images, kind_of_sources(captioner)) as where:
                names = names_of(where, None, None, 0)[:_EXAMPLES]
                if isinstance(where, ImageFiles):
                    examples = [where.read(name) for name in names]
                else:
                    examples = where.of(names) if isinstance(where, ImageFeatures) else names
        signatures = captioner_signatures(captioner, examples, beam_size=beam_size)
        metrics = json.loads((model / "metrics.json").read_text(encoding="utf-8"))
        folder = export_model(
            captioner,
            output,
            signatures=signatures,
            card={"metrics": metrics["validation"], "data": metrics["sources"]},
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


def _responsibility_lines(captioned: Any, shares: Any) -> str:
    """A line of JSON for each caption: whose it is, and each expert's share of it."""
    names = captioned.captions.names
    lines = []
    for place, text, row in zip(captioned.source_of, captioned.texts, shares, strict=True):
        whose = {
            "source": names[place],
            "caption": text,
            "expert": int(row.argmax()),
            "responsibilities": [round(float(share), 6) for share in row],
        }
        lines.append(json.dumps(whose) + "\n")
    return "".join(lines)


def _write(path: Path, text: str) -> None:
    with atomic_write(path) as file:
        file.write(text.encode())
