"""What the command line takes: every command with its options, as data for argparse."""

from __future__ import annotations

import argparse

from explorer import __version__
from explorer.config import PRESETS
from explorer.train.recipe import KINDS, PRECISIONS, PRIORS, Recipe

MODEL_HELP = "a bundled model or a checkpoint (default: mae-hyperprior, or mae where that is not bundled)"


def parser() -> argparse.ArgumentParser:
    """All commands with their options; `command` names the one that was chosen."""
    about = "One autoencoder, every bitrate: drag λ and look inside. Without a command it opens the app."
    whole = argparse.ArgumentParser("explorer", description=about)
    whole.add_argument("--version", action="version", version=f"MAE Explorer {__version__}")
    commands = whole.add_subparsers(dest="command", metavar="COMMAND")
    _add_app(commands)
    _add_coding(commands)
    _add_export(commands)
    _add_train(commands)
    _add_measuring(commands)
    return whole


def _add_app(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser("app", help="open the app in a browser (the default)")
    command.add_argument("image", nargs="?", help="a picture or a .mae file to start with")
    command.add_argument("--model", help=MODEL_HELP)
    command.add_argument("--host", default="127.0.0.1", help="address to serve on (default: %(default)s)")
    command.add_argument("--port", type=_port, help="port to serve on (default: the first free one from 7860)")
    command.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a further name that it answers to; repeatable",
    )
    command.add_argument("--root-path", default="", metavar="PATH", help="where a proxy shows it, such as /mae")
    command.add_argument("--no-browser", action="store_true", help="print the address only")


