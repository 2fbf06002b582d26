"""Lists from the screens of help desks, in six languages: each is read as the story that it was made from."""

import pandas as pd
import pytest
from screen_forms import SCREENS, read, story, write_screen


def instants(frame):
    return frame.set_index("case_id")["at"].dt.tz_localize(None).to_dict()


@pytest.mark.parametrize("name", SCREENS)
def test_a_list_from_a_screen_tells_openings_replies_ends_and_satisfaction(name, tmp_path):
    tables, text = read([write_screen(name, tmp_path)], tmp_path)
    cases, events = tables["cases"], tables["events"]
    wanted = {str(c.number): c for c in story()}
    assert cases.set_index("case_id")["created_at"].dt.tz_localize(None).to_dict() == {
        i: c.opened for i, c in wanted.items()
    }
    ends = events[events["kind"].isin(["resolved", "closed"])].drop_duplicates("case_id")
    assert instants(ends) == {i: c.ended for i, c in wanted.items() if c.ended}
    replies = events[(events["kind"] == "message") & events["actor_role"].eq("agent")]
    assert instants(replies) == {i: c.replied for i, c in wanted.items()}
    answers = tables["surveys"].dropna(subset=["score"]).set_index("case_id")["score"]
    scores = {"good": 5.0, "bad": 1.0}
    given = {i: scores[c.answer] for i, c in wanted.items() if c.answer}
    if "jira" in name:
        given = {i: 2.0 if s == 1.0 else s for i, s in given.items()}
    assert answers.to_dict() == given
    assert "created_at" in text or 'kind = "zendesk"' in text


NESTED = {
    "hubspot": lambda i, o, r, c: {"id": i, "properties": {
        "createdate": o, "closed_date": c, "first_agent_reply_date": r, "hs_priority": "HIGH"}, "archived": False},
    "intercom": lambda i, o, r, c: {"id": i, "created_at": o, "updated_at": c or o, "statistics": {
        "first_contact_reply_at": o, "first_admin_reply_at": r, "last_close_at": c}},
    "shown beside the value": lambda i, o, r, c: {"display_id": i, **{
        k: v and {"display_value": f"{pd.Timestamp(v):%b %d, %Y}", "value": v}
        for k, v in (("created_time", o), ("responded_time", r), ("resolved_time", c))},
        "technician": {"id": str(int(i) % 4), "name": "T"}, "status": {"name": "Closed" if c else "Open"}},
}  # fmt: skip


@pytest.mark.parametrize("name", NESTED)
def test_nested_records_of_an_interface_are_read_by_the_names_inside(name, tmp_path):
    iso = [
        (str(c.number), *(t.isoformat() + "Z" if t else None for t in (c.opened, c.replied, c.ended))) for c in story()
    ]
    file = tmp_path / "tickets.json"
    file.write_text(
        pd.io.json.ujson_dumps({"_embedded": {"tickets": [NESTED[name](*one) for one in iso]}, "page": {"n": 1}})
    )
    tables, _ = read([file], tmp_path)
    wanted = {str(c.number): c for c in story()}
    events = tables["events"]
    assert tables["cases"]["case_id"].tolist() == sorted(wanted)
    assert instants(events[events["kind"].isin(["resolved", "closed"])]) == {
        i: c.ended for i, c in wanted.items() if c.ended
    }
    assert instants(events[events["kind"] == "message"]) == {i: c.replied for i, c in wanted.items()}
