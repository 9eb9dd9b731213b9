"""The command line, and the shape of the package: who imports whom, and what `--help` does not import."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import numpy as np
import pytest
from conftest import sample_paths
from PIL import Image

import explorer
from explorer import bitstream, library, mask
from explorer.__main__ import main
from explorer.codecs.learned import LearnedCodec
from explorer.images import InputError
from explorer.library import folder

PACKAGE = Path(explorer.__file__).parent
LAYERS = [  # each may import from the lines above it, and from its own
    {"pace", "cache", "memory", "images", "files", "console"},
    {"metrics", "ssimulacra", "tiles"},
    {"lambda_map", "condition", "config", "mask"},
    {"modulation", "priors", "gdn", "model", "checkpoint"},
    {"mapcode", "bitstream", "runtime"},
    {"distortion", "inside", "search", "codecs"},
    {"train", "library", "solving", "session", "received"},
    {"store", "means", "rows", "survey", "workers", "evaluate", "cards", "report", "fetch", "bench"},
    {"views"},
    {"arguments", "__main__"},
]


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "picture.png"
    Image.open(sample_paths()[0]).crop((0, 0, 200, 120)).save(path)
    return path


@pytest.mark.parametrize("target", [["--lambda", "512"], ["--bpp", "0.6"], ["--bytes", "2000"], ["--psnr", "32"]])
def test_encode_info_decode(picture, tmp_path, capsys, target):
    coded, decoded = tmp_path / "p.mae", tmp_path / "p.png"
    assert main(["encode", str(picture), str(coded), *target]) == 0
    assert main(["info", str(coded)]) == 0
    assert main(["decode", str(coded), str(decoded)]) == 0
    out = capsys.readouterr().out
    assert "200×120 pixels" in out and f"{coded.stat().st_size} bytes" in out
    assert (np.asarray(Image.open(decoded)) == explorer.decode(coded.read_bytes())).all()


def test_encode_with_a_lambda_map(picture, tmp_path, capsys):
    """A mask of any size: white is 8·λ, mid grey λ as given, black λ/8; or an array of λ."""
    coded, shown = str(tmp_path / "p.mae"), str(tmp_path / "mask.png")
    shades = np.full((12, 40), 128, np.uint8)
    shades[:7, :20] = 255
    shades[:, 30:] = 0
    Image.fromarray(shades).save(shown)
    assert main(["encode", str(picture), coded, "--lambda", "512", "--lambda-map", shown]) == 0
    assert main(["info", coded]) == 0
    out = capsys.readouterr().out
    assert out.count("λ 512.0 with a map from 64 to 4096") == 2 and " λ map)" in out
    header, _ = bitstream.unpack(Path(coded).read_bytes())
    assert header.map.steps.tolist() == [[16, 9, -11, -16], [2, 1, -11, -16]]  # by area
    limit = len(Path(coded).read_bytes()) - 50
    assert main(["encode", str(picture), coded, "--bytes", str(limit), "--lambda-map", shown]) == 0
    assert 0.9 * limit < len(Path(coded).read_bytes()) <= limit

    array = str(tmp_path / "lambdas.npy")
    np.save(array, [[512, 512, 1024, 64], [512, 512, 512, 512]])
    assert main(["encode", str(picture), coded, "--lambda", "512", "--lambda-map", array]) == 0
    header, _ = bitstream.unpack(Path(coded).read_bytes())
    assert header.condition.lmbda == pytest.approx(512, rel=1e-4)
    assert header.map.steps.tolist() == [[0, 0, 5, -16], [0, 0, 0, 0]]


MASK = np.repeat(np.uint8([[255, 128, 0]]), [64, 64, 2], axis=1).repeat(100, axis=0)  # of 130×100 pixels
MASKS = {
    "grey.png": Image.fromarray(MASK),
    "palette.gif": Image.fromarray(MASK).convert("P"),
    "colour.png": Image.fromarray(MASK).convert("RGB"),
    "opaque.png": Image.fromarray(MASK).convert("RGBA"),
    "deep.png": Image.fromarray(MASK * np.uint16(257)),
    "lossy.jpg": Image.fromarray(MASK),
    "twice.png": Image.fromarray(MASK).resize((260, 200), Image.Resampling.NEAREST),
    "flat.png": Image.fromarray(MASK[:1]),
}


@pytest.mark.parametrize("name", MASKS)
def test_masks_of_all_kinds_say_the_same(tmp_path, name):
    MASKS[name].save(tmp_path / name)
    assert mask.read(str(tmp_path / name), (100, 130), None).steps.tolist() == 2 * [[16, 0, -16]]


def test_masks_smaller_than_their_blocks_and_those_that_say_nothing(tmp_path):
    path = str(tmp_path / "mask.png")
    Image.fromarray(MASK[:2, ::65]).save(path)  # white, and what lies right of the middle is grey
    assert mask.read(path, (100, 130), None).steps.tolist() == 2 * [[16, 0, 0]]
    Image.fromarray(np.dstack([MASK, MASK // 2])).save(path)
    with pytest.raises(InputError, match=r"transparent in places, .* grey, of which 128 is λ as given\.$"):
        mask.read(path, (100, 130), None)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["encode", "nowhere.png", "o.mae", "--lambda", "512"], "cannot be opened"),
        (["encode", "PICTURE", "o.mae", "--lambda", "9999"], "between 64 and 4096"),
        (["encode", "PICTURE", "o.mae", "--lambda", "nan"], "between 64 and 4096"),
        (["encode", "PICTURE", "o.mae", "--bytes", "3"], "in its range"),
        (["encode", "PICTURE", "o.mae", "--psnr", "99"], "in its range"),
        (["encode", "PICTURE", "o.mae", "--lambda", "512", "--model", "other"], "choose one of"),
        (["encode", "PICTURE", "missing/folder/o.mae", "--lambda", "512"], "cannot be written"),
        (["encode", "PICTURE", "o.mae", "--lambda", "512", "--lambda-map", "no.png"], "cannot be opened"),
        (["encode", "PICTURE", "o.mae", "--lambda", "512", "--lambda-map", "no.npy"], "cannot be read as λ by block"),
        (["encode", "PICTURE", "o.mae", "--lambda", "512", "--lambda-map", ""], "is a folder"),
        (["decode", "PICTURE", "o.png"], "not a .mae file"),
        (["decode", "nowhere.mae", "o.png"], "cannot be read"),
        (["info", "PICTURE"], "not a .mae file"),
        (["info", "nowhere.safetensors"], "no checkpoint"),
        (["app", "nowhere.png", "--no-browser"], "cannot be opened"),
        (["--model", "other", "--no-browser"], "choose one of"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(picture, tmp_path, monkeypatch, capsys, arguments, says):
    monkeypatch.chdir(tmp_path)
    assert main([str(picture) if word == "PICTURE" else word for word in arguments]) == 2
    message = capsys.readouterr().err.strip()
    assert message.startswith("explorer: ") and message.endswith(".") and "\n" not in message and says in message
    assert not (tmp_path / "o.mae").exists()


def test_help_imports_nothing_heavy():
    code = "import sys; sys.argv = ['explorer', '--help']\ntry:\n import explorer.__main__ as m; m.main()\n"
    code += (
        "except SystemExit: pass\nprint(sorted({'torch', 'gradio', 'numpy', 'compressai', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]") and "encode" in done.stdout


def imports_of(path: Path) -> set[str]:
    """First names below `explorer` that a module imports, lazily or not."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "explorer":
            parts = node.module.split(".")
            found |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
        if isinstance(node, ast.Import):
            found |= {a.name.split(".")[1] for a in node.names if a.name.startswith("explorer.")}
    return found


