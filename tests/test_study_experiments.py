"""Experiments and own files, what the scheduler decides, costs, progress displays; no training."""

import io
import json
import signal
import subprocess
from dataclasses import replace

import pandas as pd
import pytest
from made import small_cohort

from leuknet._io import write_json
from leuknet.baselines.registry import BASELINES
from leuknet.baselines.settings import BaselineSettings
from leuknet.cli import runs
from leuknet.evaluation.splits import lodocv
from leuknet.exceptions import LeuknetError
from leuknet.models.settings import TrainSettings
from leuknet.runs import failures, progress, query
from leuknet.runs.executors.scheduler import RETRIES, Ending, Scheduler
from leuknet.runs.planning import cost, throughput
from leuknet.runs.record import seal
from leuknet.runs.spec import RunSpec
from leuknet.runs.store import Store, write_failure
from leuknet.study import experiments
from leuknet.study.comparison import VARIANTS
from leuknet.study.study import open_study

SETTINGS = TrainSettings(backbone="VGG16-nano", weights="random", epochs=4, batch=8)
RECIPE = {"data": None, "size": 32, "fraction": 0.001, "floor": 2, "seed": 0}


@pytest.fixture
def cohort():
    return small_cohort()


@pytest.fixture
def specs(cohort):
    split = lodocv(cohort.table)
    return [RunSpec(SETTINGS, split, fold, 1, cohort.key, recipe=RECIPE) for fold in split.folds]


@pytest.fixture
def study(cohort, tmp_path):
    opened = open_study("train", "paper", out=tmp_path, folds=3, repeats=2)
    opened.cohort = opened.gallery = cohort
    return opened


def finish(store, spec, seconds=10.0, p=0.5):
    """Leave what a finished run leaves, made by this machine."""
    folder = store.describe(spec)
    test = spec.split.table.query("fold == @spec.fold and role == 'test'")["image_id"]
    frame = pd.DataFrame({"image_id": test, "y": [i % 2 for i in range(len(test))], "p": p, "split": "test"})
    frame = frame.assign(data_set="d", source="d", group=test.to_numpy(), fold=spec.fold, seed=spec.seed)
    frame.to_parquet(folder / "predictions.parquet")
    pd.DataFrame({"epoch": [1, 2, 3, 4], "seconds": [4.0, 2.0, 2.0, 2.0]}).to_csv(folder / "history.csv")
    (folder / "environment.json").write_text(json.dumps(cost.environment()))
    (folder / "weights.json").write_text('{"weights": "random"}')
    seal(folder, {"seconds": seconds, "images_trained": 30})
    return folder


@pytest.mark.slow
def test_the_papers_experiments_have_the_papers_counts(study):
    study.profile = study.profile.but(folds=5, repeats=20, comparison_seeds=5)
    study.cohort = study.gallery = small_cohort(per_class=30, data_sets=("ALL-IDB 1", "ALL-IDB 2", "UFG"))
    plans = experiments.runs_of(study, ["all"])
    counts = {name: len(plan) for name, plan in plans.items()}
    assert [counts[f"table{n}"] for n in (3, 4, 5, 6, 7)] == [40, 40, 20, 20, 20]  # approaches x 5 runs x 2 test sets
    assert (counts["table8"], counts["table9"], counts["table10"]) == (50, 40, 8)
    ours = {name: sum(not isinstance(s.settings, BaselineSettings) for s in plan) for name, plan in plans.items()}
    baselines, runs = len(BASELINES) - len(VARIANTS), 5 + 15 + 15  # pooled, LODOCV, leave-one-source-out
    assert (ours["table11"], counts["table11"]) == (2 * runs, (2 + baselines) * runs)
    assert ours["table12"] == ours["table13"] == 200 and counts["table12"] == counts["table13"] == 300  # and Vogado
    every = experiments.together(plans)
    assert (
        len({spec.key for spec in every}) == len(every) == 140 + 30 + 300 + (2 + baselines) * 20
    )  # each source is one set
    assert sum(spec.keep_model for spec in every) >= 8  # page 07 looks into the networks


def test_unknown_experiment(study):
    with pytest.raises(LeuknetError, match="no experiment 'table1'"):
        experiments.runs_of(study, ["table1"])


