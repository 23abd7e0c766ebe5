"""Conditions of ``leuknet runs list --where``: names, comparisons and literals; nothing is executed."""

import pandas as pd
import pytest
from hostile import write_finished

from leuknet.exceptions import LeuknetError
from leuknet.runs import query


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return write_finished(tmp_path_factory.mktemp("whole"))


ATTACKS = """\
@pd.io.common.os.system('touch trace')
__import__('os').system('touch trace')
().__class__.__bases__[0].__subclasses__()
backbone.str.upper() == 'VGG16'
backbone.__class__ == 1
[x for x in (1,)] == [1]
(lambda: 1)() == 1
f'{seed}' == '1'
open('/etc/passwd')
seed if seed else fold
seed + 1 == 2
seed ** 99999999 == 1
2 ** 10 ** 10
'a' * 10 ** 10 == fold
seed := 1
print
nowhere == 1
seed ==
seed == 1; fold
seed == 1 # comment \\
{'a': 1} == seed
{1} == seed
seed[0] == 1
seed @ 1
seed & 1
~seed
await seed
yield
*seed
seed < 'a'
seed in 7
-fold == 1
`seed`
'unended
import os
"""


DEEP = ["(" * 990 + "1", "not " * 240 + "seed", "seed == 1 or " * 200, "\0"]


@pytest.mark.parametrize("condition", [*ATTACKS.splitlines(), *DEEP])
def test_a_condition_runs_nothing(whole, condition, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frame = query.records(whole.parent)
    try:
        query.chosen(frame, condition)
    except LeuknetError as error:
        assert "--where" in str(error) and "\n" not in str(error)
    else:
        assert condition.startswith(("seed == 1 #", "not "))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "condition, keys",
    [
        ("backbone == 'VGG16' and epochs > 5", "b"),
        ("backbone == 'VGG16' or seed == 2", "abc"),
        ("1 < epochs <= 50", "abc"),
        ("not (status == 'failed')", "ab"),
        ("status in ['failed', 'done']", "ac"),
        ("status not in ('failed', 'done')", "b"),
        ("seed == -1", ""),
        ("weights == None", "c"),
        ("weights != 'random'", "bc"),
        ("weights < 'z'", "ab"),
        ("dense == [32, 16]", "a"),
        ("'VGG' in backbone", "ab"),
        ("'I' in weights", "b"),
        ("'I' not in weights", "ac"),
        ("seed == fold", "a"),
        ("True", "abc"),
    ],
)
def test_conditions(condition, keys):
    rows = [
        {"run": "a", "status": "done", "backbone": "VGG16", "epochs": 5, "seed": 1, "fold": 1, "weights": "random"},
        {"run": "b", "status": "damaged", "backbone": "VGG16", "epochs": 50, "seed": 3, "fold": 1, "weights": "I"},
        {"run": "c", "status": "failed", "backbone": "ResNet50", "epochs": 2, "seed": 2, "fold": 3},
    ]
    frame = pd.DataFrame(rows).assign(dense=[[32, 16], None, [32]])
    assert "".join(query.chosen(frame, condition)["run"]) == keys