def layer_of(name: str) -> int:
    return next(i for i, layer in enumerate(LAYERS) if name in layer)


def test_imports_go_downwards_only():
    public = {*explorer.__all__, "__version__"}
    for path in PACKAGE.rglob("*.py"):
        own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if own != "__init__":
            upwards = {name for name in imports_of(path) - public if layer_of(name) > layer_of(own)}
            assert not upwards, f"{path.name} imports {upwards} from above"


def test_no_circle_of_imports():
    """Not even one that only a type checker sees."""
    modules = {path: ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in PACKAGE.rglob("*.py")}
    names = {name.removesuffix(".__init__"): path for path, name in modules.items()}
    graph = {path: {names[each] for each in modules_of(path, names) if names[each] != path} for path in modules}
    order = TopologicalSorter({path: graph[path] for path in graph if path != PACKAGE / "__init__.py"})
    assert list(order.static_order())  # a CycleError names the circle


def modules_of(path: Path, names: dict[str, Path]) -> set[str]:
    """The package's own modules that a module imports, lazily or not; a package's face stands for none of its rooms."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "explorer":
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {each if each in names else node.module for each in inner}
    return {each for each in found if each in names and each != "explorer"}


def test_only_the_app_imports_gradio_and_only_the_notebook_ipywidgets():
    homes = {"gradio": {"app.py"}, "ipywidgets": {"notebook.py"}, "anywidget": {"notebook.py"}}
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert path.name in homes.get(name.split(".")[0], {path.name}), f"{path.name} imports {name}"


@pytest.fixture
def no_model(monkeypatch):
    """Whoever loads a model fails."""

    def load(*_: object) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr(LearnedCodec, "open", load)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["encode", "nowhere.png", "o.mae", "--lambda", "512"], "cannot be opened"),
        (["encode", "PICTURE", "o.mae", "--lambda", "9999"], "between 64 and 4096"),
        (["encode", "PICTURE", "o.mae", "--bpp", "-1"], "--bpp takes a number above zero, but -1 was given"),
        (["encode", "PICTURE", "o.mae", "--psnr", "nan"], "--psnr takes a number above zero"),
        (["encode", "PICTURE", "missing/o.mae", "--lambda", "512"], "cannot be written"),
        (["encode", "PICTURE", "o.mae", "--lambda", "512", "--model", "other.safetensors"], "no checkpoint"),
        (["encode", "PICTURE", "o.mae", "--lambda", "512", "--lambda-map", "no.png"], "cannot be opened"),
        (["encode", "PICTURE", "o.mae", "--lambda", "512", "--lambda-map", "no.npy"], "cannot be read as λ by block"),
        (["encode", "PICTURE", "o.mae", "--lambda", "512", "--lambda-map", ""], "is a folder"),
        (["decode", "PICTURE", "o.png"], "not a .mae file"),
        (["decode", "FILE", "missing/o.png"], "cannot be written"),
        (["decode", "FILE", "o.png"], "No bundled model has the id 00000000"),
        (["info", "nobody"], "no bundled model of this name; models are mae,"),
        (["export", "nowhere.png", "o.html"], "cannot be opened"),
        (["export", "PICTURE", "missing/o.html"], "cannot be written"),
        (["export", "PICTURE", "o.html", "--points", "1"], "between 2 and 101 frames"),
        (["app", "nowhere.png", "--no-browser"], "cannot be opened"),
        (["evaluate", "nowhere", "--json", "o.json"], "no folder"),
        (["evaluate", ".", "--json", "o.json", "--codecs", "mae,other"], "no codec 'other'"),
        (["evaluate", ".", "--json", "PICTURE/o.json", "--codecs", "mae"], "cannot be written"),
        (["evaluate", ".", "--json", "PICTURE", "--codecs", "mae"], "not a file of `explorer evaluate`"),
        (["report", "nowhere.json"], "no file"),
        (["bench", "--json", "missing/o.json"], "cannot be written"),
        (["bench", "--models", "mae", "other"], "choose one of"),
    ],
)
def test_bad_input_is_told_before_a_model_is_loaded(picture, tmp_path, monkeypatch, capsys, no_model, arguments, says):
    monkeypatch.chdir(tmp_path)
    Path("file.mae").write_bytes(bitstream.pack(bitstream.Header("00000000", 200, 120, 0), b""))
    words = {"PICTURE": str(picture), "FILE": "file.mae"}
    assert main([words.get(word, word.replace("PICTURE/", f"{picture}/")) for word in arguments]) == 2
    message = capsys.readouterr().err.strip().splitlines()[-1]
    assert message.startswith("explorer: ") and message.endswith(".") and says in message


def test_info_knows_a_bundled_model_by_its_name(capsys):
    assert main(["info", "mae"]) == 0
    by_name = capsys.readouterr().out
    assert main(["info", str(folder() / "mae.safetensors")]) == 0
    assert by_name == capsys.readouterr().out
    assert by_name.startswith("modulated autoencoder, λ 64 to 4096, checkpoint ")
    assert main(["info", "independent-256"]) == 0
    assert "independent model λ=256, λ 256, checkpoint" in capsys.readouterr().out


def test_the_first_model_is_looked_up_when_it_is_needed(picture, tmp_path, monkeypatch):
    assert main(["encode", str(picture), str(tmp_path / "o.mae"), "--lambda", "512"]) == 0
    assert library.version(library.first_model()) == bitstream.unpack((tmp_path / "o.mae").read_bytes())[0].model
    (tmp_path / "mae.safetensors").write_bytes((folder() / "mae.safetensors").read_bytes())
    monkeypatch.setattr(library, "folder", lambda: tmp_path)
    assert library.first_model() == "mae"


def test_the_id_of_a_model_is_known_without_its_network(mae):
    assert library.version("mae") == mae.version
    assert repr(mae) == f"LearnedCodec('mae', modulated autoencoder, version='{mae.version}')"


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.full((2, 4), 5000), "between 64 and 4096"),
        (np.full((2, 3), 512), "2×4 blocks"),
        (np.full(8, 512), "(rows, columns)"),
        (np.full((2, 4), None), "no array of numbers"),
        (np.full((2, 4), "512"), "(rows, columns)"),
    ],
)
def test_arrays_that_are_no_lambda_map(picture, tmp_path, capsys, array, says):
    path, out = str(tmp_path / "lambdas.npy"), str(tmp_path / "o.mae")
    np.save(path, array)
    assert main(["encode", str(picture), out, "--lambda", "512", "--lambda-map", path]) == 2
    message = capsys.readouterr().err.strip()
    assert says in message and message.endswith(".") and "\n" not in message
    assert not Path(out).exists()
