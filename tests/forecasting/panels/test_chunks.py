import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.forecasting import forecast
from deskcast.forecasting.panels.chunks import forecast_chunks, forecast_panel


def many(series=12, days=80, seed=0):
    rng = np.random.default_rng(seed)
    names = np.repeat([f"s{i:03d}" for i in range(series)], days)
    stamps = np.tile(pd.date_range("2024-01-01", periods=days).as_unit("us"), series)
    y = rng.poisson(np.repeat(rng.uniform(5, 80, series), days) * (1 + 0.3 * (np.arange(days * series) % 7 < 5)))
    return pd.DataFrame({"unique_id": names, "ds": stamps, "y": y.astype(float)})


@pytest.fixture(scope="module")
def alone():
    return forecast_panel(many(), 7, "D", chunk=5)


def test_one_chunk_is_the_plain_forecast():
    history = many()
    ahead, plain = forecast_panel(history, 7, "D", chunk=100), forecast(history, 7, "D")
    pd.testing.assert_frame_equal(ahead, plain)
    assert ahead.attrs["model"] == {plain.attrs["model"]: 1}


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_any_number_of_jobs_gives_the_same_numbers(alone, backend):
    pd.testing.assert_frame_equal(alone, forecast_panel(many(), 7, "D", chunk=5, jobs=2, backend=backend))


def test_dask_gives_the_same_numbers(alone):
    distributed = pytest.importorskip("distributed")
    with pytest.raises(InputError, match="no dask client"):
        forecast_panel(many(), 7, "D", chunk=5, jobs=2, backend="dask")
    cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None)
    with cluster, distributed.Client(cluster):
        found = forecast_panel(many(), 7, "D", chunk=5, jobs=2, backend="dask")
    pd.testing.assert_frame_equal(alone, found)


def test_frames_in_turn_and_files_give_the_same_numbers(alone, tmp_path):
    history = many()
    parts = (part for _, part in history.groupby("unique_id"))
    pd.testing.assert_frame_equal(alone, forecast_panel(parts, 7, "D", chunk=5))
    history.to_parquet(tmp_path / "history.parquet", row_group_size=130)
    pd.testing.assert_frame_equal(alone, forecast_panel(tmp_path / "history.parquet", 7, "D", chunk=5))


def test_a_file_is_read_a_few_rows_at_a_time(alone, tmp_path, monkeypatch):
    monkeypatch.setattr("deskcast.forecasting.panels.chunks.BATCH_ROWS", 97)
    many().to_parquet(tmp_path / "history.parquet")
    pd.testing.assert_frame_equal(alone, forecast_panel(tmp_path / "history.parquet", 7, "D", chunk=5))
    many().sort_values("ds").to_parquet(tmp_path / "mixed.parquet")
    with pytest.raises(InputError, match="sort the file by unique_id"):
        forecast_panel(tmp_path / "mixed.parquet", 7, "D", chunk=5)


def test_the_order_of_rows_does_not_matter(alone):
    pd.testing.assert_frame_equal(alone, forecast_panel(many().sample(frac=1, random_state=1), 7, "D", chunk=5))


def test_chunks_that_end_early_are_forecast_for_the_same_days():
    history = many()
    early = history["unique_id"] < "s005"
    history = history[~early | (history["ds"] < "2024-03-10")]
    ahead = forecast_panel(history, 7, "D", chunk=5)
    assert ahead["ds"].min() == history["ds"].max() + pd.Timedelta(days=1)
    assert ahead.groupby("unique_id").size().eq(7).all()


def test_no_more_than_a_few_chunks_are_asked_for_ahead():
    asked = []

    def parts():
        for name, part in many(20).groupby("unique_id"):
            asked.append(name)
            yield part

    ahead = forecast_chunks(parts(), 7, "D", chunk=2)
    next(ahead)
    assert len(asked) == 2
    assert sum(len(part) for part in ahead) == 18 * 7


def test_bad_series_are_named_and_leave_the_others_alone():
    history = many()
    bad = history["unique_id"].isin([f"s{i:03d}" for i in range(5)])
    ahead = forecast_panel(history.assign(y=history["y"].where(~bad, -1.0)), 7, "D", chunk=5)
    assert ahead["unique_id"].nunique() == 7
    assert {row["unique_id"] for row in ahead.attrs["rejected"]} == {f"s{i:03d}" for i in range(5)}
    with pytest.raises(InputError, match="no series can be used"):
        forecast_panel(history.assign(y=-1.0), 7, "D", chunk=5)


def test_progress_counts_series():
    said = []
    forecast_panel(many(), 7, "D", chunk=5, progress=lambda done, of: said.append((done, of)))
    assert said == [(5, 12), (10, 12), (12, 12)]


def test_faults_are_named():
    with pytest.raises(InputError, match="did you mean 'loky'"):
        forecast_panel(many(), 7, "D", backend="loki")
    with pytest.raises(InputError, match="not together"):
        forecast_panel([many(3), many(2)], 7, "D")
    with pytest.raises(InputError, match="no rows"):
        forecast_panel([], 7, "D")
    with pytest.raises(InputError, match="unknown frequency"):
        forecast_panel(many(), 7, "fortnight")
    with pytest.raises(InputError, match="column 'ds'"):
        forecast_panel(many().drop(columns="ds"), 7, "D")