def test_a_record_alone_gives_the_run_back(specs, tmp_path):
    store = Store(tmp_path)
    folder = store.describe(replace(specs[0], keep_model=True))
    again = RunSpec.read(folder)
    assert again.key == specs[0].key and again.keep_model and again.recipe == RECIPE
    assert again.split.folds == [specs[0].fold]
    before = (folder / "run.json").read_bytes()
    store.describe(again)
    assert (folder / "run.json").read_bytes() == before  # the whole split's hash stays
    changed = json.loads(before)
    changed["settings"]["epochs"] = 9
    (folder / "run.json").write_text(json.dumps(changed))
    with pytest.raises(LeuknetError, match="was changed"):
        RunSpec.read(folder)
    (folder / "run.json").write_text(json.dumps(json.loads(before) | {"schema": 1}))
    with pytest.raises(LeuknetError, match=r"no record of this version \(schema 1, not \d+\): retrain it"):
        RunSpec.read(folder)
    with pytest.raises(LeuknetError, match="holds no run"):
        RunSpec.read(tmp_path)


def test_a_killed_run_is_tried_again_twice_and_a_refused_one_never(specs, tmp_path):
    store = Store(tmp_path)
    finish(store, specs[0])
    scheduler = Scheduler(specs, store)
    assert scheduler.before == 1 and len(scheduler.waiting) == 2
    killed = scheduler.next()
    for _ in range(RETRIES):
        scheduler.ended(killed, Ending(failures.KILLED, "killed"))
        assert scheduler.next(fits=lambda spec: spec == killed) == killed
    scheduler.ended(killed, Ending(failures.KILLED, "killed"))
    assert killed.key in scheduler.failed and scheduler.attempts[killed.key] == 1 + RETRIES
    assert json.loads((store.folder(killed) / "failed.json").read_text())["outcome"] == "killed"
    spec = scheduler.next()
    scheduler.ended(spec, Ending(failures.REFUSED, "one class only"))
    assert not scheduler.unfinished and scheduler.failed[spec.key] == "one class only"
    later = Scheduler(specs, store)
    assert later.failed == {spec.key: "one class only (--again tries it)"} and list(later.waiting) == [killed.key]
    assert len(Scheduler(specs, store, again=True).waiting) == 2


def test_what_this_set_up_does_not_allow_is_given_up_until_the_next_call(specs, tmp_path):
    store = Store(tmp_path)
    scheduler = Scheduler(specs[:1], store)
    scheduler.ended(scheduler.next(), Ending(failures.SETUP, "LEUKNET_WEIGHTS=/nowhere is not a folder"))
    assert not scheduler.unfinished and "not a folder" in scheduler.failed[specs[0].key]
    scheduler = Scheduler(specs[:1], store)
    assert scheduler.failed == {} and scheduler.next() == specs[0]
    scheduler.ended(specs[0], Ending(failures.SETUP, "needs JAX"))
    assert json.loads((store.folder(specs[0]) / "failed.json").read_text())["reason"] == "needs JAX"


def test_a_run_of_another_process_is_left_to_it(specs, tmp_path, monkeypatch):
    store = Store(tmp_path)
    scheduler = Scheduler(specs[:1], store)
    scheduler.ended(scheduler.next(), Ending(failures.BUSY))
    assert scheduler.next() is None and scheduler.unfinished  # not at once again
    finish(store, specs[0])  # the other process ends it
    moment = scheduler.began + 1000
    monkeypatch.setattr("time.monotonic", lambda: moment)
    assert scheduler.next() is None and not scheduler.unfinished and scheduler.trained == 1


def test_runs_are_handed_out_by_structure_the_largest_first(specs, tmp_path):
    """A worker goes on with what it has compiled; a free one takes the structure with most work that none is at."""
    small = [replace(spec, settings=SETTINGS.but(backbone="VGG19-nano", epochs=1)) for spec in specs]
    scheduler = Scheduler([*small, *specs], Store(tmp_path))
    first = scheduler.next()
    assert first in specs and scheduler.images[first.key] == max(scheduler.images.values())
    second = scheduler.next()
    assert second in small
    assert scheduler.next(scheduler.structures[first.key]) in specs
    assert scheduler.next(scheduler.structures[second.key]) in small
    assert scheduler.next(scheduler.structures[first.key]) in specs
    assert scheduler.next(scheduler.structures[first.key]) in small  # its own are gone: it helps with the others
    assert scheduler.next() is None and len(scheduler.running) == 6


def test_time_left_counts_slow_structures_by_their_measured_seconds(specs, tmp_path, monkeypatch):
    """Two fast runs and a slow one with as many images: after the fast ones most of the time is left."""
    slow = replace(specs[2], settings=SETTINGS.but(backbone="VGG19-nano"))
    rates = {cost.keys_of(spec.settings, 32)[0]: rate for spec, rate in ((specs[0], 100.0), (slow, 1.0))}
    monkeypatch.setattr(cost, "measured", lambda store: rates)
    scheduler = Scheduler([*specs[:2], slow], Store(tmp_path))
    assert scheduler.next() is slow
    for spec in specs[:2]:
        finish(scheduler.store, spec)
    assert scheduler.next() is None and len(scheduler.finished) == 2
    monkeypatch.setattr("time.monotonic", lambda: scheduler.began + 10)
    assert progress.counts(scheduler).endswith("about 8 min left")  # 10 s for 2 x 1.2 s of work, and 120 s of it left


