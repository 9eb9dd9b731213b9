"""The command line: `explorer`, also `python -m explorer`. Each command imports the heavy modules that it needs.

program ─ signals ─ main ─ arguments ─ RUN ─ a command ─ exit status: 0, 2 for bad input, 130 after Ctrl-C
"""

from __future__ import annotations

import argparse
import math
import os
import signal
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from explorer.console import end_soon, take_any_text

if TYPE_CHECKING:
    from explorer.condition import Condition
    from explorer.search import Progress

INTERRUPTED = 128 + signal.SIGINT  # what a shell calls the status of a program that Ctrl-C ended


def app(args: argparse.Namespace) -> None:
    from explorer.views.app import launch

    served = {"allow_hosts": args.allow_host, "root_path": args.root_path}
    launch(args.host, args.port, args.model, args.image, open_browser=not args.no_browser, **served)


# What can be wrong is looked at before a model is loaded, which takes seconds.


def encode(args: argparse.Namespace) -> None:
    from explorer import files, images, mask
    from explorer.condition import Condition

    targets = {"bpp": args.bpp, "bytes": args.bytes, "psnr": args.psnr}
    _check_targets(targets)
    if args.lmbda is not None:
        Condition.of(args.lmbda)
    _refuse_picture_name(args.output)
    files.check_output(args.output, inputs=_given(args.input, args.model, args.lambda_map))
    picture = images.read(args.input)
    height, width = picture.pixels.shape[:2]
    lambda_map = None if args.lambda_map is None else mask.read(args.lambda_map, (height, width), args.lmbda)
    from explorer import Session, library

    model = args.model or library.first_model()
    if args.lmbda is not None:
        library.check_lambda(model, args.lmbda)
    session = Session(library.load_model(model, args.device), picture).at_effort(args.effort, _search_bar())
    lmbda = args.lmbda if args.lmbda is not None else session.solve(**targets, map=lambda_map)
    condition = Condition.of(lmbda, lambda_map)
    data = session.encode(condition)
    files.write(args.output, data)
    point = session.point(condition)
    for note in session.picture.notes:
        print(note)
    seen = f", SSIMULACRA2 {point.ssimulacra2:.1f}" if math.isfinite(point.ssimulacra2 or math.nan) else ""
    size = f"{len(data)} bytes, {point.bpp:.4f} bpp"
    print(f"{args.output}: λ {point.knob['lambda']:.1f}{_span(condition)}, {size}, PSNR {point.psnr:.2f} dB{seen}")


def _search_bar() -> Callable[[Progress], None]:
    """What shows a search on stderr."""
    from tqdm import tqdm

    bars: list[tqdm] = []

    def tell(progress: Progress) -> None:
        if progress.done == 1:
            bars.append(tqdm(total=progress.total, desc="searching", unit="iteration"))
        bars[-1].update()
        if progress.done == progress.total:
            bars[-1].close()

    return tell


def decode(args: argparse.Namespace) -> None:
    from explorer import bitstream, files

    endings = [*files.LOSSLESS] if Path(args.output).suffix else ()
    files.check_output(args.output, endings, _given(args.input, args.model))
    data = bitstream.read(args.input)
    bitstream.unpack(data)
    from explorer import library

    if args.model is None:
        pixels = library.decode(data, args.device)
    else:
        pixels = library.load_model(args.model, args.device).decode(data)
    files.write(args.output, files.picture(pixels, Path(args.output).suffix.lower() or ".png"))
    print(f"{args.output}: {pixels.shape[1]}×{pixels.shape[0]} pixels")


def info(args: argparse.Namespace) -> None:
    if not Path(args.file).exists() or Path(args.file).suffix == ".safetensors":
        print(_checkpoint_info(args.file))
        return
    from explorer import bitstream

    header, payload = bitstream.unpack(bitstream.read(args.file))
    size = bitstream.HEADER_BYTES + header.map_bytes + len(payload)
    bpp = 8 * size / (header.width * header.height)
    lmbda = f"λ {header.condition.lmbda:.1f}{_span(header.condition)}"
    print(f"{header.width}×{header.height} pixels, {lmbda}, checkpoint {header.model}")
    of_map = f", {header.map_bytes} λ map" if header.map else ""
    print(f"{size} bytes ({bitstream.HEADER_BYTES} of them header{of_map}), {bpp:.4f} bpp")


def _span(condition: Condition) -> str:
    """From which to which λ a condition's map goes, in words; nothing where there is none."""
    from explorer.condition import lambda_of

    if not condition.map:
        return ""
    lowest, highest = (lambda_of(int(end)) for end in (condition.block_levels.min(), condition.block_levels.max()))
    return f" with a map from {lowest:.0f} to {highest:.0f}"


def export(args: argparse.Namespace) -> None:
    from tqdm import tqdm

    from explorer import files, images

    files.check_output(args.output, (".html", ".htm"), _given(args.image, args.model))
    picture = images.read(args.image)
    from explorer.library import first_model
    from explorer.views.service.export import check_frames, sweep
    from explorer.views.service.pictures import OpenPictures

    check_frames(args.points)
    model = args.model or first_model()
    opened = OpenPictures([model], {}).open(model, picture, picture.name)
    page = sweep(opened, "html", frames=args.points)
    data = page.join([page.part(lmbda) for lmbda in tqdm(page.lambdas, unit="λ")])
    files.write(args.output, data)
    print(f"{args.output}: {len(page.lambdas)} steps of λ, {len(data) / 1e6:.1f} MB; it opens in any browser")


