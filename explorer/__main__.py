"""The command line: `explorer`, also `python -m explorer`. Each command imports the heavy modules that it needs."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import warnings
from pathlib import Path


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

    data = _read(args.input)
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
    from explorer.axis import lambda_of

    header, payload = bitstream.unpack(_read(args.file))
    size = bitstream.HEADER_BYTES + len(payload)
    bpp = 8 * size / (header.width * header.height)
    print(f"{header.width}×{header.height} pixels, λ {lambda_of(header.level):.1f}, checkpoint {header.model}")
    print(f"{size} bytes ({bitstream.HEADER_BYTES} of them header), {bpp:.4f} bpp")


def _checkpoint_info(path: Path) -> str:
    from explorer import load_model
    from explorer.model import parameter_count

    model = load_model(path)
    config = ", ".join(f"{name} {value}" for name, value in vars(model.network.config).items() if value is not None)
    return f"{model.label}, checkpoint {model.version}: {config}; {parameter_count([model.network]):,} parameters"


def train(args: argparse.Namespace) -> None:
    from dataclasses import asdict, replace

    import torch

    from explorer import data, model
    from explorer.images import InputError
    from explorer.train import Recipe, Trainer, new_model

    device = torch.device(args.device if args.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu")
    names = ("steps", "minutes", "batch", "crop", "lr", "seed")
    recipe = Recipe(**{name: getattr(args, name) for name in names})
    start = model.load(args.init)[0] if args.init else None
    if args.kind == "fixed" and args.lmbda is None:
        raise InputError("A fixed model needs its λ; add --lambda, for instance --lambda 512.")
    config = replace(
        start.config if start else model.PRESETS[args.preset],
        kind=args.kind,
        lmbda=args.lmbda if args.kind == "fixed" else None,
    )
    tiles = data.load_tiles(args.data, max(args.crop, args.tile)).to(device)
    run = Trainer(new_model(config, tiles, start, seed=args.seed), tiles, recipe, Path(args.run))
    if args.resume:
        run.resume()
    for row in run.run():
        print("λ {lambda:6g}  {bpp:.3f} bpp (estimated)  {psnr:.2f} dB  J {J:.4f}".format(**row))
    about = {key: value for key, value in asdict(recipe).items() if value != math.inf}
    about |= {"steps": run.step, "minutes": round(run.elapsed / 60, 1), "tiles": len(run.batches.tiles)}
    model.save(run.average, args.out, {"recipe": json.dumps(about)})
    print(f"{args.out}: {run.step} steps, {run.elapsed / 60:.1f} minutes")


def _read(path: str) -> bytes:
    from explorer.images import InputError

    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); check the path.") from None


def _write(path: str, data: bytes) -> None:
    from explorer.images import InputError

    try:
        Path(path).write_bytes(data)
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}); choose another place.") from None


def _parser() -> argparse.ArgumentParser:
    about = "One autoencoder, every bitrate: drag λ and look inside. Without a command it opens the app."
    parser = argparse.ArgumentParser("explorer", description=about)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    _add_app(commands)
    _add_coding(commands)
    _add_train(commands)
    return parser


def _add_app(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser("app", help="open the app in a browser (the default)")
    command.set_defaults(run_command=app)
    command.add_argument("image", nargs="?", help="a picture to start with")
    command.add_argument("--model", default="mae", help="a bundled model or a checkpoint (default: %(default)s)")
    command.add_argument("--host", default="127.0.0.1", help="address to serve on (default: %(default)s)")
    command.add_argument("--port", type=int, help="port to serve on (default: the first free one from 7860)")
    command.add_argument("--no-browser", action="store_true", help="print the address only")


def _add_coding(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser("encode", help="compress a picture into a .mae file")
    command.set_defaults(run_command=encode)
    command.add_argument("input", help="any picture")
    command.add_argument("output", help="the .mae file to write")
    target = command.add_mutually_exclusive_group(required=True)
    target.add_argument("--lambda", dest="lmbda", type=float, help="the trade-off, 64 (small) to 4096 (good)")
    target.add_argument("--bpp", type=float, help="the best quality within this many bits per pixel")
    target.add_argument("--bytes", type=int, help="the best quality within this file size")
    target.add_argument("--psnr", type=float, help="the smallest file of at least this PSNR in dB")
    command.add_argument("--model", default="mae", help="a bundled model or a checkpoint (default: %(default)s)")
    _add_device(command)

    command = commands.add_parser("decode", help="turn a .mae file into a PNG")
    command.set_defaults(run_command=decode)
    command.add_argument("input", help="a .mae file")
    command.add_argument("output", help="the PNG to write")
    command.add_argument("--model", help="the checkpoint that wrote it, where it is not a bundled one")
    _add_device(command)

    command = commands.add_parser("info", help="say what a .mae file or a checkpoint is")
    command.set_defaults(run_command=info)
    command.add_argument("file")


def _add_train(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser("train", help="train a model on a folder of pictures or shards")
    command.set_defaults(run_command=train)
    command.add_argument("--data", required=True, help="a folder of pictures, or of tar shards of pictures")
    command.add_argument("--out", required=True, help="the checkpoint to write (.safetensors)")
    command.add_argument("--run", default="runs/train", help="folder for the log and the state (default: %(default)s)")
    command.add_argument("--preset", choices=("compact", "paper", "tiny"), default="compact")
    command.add_argument("--kind", choices=("modulated", "fixed", "bottleneck"), default="modulated")
    command.add_argument("--lambda", dest="lmbda", type=float, help="the λ of a fixed model")
    command.add_argument("--init", help="a checkpoint to start from (default: the transform-coding initialisation)")
    command.add_argument("--resume", action="store_true", help="continue the run in the folder of --run")
    command.add_argument("--steps", type=int, default=1000, help="length of the schedule (default: %(default)s)")
    command.add_argument(
        "--minutes", type=float, default=math.inf, help="end the schedule by this time"
    )
    command.add_argument("--batch", type=int, default=16)
    command.add_argument(
        "--crop", type=int, default=128, help="side of a crop in pixels (default: %(default)s)"
    )
    command.add_argument("--tile", type=int, default=256, help="side of the tiles that pictures are cut into")
    command.add_argument("--lr", type=float, default=1e-3, help="peak learning rate (default: %(default)s)")
    command.add_argument("--seed", type=int, default=0)
    _add_device(command)


def _add_device(command: argparse.ArgumentParser) -> None:
    command.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")


def main(argv: list[str] | None = None) -> int:
    """Run one command; bad input ends in one sentence on stderr and exit status 2."""
    arguments = sys.argv[1:] if argv is None else argv
    # `explorer`, `explorer --port 8000` and `explorer photo.jpg` are the app.
    known = ("app", "encode", "decode", "info", "train", "-h", "--help")
    if not arguments or arguments[0] not in known:
        arguments = ["app", *arguments]
    args = _parser().parse_args(arguments)
    warnings.filterwarnings("ignore", category=FutureWarning)  # of libraries, about themselves
    try:
        args.run_command(args)
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