def test_costs_come_from_finished_runs_only(specs, tmp_path):
    store = Store(tmp_path)
    table = cost.costs({"mine": specs}, store, 32).iloc[0]
    assert (table["runs"], table["to do"], table["hours"], table["not measured"]) == (3, 3, 0, 3)
    finish(store, specs[0])  # 4 epochs of 30 images in 10 s: 12 images/s
    write_failure(store.describe(specs[1]), failures.REFUSED, "no")
    table = cost.costs({"mine": specs, "too": specs}, store, 32)
    assert list(table["experiment"]) == ["mine", "too", "together"]
    images = cost.images_of(specs[2])
    assert images == 4 * (specs[2].split.table.query("fold == 'C' and role == 'train'").shape[0])
    row = table.iloc[2]
    assert (row["done"], row["refused"], row["to do"], row["images"]) == (1, 1, 1, images)
    assert row["hours"] == pytest.approx(images / 12 / 3600) and row["not measured"] == 0


def test_a_dry_run_lists_the_runs_and_no_hours_where_nothing_was_measured(study, specs, capsys, monkeypatch):
    write_failure(study.store.describe(specs[1]), failures.KILLED, "no")
    runs.print_preview(study, {"mine": specs})
    table, note, systems, *lines = capsys.readouterr().out.splitlines()[2:]
    assert table.split() == ["mine", "3", "0", "0", "3", f"{sum(map(cost.images_of, specs))}", "–", "3"]
    assert "--measure" in note and systems == "comparison systems are timed by finished runs only"
    assert [line.split()[:2] for line in lines] == [
        [spec.key, state] for spec, state in zip(specs, ("planned", "failed", "planned"), strict=True)
    ]
    assert lines[0].endswith(specs[0].label)
    for spec in specs:
        finish(study.store, spec)
    runs.print_preview(study, {"mine": specs})
    lines = capsys.readouterr().out.splitlines()
    assert "precision float32" in lines[0] and lines[2].split()[-2:] == ["0.00", "0"] and " done " in lines[3]
    monkeypatch.setattr(runs, "LISTED", 2)
    runs.print_preview(study, {"mine": specs})
    assert capsys.readouterr().out.splitlines()[-1].startswith("3 runs: too many")


@pytest.mark.slow
def test_a_network_is_measured_in_a_process_of_its_own(monkeypatch, tmp_path):
    monkeypatch.setenv("LEUKNET_CACHE", str(tmp_path))
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    assert "images/s" in throughput.measured(SETTINGS.but(batch=2), 32, batches=1)
    assert len(list((tmp_path / "throughput").glob("*.json"))) == 1


def test_a_measuring_process_says_in_one_line_what_it_cannot_build(monkeypatch):
    unknown = SETTINGS.but(backbone="VGG17")
    with pytest.raises(SystemExit, match="error: backbone 'VGG17' is unknown") as ended:
        throughput.main(json.dumps(unknown.as_dict()), "32", "1")
    done = subprocess.CompletedProcess([], 1, "", f"a warning of a library\n{ended.value.code}\n")
    monkeypatch.setattr(throughput.subprocess, "run", lambda *_, **__: done)
    found = throughput.measured(unknown, 32)
    assert found.startswith("VGG17 mDFT float32: not measured: backbone 'VGG17' is unknown") and "\n" not in found


def test_a_measuring_process_that_is_killed_is_named(monkeypatch):
    killed = subprocess.CompletedProcess([], -signal.SIGKILL, "", "")
    monkeypatch.setattr(throughput.subprocess, "run", lambda *_, **__: killed)
    assert "not measured: its process was killed by SIGKILL" in throughput.measured(SETTINGS, 32)


def test_a_trial_is_kept_for_this_machine(specs, tmp_path, monkeypatch):
    monkeypatch.setenv("LEUKNET_CACHE", str(tmp_path / "cache"))
    assert cost.unmeasured({"mine": specs}, Store(tmp_path), 32) == [SETTINGS]
    name = cost.keys_of(SETTINGS, 32)[0]
    write_json(cost.trials_file(), {name: 50.0})
    assert cost.unmeasured({"mine": specs}, Store(tmp_path), 32) == []
    monkeypatch.setattr(cost, "place", lambda: {"backend": "another"})
    assert cost.unmeasured({"mine": specs}, Store(tmp_path), 32) == [SETTINGS]


