"""The command line: `explorer`, also `python -m explorer`. Each command imports the heavy modules that it needs."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from pathlib import Path

from explorer.arguments import parser


def app(args: argparse.Namespace) -> None:
    from explorer.views.app import launch

    launch(args.host, args.port, args.model, args.image, open_browser=not args.no_browser)


def encode(args: argparse.Namespace) -> None:
    from explorer import Session, load_model

    session = Session(load_model(args.model, args.device), args.input)
    targets = {"bpp": args.bpp, "bytes": args.bytes, "psnr": args.psnr}
    lmbda = args.lmbda if args.lmbda is not None else session.solve(**targets)
    data = session.encode(lmbda)
    _write(args.output, data)
    point = session.point(lmbda)
    for note in session.picture.notes:
        print(note)
    print(f"{args.output}: λ {point.knob['lambda']:.1f}, {len(data)} bytes, {point.bpp:.4f} bpp, {point.psnr:.2f} dB")


def decode(args: argparse.Namespace) -> None:
    from explorer import bitstream, images, library

    data = bitstream.read(args.input)
    if args.model is None:
        pixels = library.decode(data, args.device)
    else:
        bitstream.unpack(data)
        pixels = library.load_model(args.model, args.device).decode(data)
    _write(args.output, images.to_png(pixels))
    print(f"{args.output}: {pixels.shape[1]}×{pixels.shape[0]} pixels")


def info(args: argparse.Namespace) -> None:
    path = Path(args.file)
    if path.suffix == ".safetensors":
        print(_checkpoint_info(path))
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

    from explorer.views.service.export import sweep
    from explorer.views.service.pictures import OpenPictures

    opened = OpenPictures([args.model], {}).open(args.model, args.image, Path(args.image).name)
    page = sweep(opened, "html", frames=args.points)
    data = page.join([page.part(lmbda) for lmbda in tqdm(page.lambdas, unit="λ")])
    _write(args.output, data)
    print(f"{args.output}: {len(page.lambdas)} steps of λ, {len(data) / 1e6:.1f} MB; it opens in any browser")


def _checkpoint_info(path: Path) -> str:
    from explorer import load_model
    from explorer.model import parameter_count

    model = load_model(path)
    config = ", ".join(f"{name} {value}" for name, value in vars(model.network.config).items() if value is not None)
    return f"{model.label}, checkpoint {model.version}: {config}; {parameter_count([model.network]):,} parameters"


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

    print(text(measure(args.json, args.models or MODELS)))


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
    if not arguments or arguments[0] not in (*RUN, "-h", "--help"):
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