def _add_coding(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser("encode", help="compress a picture into a .mae file")
    command.add_argument("input", help="any picture")
    command.add_argument("output", help="the .mae file to write")
    target = command.add_mutually_exclusive_group(required=True)
    target.add_argument("--lambda", dest="lmbda", type=float, help="the trade-off, 64 (small) to 4096 (good)")
    target.add_argument("--bpp", type=float, help="the best quality within this many bits per pixel")
    target.add_argument("--bytes", type=int, help="the best quality within this file size")
    target.add_argument("--psnr", type=float, help="the smallest file of at least this PSNR in dB")
    about = (
        "a grey picture of where λ is another one: grey 128 is λ as given, white 8 times and black an eighth of it, "
        "by blocks of 64×64 pixels; or a .npy array of the λ of each block"
    )
    command.add_argument("--lambda-map", metavar="FILE", help=about)
    command.add_argument("--model", help=MODEL_HELP)
    effort = "search for a better file: 1 takes half a minute a megapixel, 2 ten minutes (default: %(default)s)"
    command.add_argument("--effort", type=int, choices=(0, 1, 2), default=0, help=effort)
    _add_device(command)

    command = commands.add_parser("decode", help="turn a .mae file into a picture without further loss")
    command.add_argument("input", help="a .mae file")
    command.add_argument("output", help="a name ending in .png, .webp (lossless), .tif, .bmp or .ppm (default: PNG)")
    command.add_argument("--model", help="the checkpoint that wrote it, where it is not a bundled one")
    _add_device(command)

    command = commands.add_parser("info", help="say what a .mae file, a checkpoint or a bundled model is")
    command.add_argument("file", help="a file, or the name of a bundled model")


def _add_export(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser("export", help="write a picture's λ sweep as one page that opens without a server")
    command.add_argument("image", help="any picture")
    command.add_argument("output", help="the .html file to write")
    command.add_argument("--points", type=_count, default=17, help="how many λ (default: %(default)s)")
    command.add_argument("--model", help=MODEL_HELP)


def _add_train(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser("train", help="train a model on a folder of pictures or shards")
    command.add_argument("--data", required=True, help="a folder of pictures and tar shards of them, at any depth")
    command.add_argument("--out", required=True, help="the checkpoint to write (.safetensors)")
    command.add_argument("--run", default="runs/train", help="folder for the log and the state (default: %(default)s)")
    command.add_argument("--init", help="a checkpoint to start from (default: the transform-coding initialisation)")
    command.add_argument("--difference", action="store_true", help="keep what differs from --init, in its folder")
    command.add_argument("--resume", action="store_true", help="continue the run in the folder of --run")
    _add_recipe(command)
    _add_device(command)


def _add_recipe(command: argparse.ArgumentParser) -> None:
    """The parts of a recipe that can be chosen, under their names there and with the defaults that they have there."""
    default = "(default: %(default)s)"
    command.add_argument("--kind", choices=KINDS, default=Recipe.kind, help=default)
    command.add_argument("--preset", choices=tuple(PRESETS), default=Recipe.preset, help=default)
    several = "joint: factorised and hyper in turn (default: joint if modulated, otherwise that of --init)"
    command.add_argument("--prior", choices=PRIORS, default=Recipe.prior, help=several)
    command.add_argument("--lambda", dest="lmbda", type=float, default=Recipe.lmbda, help="the λ of a fixed model")
    numbers: dict[str, tuple[type, str]] = {
        "steps": (int, "length of the schedule"),
        "minutes": (float, "end the schedule by this time"),
        "batch": (int, "crops a step, over all processes"),
        "crop": (int, "side of a crop in pixels"),
        "tile": (int, "side of the tiles that pictures are cut into"),
        "grey": (float, "share of crops that are made grey"),
        "lr": (float, "peak learning rate"),
        "rounded_after": (float, "share of the schedule before the decoder sees rounded latents"),
        "seed": (int, "decides every draw"),
    }
    for name, (kind, about) in numbers.items():
        option = "--" + name.replace("_", "-")
        command.add_argument(option, type=kind, default=getattr(Recipe, name), help=f"{about} {default}")
    command.add_argument("--precision", choices=PRECISIONS, default=Recipe.precision, help=default)


def _add_measuring(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser("evaluate", help="pictures × codecs × settings: rows, curves, BD-rate")
    command.add_argument("folder", help="a folder of pictures")
    command.add_argument("--json", required=True, help="the file of rows; a killed run is taken up from it")
    groups = "classical, independent and independent-hyperprior are groups"
    command.add_argument(
        "--codecs", type=_names, default=[], help=f"names or checkpoints with commas; {groups} (default: all here)"
    )
    command.add_argument("--workers", type=_count, help="local processes (default: one for each core)")
    command.add_argument("--dask", metavar="ADDRESS", help="run on this Dask cluster instead")
    settings = command.add_mutually_exclusive_group()
    settings.add_argument("--points", type=_count, help="this many settings of each codec (default: its sweep)")
    settings.add_argument("--lambdas", type=_lambdas, default=(), help="these λ of each model, with commas")

    command = commands.add_parser("report", help="tables, figures and model cards from files of rows")
    command.add_argument("files", nargs="+", help="what `explorer evaluate` wrote")
    command.add_argument("--markdown", help="write the tables")
    command.add_argument("--png", help="write the rate-distortion figure")
    command.add_argument("--html", help="write the figure to zoom into; it needs no network")
    command.add_argument("--cards", metavar="FOLDER", help="write model cards beside the checkpoints of this folder")

    command = commands.add_parser("fetch", help="download and check a public test set, or CompressAI's models")
    command.add_argument("set", choices=("kodak", "clic", "zoo"))
    command.add_argument(
        "folder", nargs="?", help="where to put it (default: a folder of its name, or PyTorch's cache)"
    )

    command = commands.add_parser("bench", help="measure how long things take here")
    command.add_argument("--json", help="write the figures to this file")
    command.add_argument("--png", help="draw them into this file")
    about = "bundled models or checkpoints (default: one for each prior)"
    command.add_argument("--models", nargs="+", metavar="MODEL", help=about)


def _add_device(command: argparse.ArgumentParser) -> None:
    command.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")


def _port(text: str) -> int:
    """A port's number; argparse tells of any other."""
    return _whole(text, 0, 65535)


def _names(text: str) -> list[str]:
    """Names between commas, one or more; argparse tells of none."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise argparse.ArgumentTypeError("it names none")
    return names


def _lambdas(text: str) -> list[float]:
    """Some λ between commas; argparse tells of any other text."""
    from explorer.condition import Condition
    from explorer.images import InputError

    try:
        return [Condition.of(float(name)).lmbda for name in _names(text)]
    except (InputError, ValueError) as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _count(text: str) -> int:
    """A whole number from 1; argparse tells of any other."""
    return _whole(text, 1)


def _whole(text: str, low: int, high: int | None = None) -> int:
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
    if number < low:
        raise argparse.ArgumentTypeError(f"{text} is below {low}")
    if high is not None and number > high:
        raise argparse.ArgumentTypeError(f"{text} is above {high}")
    return number