def test_records_say_every_state(specs, tmp_path):
    store = Store(tmp_path)
    finish(store, specs[0])
    write_failure(store.describe(specs[1]), failures.MEMORY, "too large")
    with store.held(specs[2]):
        store.describe(specs[2])
        frame = query.records(store.root, every=True).set_index("run")
        assert frame.loc[specs[2].key, "status"] == "running"
        with pytest.raises(failures.RunError, match="another process") as raised, store.held(specs[2], wait=False):
            pass
        assert raised.value.failure == failures.BUSY
    frame = query.records(store.root, every=True).set_index("run")
    assert list(frame.loc[[s.key for s in specs], "status"]) == ["done", "failed", "planned"]
    assert frame.loc[specs[1].key, "reason"] == "too large" and frame.loc[specs[0].key, "weights"] == "random"
    done = query.records(store.root)
    assert list(done["run"]) == [specs[0].key] and done["epochs"].iloc[0] == 4
    assert len(query.chosen(frame, "fold == 'B'", "failed")) == 1
    with pytest.raises(LeuknetError, match="no status 'finished': choose done"):
        query.chosen(frame, state="finished")
    with pytest.raises(LeuknetError, match="joined by and, or, not"):
        query.chosen(frame, "fold ==")
    for name in ("t.csv", "t.parquet"):
        query.save(frame.reset_index(), tmp_path / name)
    assert len(pd.read_parquet(tmp_path / "t.parquet")) == len(pd.read_csv(tmp_path / "t.csv")) == 3
    with pytest.raises(LeuknetError, match=".csv or .parquet"):
        query.save(frame, tmp_path / "t.xls")


def test_two_runs_compared(specs, tmp_path):
    store = Store(tmp_path)
    a, b = finish(store, specs[0], p=0.2), finish(store, replace(specs[0], seed=2), p=0.8)
    found = query.differences(a, b).set_index("name")
    assert list(found.index) == ["seed"] and list(found.loc["seed"]) == [1, 2]
    frames = [query.read(folder).predictions() for folder in (a, b)]
    same = query.agreement(frames[0], frames[0])
    assert same["equal"] and same["calls"] == 0
    other = query.agreement(*frames)
    assert not other["equal"] and other["calls"] == other["images"] and other["mean"] == pytest.approx(0.6)
    with pytest.raises(LeuknetError, match="different images"):
        query.agreement(frames[0], frames[1].iloc[1:])
    assert set(query.compared(a, b)["metric"]) >= {"A", "R", "S"}
    assert query.find(specs[0].key[:6], store.root) == a
    with pytest.raises(LeuknetError, match="no runs by this name"):
        query.find("zz", store.root)


def test_progress_displays(specs, tmp_path, capsys):
    from rich.console import Console

    store = Store(tmp_path)
    finish(store, specs[0])
    scheduler, text = Scheduler(specs, store), io.StringIO()
    spec = scheduler.next()
    store.describe(spec)
    (store.folder(spec) / "progress.json").write_text('{"epoch": 3, "epochs": 4, "loss": 0.5}')
    view = progress.Lines(text)
    view(scheduler)
    scheduler.ended(spec, Ending(failures.KILLED, "killed by SIGKILL"))
    view(scheduler)
    lines = text.getvalue().splitlines()
    assert lines[0] == "1 of 3 runs done, 1 running" and "tried again: killed by SIGKILL" in lines[1]
    scheduler.next()
    view = progress.Table(Console(file=io.StringIO(), width=140, force_terminal=True))
    view(scheduler)
    view.close()
    drawn = view.live.console.file.getvalue()
    assert spec.label in drawn and "1 of 3 runs done" in drawn
    view = progress.Table(Console(file=io.StringIO(), width=40, force_terminal=True))
    scheduler.events += [f"event [{number}] of a length that a narrow terminal would break" for number in range(5)]
    view(scheduler)
    view.close()
    lines = view.live.console.file.getvalue().replace("\x1b[?25h", "").splitlines()  # the cursor comes back
    assert lines[-len(scheduler.events) :] == scheduler.events  # all of them, below the last table
    widget = progress.Widget()
    widget(scheduler)
    capsys.readouterr()
    widget.close()
    assert capsys.readouterr().out.splitlines() == scheduler.events
    assert (widget.bar.value, widget.bar.max) == (1, 3) and "1 running" in widget.text.value
    assert progress.duration(40) == "40 s" and progress.duration(600) == "10 min" and progress.duration(7200) == "2.0 h"
    with progress.watcher(io.StringIO()) as view:
        assert isinstance(view, progress.Lines)
    assert str(scheduler) == f"1 runs: 1 from before, 0 trained in {scheduler.seconds:.0f} s"
