"""The command line: `explorer`, also `python -m explorer`. Each command imports the heavy modules that it needs."""

from __future__ import annotations

import argparse
import math
import os
import sys
import warnings
from pathlib import Path

from explorer.arguments import parser


def app(args: argparse.Namespace) -> None:
    from explorer.views.app import launch

    served = {"allow_hosts": args.allow_host, "root_path": args.root_path}
    launch(args.host, args.port, args.model, args.image, open_browser=not args.no_browser, **served)


# What can be wrong is looked at before a model is loaded, which takes seconds.


def encode(args: argparse.Namespace) -> None:
    from explorer import images
    from explorer.condition import Condition

    targets = {"bpp": args.bpp, "bytes": args.bytes, "psnr": args.psnr}
    _check_targets(targets)
    if args.lmbda is not None:
        Condition.of(args.lmbda)
    _check_output(args.output)
    picture = images.read(args.input)
    from explorer import Session, library

    session = Session(library.load_model(args.model or library.first_model(), args.device), picture)
    lmbda = args.lmbda if args.lmbda is not None else session.solve(**targets)
    data = session.encode(lmbda)
    _write(args.output, data)
    point = session.point(lmbda)
    for note in session.picture.notes:
        print(note)
    print(f"{args.output}: λ {point.knob['lambda']:.1f}, {len(data)} bytes, {point.bpp:.4f} bpp, {point.psnr:.2f} dB")


def decode(args: argparse.Namespace) -> None:
    from explorer import bitstream, images

    data = bitstream.read(args.input)
    bitstream.unpack(data)
    _check_output(args.output)
    from explorer import library

    if args.model is None:
        pixels = library.decode(data, args.device)
    else:
        pixels = library.load_model(args.model, args.device).decode(data)
    _write(args.output, images.to_png(pixels))
    print(f"{args.output}: {pixels.shape[1]}×{pixels.shape[0]} pixels")


def info(args: argparse.Namespace) -> None:
    if not Path(args.file).exists() or Path(args.file).suffix == ".safetensors":
        print(_checkpoint_info(args.file))
        return
    from explorer import bitstream
    from explorer.condition import lambda_of

    header, payload = bitstream.unpack(bitstream.read(args.file))
    size = bitstream.HEADER_BYTES + len(payload)
    bpp = 8 * size / (header.width * header.height)
    print(f"{header.width}×{header.height} pixels, λ {lambda_of(header.level):.1f}, checkpoint {header.model}")
    print(f"{size} bytes ({bitstream.HEADER_BYTES} of them header), {bpp:.4f} bpp")


def export(args: argparse.Namespace) -> None:
    from tqdm import tqdm

    from explorer import images

    _check_output(args.output)
    picture = images.read(args.image)
    from explorer.library import first_model
    from explorer.views.service.export import check_frames, sweep
    from explorer.views.service.pictures import OpenPictures

    check_frames(args.points)
    model = args.model or first_model()
    opened = OpenPictures([model], {}).open(model, picture, picture.name)
    page = sweep(opened, "html", frames=args.points)
    data = page.join([page.part(lmbda) for lmbda in tqdm(page.lambdas, unit="λ")])
    _write(args.output, data)
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
    for line in run.train(recipe, args.data, args.out, args.run, **where):
        print(line)


def evaluate(args: argparse.Namespace) -> None:
    from explorer import evaluate, report, rows

    codecs = [name for name in args.codecs.split(",") if name]
    options = {"workers": args.workers, "dask": args.dask, "points": args.points}
    evaluate.evaluate(args.folder, codecs, args.json, **options)
    print(report.write(rows.load_sets([args.json])))


def report(args: argparse.Namespace) -> None:
    from explorer import cards, report, rows

    for path in filter(None, (args.markdown, args.png, args.html)):
        _check_output(path)
    sets = rows.load_sets(args.files)
    print(report.write(sets, args.markdown, args.png, args.html))
    if args.cards:
        cards.write_cards(sets, args.cards)


def fetch(args: argparse.Namespace) -> None:
    from explorer.fetch import fetch as bring

    print(f"{bring(args.set, args.folder)}: complete and checked")


def bench(args: argparse.Namespace) -> None:
    from explorer.bench import MODELS, text
    from explorer.bench import bench as measure

    for output in filter(None, (args.json, args.png)):
        _check_output(output)
    print(text(measure(args.json, args.models or MODELS, args.png)))


def _check_targets(targets: dict[str, float | None]) -> None:
    from explorer.images import InputError

    for name, value in targets.items():
        if value is not None and not 0 < value < math.inf:
            raise InputError(f"--{name} takes a number above zero, but {value:g} was given.")


def _check_output(path: str) -> None:
    """Raise InputError where a file cannot be written."""
    from explorer.images import InputError

    folder = Path(path).parent
    if Path(path).is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        why = "it is a folder" if Path(path).is_dir() else "its folder is not there, or not yours"
        raise InputError(f"{path} cannot be written ({why}); choose another place.")


def _write(path: str, data: bytes) -> None:
    from explorer.images import InputError

    try:
        Path(path).write_bytes(data)
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}); choose another place.") from None


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
    """Run one command; bad input ends in one sentence on stderr and exit status 2."""
    arguments = sys.argv[1:] if argv is None else argv
    # `explorer`, `explorer --port 8000` and `explorer photo.jpg` are the app.
    if not arguments or arguments[0] not in (*RUN, "-h", "--help", "--version"):
        arguments = ["app", *arguments]
    args = parser().parse_args(arguments)
    warnings.filterwarnings("ignore", category=FutureWarning)  # of libraries, about themselves
    try:
        RUN[args.command](args)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except ValueError as error:
        from explorer.images import InputError

        if not isinstance(error, InputError):
            raise
        print(f"explorer: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