def _checkpoint_info(name: str) -> str:
    from explorer.images import InputError
    from explorer.library import find_checkpoint, list_models, load_model
    from explorer.model import parameter_count

    try:
        model = load_model(find_checkpoint(name))
    except InputError:
        if Path(name).suffix == ".safetensors":
            raise
        known = ", ".join(list_models())
        raise InputError(f"There is no file {name} and no bundled model of this name; models are {known}.") from None
    config = ", ".join(f"{name} {value}" for name, value in vars(model.network.config).items() if value is not None)
    span = " to ".join(f"{end:g}" for end in dict.fromkeys((model.knob.minimum, model.knob.maximum)))
    size = f"{parameter_count([model.network]):,} parameters"
    return f"{model.label}, λ {span}, checkpoint {model.version}: {config}; {size}"


def train(args: argparse.Namespace) -> None:
    from dataclasses import fields

    from explorer.train import run
    from explorer.train.recipe import Recipe

    given = vars(args)
    recipe = Recipe(**{field.name: given[field.name] for field in fields(Recipe) if field.name in given})
    where = {name: given[name] for name in ("init", "difference", "resume", "device")}
    run.train(recipe, args.data, args.out, args.run, **where, tell=print)


def evaluate(args: argparse.Namespace) -> None:
    from explorer import evaluate, report, rows

    options = {"workers": args.workers, "dask": args.dask, "points": args.points, "lambdas": args.lambdas}
    evaluate.evaluate(args.folder, args.codecs, args.json, **options)
    print(report.write(rows.load_sets([args.json])))


def report(args: argparse.Namespace) -> None:
    from explorer import cards, files, report, rows
    from explorer.images import InputError

    outputs = [each for each in (args.markdown, args.png, args.html) if each]
    if len(set(map(os.path.realpath, outputs))) < len(outputs):
        raise InputError(f"Two outputs would be one file ({', '.join(outputs)}); give each a name of its own.")
    for path, suffixes in ((args.markdown, ()), (args.png, [".png"]), (args.html, [".html", ".htm"])):
        if path:
            files.check_output(path, suffixes, args.files)
    if args.cards:
        cards.check_folder(args.cards)
    sets = rows.load_sets(args.files)
    written = cards.write_cards(sets, args.cards) if args.cards else []
    print(report.write(sets, args.markdown, args.png, args.html))
    for card in written:
        print(card)


def fetch(args: argparse.Namespace) -> None:
    from explorer.fetch import fetch as bring

    print(f"{bring(args.set, args.folder)}: complete and checked")


def bench(args: argparse.Namespace) -> None:
    from explorer import files
    from explorer.bench import MODELS, text
    from explorer.bench import bench as measure

    for path, suffixes in ((args.json, ()), (args.png, [".png"])):
        if path:
            files.check_output(path, suffixes, args.models or ())
    print(text(measure(args.json, args.models or MODELS, args.png)))


def _check_targets(targets: dict[str, float | None]) -> None:
    from explorer.images import InputError

    for name, value in targets.items():
        if value is not None and not 0 < value < math.inf:
            raise InputError(f"--{name} takes a number above zero, but {value:g} was given.")


def _refuse_picture_name(path: str) -> None:
    from explorer import images
    from explorer.images import InputError

    if Path(path).suffix.lower() in images.SUFFIXES:
        raise InputError(f"{path} would be no picture; name it {Path(path).stem}.mae, which `explorer decode` reads.")


def _given(*names: str | None) -> list[str]:
    return [name for name in names if name is not None]


RUN = {
    "app": app,
    "encode": encode,
    "decode": decode,
    "info": info,
    "export": export,
    "train": train,
    "evaluate": evaluate,
    "report": report,
    "fetch": fetch,
    "bench": bench,
}


def main(argv: list[str] | None = None) -> int:
    """Run one command; bad input ends in one sentence on stderr and exit status 2, an interrupt in status 130."""
    try:
        return _run(sys.argv[1:] if argv is None else argv)
    except KeyboardInterrupt:
        return INTERRUPTED


def _run(arguments: list[str]) -> int:
    from explorer.arguments import parser

    take_any_text()
    # `explorer`, `explorer --port 8000` and `explorer photo.jpg` are the app.
    if not arguments or arguments[0] not in (*RUN, "-h", "--help", "--version"):
        arguments = ["app", *arguments]
    args = parser().parse_args(arguments)
    warnings.filterwarnings("ignore", category=FutureWarning)  # of libraries, about themselves
    try:
        RUN[args.command](args)
        sys.stdout.flush()
    except BrokenPipeError:
        _give_up_stdout()
    except (ValueError, OSError, MemoryError, RuntimeError) as error:
        sentence = _sentence(error)
        if sentence is None:
            raise
        print(f"explorer: {sentence}", file=sys.stderr)
        return 2
    return 0


def _give_up_stdout() -> None:
    """Send what is still to be printed nowhere, so that the end of the process does not try once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _sentence(error: Exception) -> str | None:
    """What to say of an error that is the input's or the machine's; None for one that is the program's."""
    from explorer.images import InputError

    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        if error.filename is None:
            _give_up_stdout()
        subject = error.filename or "The output"
        return f"{subject} cannot be used ({error.strerror}); check its place, its permissions and the disk."
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and "memory" in str(error)):  # PyTorch's own
        return "There is not enough memory for this; use a smaller picture or model, or end other programs."
    return None


def program() -> NoReturn:
    """Be the process `explorer`. An interrupt ends it within moments, whatever its threads are at, and without the
    traceback of half an import: nobody waits for a computation that nobody wants any more."""
    received: list[int] = []

    def interrupt(number: int, _: FrameType | None) -> None:
        if not received:
            end_soon(number)
        received.append(number)
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    try:
        status = main()
    except BaseException:
        if not received:  # else it is what the interrupt made of an import, or a second one on the way out
            raise
    if not received:
        sys.exit(status)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(128 + received[0])


if __name__ == "__main__":
    program()
