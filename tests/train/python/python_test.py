"""The Python module and its notebooks: python3 python_test.py PROGRAM FOLDER

FOLDER holds the package lockstep (cmake -DLOCKSTEP_PYTHON=ON). Where it was not built, or NumPy, pandas, h5py or
matplotlib are missing, this says so and ends with 77, which ctest shows as "skipped".
"""
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

program, package = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
notebooks = pathlib.Path(__file__).resolve().parents[3] / "train" / "python"


def skip(why):
    print(f"the Python module was not tested: {why}")
    sys.exit(77)


for name in ("numpy", "pandas", "h5py", "matplotlib"):
    if importlib.util.find_spec(name) is None:
        skip(f"{name} is missing (apt-get install python3-{name})")
if not list(package.glob("lockstep/_lockstep*.so")):
    skip("it was not built (apt-get install pybind11-dev; cmake -DLOCKSTEP_PYTHON=ON)")
os.environ["MPLBACKEND"] = "agg"
sys.path.insert(0, str(package))

import h5py  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

import lockstep as ls  # noqa: E402

SMALL = ["--layers", "2", "--width", "16", "--heads", "2", "--mlp", "16", "--batch", "8"]


def lockstep(*words):
    subprocess.run([program, *map(str, words)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Tensors(unittest.TestCase):
    def test_memory_is_shared_both_ways(self):
        array = np.zeros((2, 3), np.float32)
        x = ls.from_numpy(array)
        array[1, 2] = 5
        self.assertEqual(x[1][2].item(), 5)
        x.numpy()[0, 0] = 7
        self.assertEqual(array[0, 0], 7)
        turned = ls.transpose(x, 0, 1).numpy()  # a view keeps the memory
        array[0, 1] = 3
        self.assertEqual(turned[1, 0], 3)
        self.assertTrue(np.shares_memory(turned, array))

    def test_memory_outlives_its_owner(self):
        x = ls.from_numpy(np.full(1000, 4.0))
        view = ls.from_numpy(np.arange(6.0).reshape(2, 3))[1].numpy()
        np.testing.assert_array_equal(view, [3, 4, 5])
        self.assertEqual(ls.sum(x).item(), 4000)

    def test_a_copy_where_memory_cannot_be_shared(self):
        array = np.arange(12.0).reshape(3, 4)
        np.testing.assert_array_equal(ls.from_numpy(array.T).numpy(), array.T)
        array.setflags(write=False)
        ls.from_numpy(array).numpy()[0, 0] = 9
        self.assertEqual(array[0, 0], 0)

    def test_gradients(self):
        x = ls.tensor([[1.0, 2.0], [3.0, 4.0]], "f64", requires_grad=True)
        y = ls.sum(ls.exp(x) @ x * 0.5 - x ** 3.0)
        (slope,) = ls.grad(y, [x], create_graph=True)
        values, small = x.numpy().copy(), 1e-6

        def at(v):
            return (np.exp(v) @ v * 0.5 - v ** 3).sum()

        for i in np.ndindex(2, 2):
            step = np.zeros((2, 2))
            step[i] = small
            self.assertAlmostEqual(slope.numpy()[i], (at(values + step) - at(values - step)) / (2 * small), places=5)
        y.backward()
        np.testing.assert_allclose(x.grad.numpy(), slope.numpy())
        with ls.no_grad():
            self.assertFalse((x * 2.0).requires_grad)
        self.assertTrue((x * 2.0).requires_grad)

    def test_arrays_go_where_tensors_go(self):
        x = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)
        np.testing.assert_allclose(ls.softmax(x).numpy().sum(-1), 1, rtol=1e-6)
        np.testing.assert_allclose(np.asarray(ls.mean(x, dims=[0])), x.mean(0), rtol=1e-5)
        self.assertEqual(ls.tensor([True, False]).dtype, "u8")
        self.assertEqual([row.shape for row in ls.from_numpy(x)], 4 * [(5,)])
        self.assertEqual(ls.from_numpy(x)[-1][2].item(), x[-1, 2])

    def test_errors_say_what_is_wrong(self):
        with self.assertRaisesRegex(ls.LockstepError, "matmul"):
            ls.matmul(np.zeros((2, 3)), np.zeros((2, 3)))
        with self.assertRaisesRegex(ls.LockstepError, "there is no option heads: expected one of hidden_size"):
            ls.SABlock(ls.Scope(), hidden_size=8, heads=2)
        with self.assertRaisesRegex(ls.LockstepError, "dtype float16"):
            ls.from_numpy(np.zeros(3, np.float16))
        with self.assertRaisesRegex(IndexError, "index 1 of 1"):
            ls.tensor([1.0])[1]


class Models(unittest.TestCase):
    def test_a_block_learns(self):
        scope = ls.Scope(seed=0)
        block = ls.SABlock(scope / "attn", hidden_size=16, num_heads=2, use_combined_linear=False)
        adam = ls.AdamW(scope.parameters, lr=1e-2, weight_decay=0.0)
        x = np.random.default_rng(0).normal(size=(4, 6, 16)).astype(np.float32)
        losses = []
        for _ in range(20):
            adam.zero_grad()
            loss = ls.mse_loss(block(x), x)
            loss.backward()
            adam.step()
            losses.append(loss.item())
        self.assertLess(losses[-1], 0.9 * losses[0])
        self.assertIn("attn.to_q.weight", list(scope.parameters))

    def test_storages_convert_and_agree(self):
        settings = dict(num_tokens=7, max_seq_len=5, attn_layers_dim=16, attn_layers_depth=1, attn_layers_heads=2)
        tokens = np.arange(5)[None]
        apart, whole = ls.Scope(seed=3), ls.Scope(seed=4)
        model = ls.DecoderOnlyTransformer(apart, use_combined_linear=False, **settings)
        other = ls.DecoderOnlyTransformer(whole, use_combined_linear=True, **settings)
        with tempfile.TemporaryDirectory() as folder:
            apart.parameters.save(f"{folder}/w.safetensors")
            self.assertIn("to_q", whole.parameters.load(f"{folder}/w.safetensors"))
        np.testing.assert_allclose(model(tokens).numpy(), other(tokens).numpy(), atol=1e-6)

    def test_trace_sees_and_changes(self):
        scope = ls.Scope(seed=0)
        vit = ls.ViT(scope, in_channels=1, img_size=[8], patch_size=[4], hidden_size=8, mlp_dim=8, num_layers=1, num_heads=2,
                     classification=True, num_classes=3, spatial_dims=2, post_activation=False)
        images = np.random.default_rng(0).normal(size=(2, 1, 8, 8)).astype(np.float32)
        with ls.Trace("blocks.0.attn.weights") as trace:
            before = vit(images)
        np.testing.assert_allclose(trace["blocks.0.attn.weights"].numpy().sum(-1), 1, rtol=1e-5)
        changed = ls.Trace()
        changed.change("blocks.0.attn.heads", lambda heads: heads * 0.0)
        with changed:
            after = vit(images)
        self.assertGreater(np.abs(before.numpy() - after.numpy()).max(), 1e-4)
        np.testing.assert_array_equal(vit(images).numpy(), before.numpy())  # the change is over


class Files(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        os.chdir(cls.folder.name)
        lockstep("train", "--task", "copy", *SMALL, "--steps", 20)
        lockstep("train", "--task", "digits", *SMALL, "--steps", 10)
        lockstep("study", "--task", "copy", *SMALL, "--seeds", 6, "--steps", 12, "--curve-steps", 4, "--threshold", 2.75,
                 "--lr", 0.01, "--tune", "off")

    @classmethod
    def tearDownClass(cls):
        os.chdir("/")
        cls.folder.cleanup()

    def test_a_training_opens_with_its_weights(self):
        for task in ("copy", "digits"):
            model = ls.open(f"out/train-{task}")
            inputs, targets = ls.validation(task, seed=0, size=1000)
            logits, right = model(inputs).numpy(), targets.numpy()
            losses = pd.read_csv(f"out/train-{task}/metrics.csv")
            asked = right != -100
            with h5py.File(f"out/train-{task}/checkpoint.h5") as file:
                name = "blocks.0.mlp.linear1.weight"
                np.testing.assert_array_equal(file["weights"][name][:], model.parameters[name].numpy())
            share = (logits.argmax(-1) == right)[asked].mean()
            self.assertAlmostEqual(share, losses.validation_accuracy.iloc[-1], delta=0.03)

    def test_a_study_is_data_frames(self):
        study = ls.read("out/default")
        self.assertEqual(set(study.arms.arm), set(study.runs.arm))
        rounding = study.contrasts[(study.contrasts.cause == "rounding") & (study.contrasts.primary == 1)].iloc[0]
        self.assertEqual(rounding.pairs, 6)
        of_run = study.curves[(study.curves.arm == "A0") & (study.curves.seed == 2)]
        run = study.runs[(study.runs.arm == "A0") & (study.runs.seed == 2)].iloc[0]
        self.assertEqual(len(of_run), run.steps_run)
        self.assertEqual(of_run.loss.iloc[-1], run.final_loss)

    def test_one_line_each_without_the_module(self):
        self.assertIn("optimise_by", pd.read_csv("out/default/arms.csv").columns)
        arms = pd.DataFrame(dict(h5py.File("out/default/study.h5")["arms"].attrs))
        self.assertEqual(arms.storage[0], "separate")

    def test_notebooks_run(self):
        for name in ("attention", "study"):
            cells = json.loads((notebooks / f"{name}.ipynb").read_text())["cells"]
            scope = {"__name__": name}
            for cell in cells:
                if cell["cell_type"] == "code":
                    exec(compile("".join(cell["source"]), f"{name}.ipynb", "exec"), scope)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
