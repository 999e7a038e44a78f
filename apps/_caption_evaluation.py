"""`dgm caption evaluate`."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from tfp_dgm.data import read_image_list

from ._caption_options import (
    DECODING,
    MOST_ON_A_PAGE,
    CaptionColumn,
    Captions,
    Html,
    Images,
    List,
    Model,
    Sample,
    SourceColumn,
    Strict,
    check_decoding,
    check_inputs,
)
from ._caption_sources import check_kind, kind_of, pictures, read_captioned, write_text
from ._errors import clean_errors
from ._json_output import show_figures
from ._progress import progress_bar
from ._quiet import quiet_start
from ._shared_options import BeamWidth, Json, Quiet, Seed, Temperature, TopP, new_file
from ._table_options import Quoting
from ._tables import print_table
from ._warnings import warn

_ENOUGH_IMAGES = 50  # For document frequencies.


def evaluate(
    model: Model,
    captions: Captions,
    images: Images = None,
    image_list: List = None,
    source_column: SourceColumn = None,
    caption_column: CaptionColumn = None,
    quoting: Quoting = True,
    beam_width: BeamWidth = 1,
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
            callback=new_file,
            help="Write which expert wrote which caption of people's, as JSON lines.",
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Scores one caption of each expert against people's, and people's under the model."""
    from tfp_dgm.captioning import settings_of

    with clean_errors("temperature", "top_p", **DECODING):
        check_decoding(beam_width=beam_width, sample=sample, temperature=temperature, top_p=top_p)
        settings_of(model)
        check_inputs(captions, images, image_list)
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
        decoding = Decoding(
            beam_size=beam_width, sample=sample, temperature=temperature, top_p=top_p, seed=seed
        )
        captioner, trained = load_captioner(model)
        known, where = read_captioned(
            captions, images, source_column, caption_column, quoting=quoting, strict=strict
        )
        check_kind(kind_of_sources(captioner), kind_of(where))
        chosen = known
        if image_list is not None:
            chosen = known.within(read_image_list(image_list), image_list.name)
        with progress_bar(quiet=quiet) as progress:
            captioned = load_sources(
                chosen, where, image_size=trained.image_size, strict=strict, progress=progress
            )
            metrics, found = evaluate_captioner(captioner, captioned, decoding, progress=progress)
            shares = None
            if responsibilities is not None:
                shares = caption_responsibilities(captioner, captioned, progress=progress)
        dropped = captioned.captions.warnings if captioned.captions != known else []
        warn(list(dict.fromkeys(known.warnings + dropped + _few(metrics["images"]))))
        rows = [
            (name, f"{value:.4g}" if isinstance(value, float) else str(value))
            for name, value in metrics.items()
        ]
        show_figures(metrics, json_file, lambda: print_table(("figure", "value"), rows))
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
