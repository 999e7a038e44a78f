"""`dgm caption`: images or texts and captions in, a mixture of experts and its captions out."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from tfp_dgm.data import DataError, read_image_list
from tfp_dgm.settings import named_files, read_settings

from ._caption_options import (
    MOST_ON_A_PAGE,
    BeamSize,
    CaptionColumn,
    Captions,
    Html,
    Images,
    Json,
    List,
    Model,
    Sample,
    SourceColumn,
    Strict,
    Temperature,
    TopP,
    check_decoding,
    in_a_folder,
)
from ._caption_sources import (
    check_kind,
    kind_of,
    pictures,
    read_captioned,
    split,
    warn,
    write_text,
)
from ._caption_use import describe, export, render
from ._errors import clean_errors
from ._progress import progress_bar
from ._quiet import quiet_start
from ._seed import Seed
from ._table_options import Quoting

app = typer.Typer(no_args_is_help=True)

_ENOUGH_IMAGES = 50  # For document frequencies.


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
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="YAML or JSON file of settings; see docs/captions.md."
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="One setting; several times."),
    ] = None,
    quoting: Quoting = True,
    strict: Strict = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where a killed training stopped.")
    ] = False,
) -> None:
    """Trains a captioner: K experts, found without anybody's naming them.

    Writes captioner.keras, settings.json and metrics.json.
    """
    with quiet_start():
        from tfp_dgm.captioning import CaptionSettings, claim_run, load_sources, train_captioner
        from tfp_dgm.training import NonFiniteLossError
    with clean_errors(), progress_bar() as progress:
        resolved = read_settings(CaptionSettings, settings, set_ or [])
        data = named_files(
            captions=captions,
            images=images,
            train_list=train_list,
            validation_list=validation_list,
        )
        with claim_run(output, resolved, data=data, resume=resume) as run:
            known, where = read_captioned(
                captions, images, source_column, caption_column, quoting=quoting, strict=strict
            )
            learnt, held_out = (
                load_sources(
                    part,
                    where,
                    image_size=resolved.image_size,
                    strict=strict,
                    cache=run.path / "cache",
                    progress=progress,
                )
                for part in split(known, train_list, validation_list, resolved.seed)
            )
            try:
                trained = train_captioner(learnt, held_out, run, resolved, progress=progress)
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


def evaluate(
    model: Model,
    captions: Captions,
    images: Images = None,
    image_list: List = None,
    source_column: SourceColumn = None,
    caption_column: CaptionColumn = None,
    quoting: Quoting = True,
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
        typer.Option(
            dir_okay=False,
            callback=in_a_folder,
            help="Write which expert wrote which caption of people's, as JSON lines.",
        ),
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
    with clean_errors():
        check_decoding(beam_size=beam_size, sample=sample, temperature=temperature, top_p=top_p)
        decoding = Decoding(
            beam_size=beam_size, sample=sample, temperature=temperature, top_p=top_p, seed=seed
        )
        captioner, trained = load_captioner(model)
        known, where = read_captioned(
            captions, images, source_column, caption_column, quoting=quoting, strict=strict
        )
        check_kind(kind_of_sources(captioner), kind_of(where))
        chosen = known
        if image_list is not None:
            chosen = known.within(read_image_list(image_list), image_list.name)
        with progress_bar() as progress:
            captioned = load_sources(
                chosen, where, image_size=trained.image_size, strict=strict, progress=progress
            )
            metrics, found = evaluate_captioner(captioner, captioned, decoding, progress=progress)
            shares = None
            if responsibilities is not None:
                shares = caption_responsibilities(captioner, captioned, progress=progress)
        dropped = captioned.captions.warnings if captioned.captions != known else []
        warn(list(dict.fromkeys(known.warnings + dropped + _few(metrics["images"]))))
        for name, value in metrics.items():
            shown = f"{value:.4g}" if isinstance(value, float) else value
            typer.echo(f"{name:<16} {shown}")
        if json_file is not None:
            write_text(json_file, json.dumps(metrics, indent=2) + "\n")
        if responsibilities is not None:
            write_text(responsibilities, _responsibility_lines(captioned, shares))
        if html is not None:
            names = captioned.captions.names[:MOST_ON_A_PAGE]
            page = render_caption_page(
                str(model),
                names,
                pictures(where, names),
                found[: len(names)],
                references=list(captioned.captions.captions.values())[: len(names)],
                metrics=metrics,
            )
            write_text(html, page)


def _few(images: int) -> list[str]:
    """Why CIDEr is low where there are few images, whatever the captions are worth."""
    if images >= _ENOUGH_IMAGES:
        return []
    return [
        f"CIDEr weighs words by how few images' references hold them, of {images} here: with fewer "
        f"than {_ENOUGH_IMAGES} it says little, and with one it is 0"
    ]


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


for command in (train, evaluate, describe, export, render):
    app.command()(command)
