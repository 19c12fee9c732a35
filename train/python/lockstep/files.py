"""Folders of lockstep train and lockstep study."""
import pathlib
import tomllib
import types

from . import _lockstep as core
from .contexts import evaluation


def open(folder):
    """The model of a folder of lockstep train (or its checkpoint.h5), with its weights: a call gives logits. Its
    attributes: parameters, and config, the settings by their keys."""
    import h5py

    path = pathlib.Path(folder)
    path = path / "checkpoint.h5" if path.is_dir() else path
    with h5py.File(path) as file:
        config = tomllib.loads(file.attrs["config"])
    if config["blocks"] != "norm_gelu":
        raise core.LockstepError(f"{path}: blocks = {config['blocks']}: expected norm_gelu, which is what Python can build")
    task, scope = core.task(config["task"]), core.Scope(dtype=config["precision"])
    same = dict(mlp_dim=config["mlp"], dropout_rate=config["dropout"], qkv_bias=True, unused_norm=False,
                use_combined_linear=config["attention"] == "combined")
    if task["images"]:  # as train/training/model.cpp builds them
        network = core.ViT(scope, in_channels=1, img_size=[task["length"]], patch_size=[2], hidden_size=config["width"],
                           num_layers=config["layers"], num_heads=config["heads"], classification=True,
                           num_classes=task["classes"], spatial_dims=2, post_activation=False, **same)
    else:
        network = core.DecoderOnlyTransformer(
            scope, num_tokens=task["vocabulary"], max_seq_len=task["length"], attn_layers_dim=config["width"],
            attn_layers_depth=config["layers"], attn_layers_heads=config["heads"], final_norm=True, causal=task["causal"],
            **same)
    scope.parameters.load(str(path))
    return Model(network, scope.parameters, config)


class Model:
    def __init__(self, network, parameters, config):
        self.network, self.parameters, self.config = network, parameters, config

    def __call__(self, inputs):
        with evaluation():
            return self.network(inputs)


def read(folder):
    """A study as data frames: arms, runs, contrasts, rates and probes as in the .csv files beside study.h5, and curves:
    the loss of every run before each of its steps (task, arm, seed, step, loss)."""
    import h5py
    import numpy
    import pandas

    path = pathlib.Path(folder)
    tables = {name: pandas.read_csv(path / f"{name}.csv") for name in ("arms", "runs", "contrasts", "rates", "probes")}
    curves = []
    with h5py.File(path / "study.h5") as file:
        for experiment in file["experiments"].values():
            for arm, seeds in experiment.items():
                for seed, run in seeds.items():
                    loss = run["loss"][:]
                    curves.append(pandas.DataFrame({"task": experiment.attrs["task"], "arm": arm, "seed": int(seed),
                                                    "step": numpy.arange(len(loss)), "loss": loss}))
    return types.SimpleNamespace(**tables, curves=pandas.concat(curves, ignore_index=True))
