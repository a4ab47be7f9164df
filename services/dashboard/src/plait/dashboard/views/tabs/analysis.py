"""What a model made of a branch: asked for, on its way, done, or failed with its reason."""

from __future__ import annotations

from typing import Final

import streamlit as st
from pydantic import ValidationError

from plait.common import analyses
from plait.common.analysis import LONGEST_WISH
from plait.common.analysis import Analysis as Findings
from plait.common.queries.analyses import Analysis, BranchPlace, get_analysis
from plait.dashboard import acting
from plait.dashboard.database import read
from plait.dashboard.islands.element import island
from plait.dashboard.islands.markdown import markdown
from plait.dashboard.islands.render import render
from plait.dashboard.islands.tree import MAIN
from plait.dashboard.views.filters import readable
from plait.dashboard.views.told import Told
from plait.dashboard.visitor import visitor

_LOOK_EVERY_S: Final = 3
_ON_ITS_WAY: Final = frozenset({"pending", "processing"})


def show(told: Told) -> None:
    """Draw the tab; of all branches the main one is meant."""
    branch = told.wanted.branch or MAIN
    found = read(get_analysis, told.wanted.id, branch)
    _state(told, branch, found)
    if not found or found.status not in _ON_ITS_WAY:
        _ways_to_ask(told, branch, found)
    if found and found.has_content:
        _result(told, found)


def _state(told: Told, branch: str, found: Analysis | None) -> None:
    if found and found.status in _ON_ITS_WAY:
        st.fragment(_follow, run_every=_LOOK_EVERY_S)(told, branch, found.status)
    else:
        island(render("analysis_state.html", told=told, branch=branch, a=found), key="analysis_state")


def _follow(told: Told, branch: str, status: str) -> None:
    """Look again every few seconds while a model is at work, and draw the whole page when it is done."""
    now = read(get_analysis, told.wanted.id, branch)
    if now is None or now.status != status:
        st.rerun()
    island(render("analysis_state.html", told=told, branch=branch, a=now), key="analysis_state")


def _result(told: Told, found: Analysis) -> None:
    findings = _findings(found)
    written = None if findings else markdown(found.content or "")
    island(render("analysis.html", told=told, a=found, found=findings, written=written), key="analysis")


def _findings(found: Analysis) -> Findings | None:
    """What was found, if it has the form that was asked for."""
    try:
        return Findings.model_validate(found.data) if found.data is not None else None
    except ValidationError:
        return None


def _ways_to_ask(told: Told, branch: str, found: Analysis | None) -> None:
    """The form, right below what is said of the analysis; folded where a result follows."""
    if not visitor().may_ask:
        island(render("analysis_closed.html"), key="analysis_closed")
    elif found and found.has_content:
        with st.expander("Analyse it again", key="analysis_again"):
            _form(told, branch, found)
    else:
        with st.container(border=True, key="analysis_form"):
            _form(told, branch, found, title="Have it analysed again" if found else "Have it analysed")


def _form(told: Told, branch: str, found: Analysis | None, title: str = "") -> None:
    island(render("analysis_form.html", title=title), key="analysis_words")
    wish = st.text_area(
        "What should it look at?",
        key="analysis_wish",
        placeholder="Optional: a question of yours, such as “Why did it take so many attempts?”",
        max_chars=LONGEST_WISH,
    )
    label = "Analyse again" if found else "Analyse this branch"
    if st.button(label, type="primary", key="analysis_ask"):
        _ask(told, branch, readable(wish, LONGEST_WISH) or None, again=bool(found and found.status == "completed"))


def _ask(told: Told, branch: str, wish: str | None, *, again: bool) -> None:
    place = BranchPlace(conversation_id=told.wanted.id, branch_id=branch, domain=told.conversation.domain)
    caller = analyses.Caller(f"key {visitor().grant.name}")
    about = {"id": str(told.wanted.id), "branch": branch}
    try:
        if again:
            acting.ask(about, analyses.regenerate, place, caller, wish)
        else:
            acting.ask(about, analyses.ask, place, caller, wish)
    except analyses.TooMany as refused:
        st.warning(str(refused))
        return
    st.rerun()
