"""The command line: `explorer`, also `python -m explorer`. Heavy modules are imported by the command that needs them."""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path


def train(args: argparse.Namespace) -> None:
    import torch

    from explorer import data, model
    from explorer.train import Recipe, Trainer, new_model

    device = torch.device(args.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    chosen = {
        name: value for name in ("steps", "minutes", "batch", "crop", "lr", "seed") if (value := vars(args)[name])
    }
    recipe = Recipe(**chosen)
    tiles = data.load_tiles(args.data, max(args.crop, min(data.TILE, args.tile))).to(device)
    start = model.load(args.init)[0] if args.init else None
    config = start.config if start else model.PRESETS[args.preset]
    config = model.replace(config, kind=args.kind, lmbda=args.lmbda)
    run = Trainer(new_model(config, tiles, start, seed=args.seed), tiles, recipe, Path(args.run))
    if args.resume:
        run.resume()
    for row in run.run():
        print("λ {lambda:6g}  {bpp:.3f} bpp (estimated)  {psnr:.2f} dB  J {J:.4f}".format(**row))
    model.save(run.average, args.out)
    print(f"{args.out}: {run.step} steps, {run.elapsed / 60:.1f} minutes")


def parser() -> argparse.ArgumentParser:
    main_parser = argparse.ArgumentParser(
        "explorer", description="One autoencoder, every bitrate: drag λ and look inside."
    )
    commands = main_parser.add_subparsers(dest="command", metavar="COMMAND")

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
    command.add_argument("--steps", type=int, default=2000)
    command.add_argument("--minutes", type=float, default=math.inf, help="end the schedule after this time")
    command.add_argument("--batch", type=int, default=16)
    command.add_argument("--crop", type=int, default=128, help="side of a training crop in pixels")
    command.add_argument("--tile", type=int, default=320, help="side of the tiles that pictures are cut into")
    command.add_argument("--lr", type=float, default=1e-3)
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--device", help="cpu or cuda (default: cuda where there is one)")
    return main_parser


def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    args.run_command(args)
    return 0


if __name__ == "__main__":
    sys.exit(main())
