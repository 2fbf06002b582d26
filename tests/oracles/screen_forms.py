"""The lists that people export from the screens of help desks, made from one story: name, form of times, columns.

A column is ``Name = what``: ``i`` the id, ``o r c u d`` the times of opening, first reply, end, last change and due,
``rm rc cm ch cc`` how long reply and end took (minutes, hours, clock), ``s good/bad/else`` the answer on satisfaction,
``st open/done`` the state, ``g`` the team, ``p`` the priority, ``w`` a person, and ``= text`` anything else.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import random
import tomllib
from dataclasses import dataclass
from pathlib import Path

from deskcast.features.sources.load import load_source
from deskcast.pipelines.init.init import format_config
from deskcast.pipelines.project.config import parse_config


@dataclass(frozen=True)
class Case:
    """One case of the story; without an end it is open."""

    number: int
    opened: dt.datetime
    replied: dt.datetime
    ended: dt.datetime | None
    answer: str


def story(n: int = 60) -> list[Case]:
    """Return the cases, with times to the minute; a fifth is open, and some of the others have answered."""
    rng = random.Random(5)
    at, out = dt.datetime(2024, 3, 4, 8, 3), []
    for i in range(n):
        at += dt.timedelta(minutes=rng.randint(20, 900))
        replied = at + dt.timedelta(minutes=rng.randint(3, 300))
        ended = None if i % 5 == 4 else replied + dt.timedelta(minutes=rng.randint(5, 6000))
        answer = rng.choice(["good", "bad", ""]) if ended else ""
        out.append(Case(1000 + i, at, replied, ended, answer))
    return out


SCREENS: dict[str, tuple[str, str, str, str]] = {
    # name: times, delimiter, encoding, columns
    "zendesk view": ("%Y-%m-%d %H:%M", ",", "utf-8",
        "Id = i; Requester = w; Group = g; Status = st Open/Closed; Priority = p; Via = = Web; Created at = o; "
        "Updated at = u; Due date = = ; Solved at = c; Satisfaction Score = s Good/Bad/Not Offered; Reopens = = 0; "
        "First reply time in minutes = rm; First reply time in minutes within business hours = = 5; "
        "Full resolution time in minutes = cm"),
    "freshdesk": ("%Y-%m-%d %H:%M:%S", ",", "utf-8",
        "Ticket ID = i; Status = st Open/Closed; Priority = p; Source = = Email; Group = g; Created time = o; "
        "Due by Time = d; Resolved time = c; Closed time = c; Initial response time = r; "
        "First response time (in hrs) = rc; Resolution time (in hrs) = cc; "
        "Survey results = s Extremely satisfied/Extremely dissatisfied/"),
    "freshdesk without times": ("%Y-%m-%d %H:%M:%S", ",", "utf-8",
        "Ticket ID = i; Status = st Open/Closed; Created time = o; Due by Time = d; First response time (in hrs) = rc; "
        "Resolution time (in hrs) = cc; Last update time = u; Survey results = s Happy/Unhappy/"),
    "hubspot": ("%Y-%m-%d %H:%M", ",", "utf-8",
        "Ticket ID = i; Ticket name = = x; Ticket status = st New/Closed; Create date = o; Close date = c; "
        "Priority = p; "
        "First agent email response date = r; Conversation rating = s 5/1/; Last activity date = u"),
    "intercom": ("%Y-%m-%d %H:%M:%S", ",", "utf-8",
        "Conversation ID = i; Conversation started at (America/New_York) = o; Conversation state = st Open/Closed; "
        "First response at (America/New_York) = r; Conversation closed at (America/New_York) = c; "
        "Conversation rating = s 5/1/; Last updated = u"),
    "jira in French": ("%d/%m/%Y %H:%M", ";", "utf-8",
        "Clé de ticket = i; Type de ticket = = Incident; État = st Ouvert/Terminé; Priorité = p; Création = o; "
        "Mise à jour = u; Résolu = c; Échéance = d; Date de première réponse = r; Satisfaction client = s 5/2/"),
    "servicenow in German": ("%d.%m.%Y %H:%M:%S", ";", "cp1252",
        "Nummer = i; Geöffnet = o; Anrufer = w; Priorität = p; Status = st Neu/Geschlossen; Zuweisungsgruppe = g; "
        "Aktualisiert = u; Gelöst = c; Erste Reaktion am = r; Zufriedenheit = s zufrieden/unzufrieden/"),
    "salesforce in German": ("%d.%m.%Y %H:%M", ";", "cp1252",
        "Kundenvorgangsnummer = i; Datum/Uhrzeit der Öffnung = o; Datum/Uhrzeit des Abschlusses = c; Priorität = p; "
        "Status = st Neu/Geschlossen; Erste Antwort = r; Bewertung = s gut/schlecht/"),
    "salesforce in Spanish": ("%d/%m/%Y %H:%M", ",", "utf-8",
        "Número del caso = i; Fecha/Hora de apertura = o; Fecha/Hora de cierre = c; Estado = st Nuevo/Cerrado; "
        "Fecha de primera respuesta = r; Satisfacción = s Bueno/Malo/"),
    "glpi in Portuguese": ("%d/%m/%Y %H:%M", ";", "utf-8-sig",
        "ID = i; Título = = x; Estado = st Em atendimento (atribuído)/Fechado; Data de abertura = o; "
        "Data da solução = c; Prazo = d; Data da primeira resposta = r; Avaliação = s Bom/Ruim/"),
    "glpi in Italian": ("%d-%m-%Y %H:%M", ";", "utf-16",
        "ID = i; Stato = st In corso (assegnato)/Chiuso; Data di apertura = o; Data di chiusura = c; Scadenza = d; "
        "Data prima risposta = r; Valutazione = s Buono/Cattivo/"),
    "osticket, durations in German": ("%d.%m.%Y %H:%M", ";", "utf-8",
        "Ticketnummer = i; Erstellt am = o; Status = st Offen/Erledigt; Erstantwortzeit (Minuten) = rm; "
        "Lösungszeit (Minuten) = cm; Fällig am = d; Letzte Änderung = u; Bewertung = s \U0001f603/\u2639/"),
    "manageengine": ("%d/%m/%Y %I:%M %p", ",", "utf-8",
        "RequestID = i; Technician = w; Group = g; Request Status = st Open/Closed; Created Time = o; "
        "Responded Time = r; Resolved Time = c; DueBy Time = d; First Response DueBy Time = d; "
        "Survey Rating = s 5/1/"),
    "zoho, durations": ("%d %b %Y %I:%M %p", ",", "utf-8",
        "Ticket Number = i; Status = st Open/Closed; Channel = = Email; Department = g; Created Time = o; "
        "Modified Time = u; Due Date = d; Ticket Closed Time = c; First response time (min) = rm; "
        "Happiness Rating = s Good/Bad/"),
    "bmc, no end is 1970": ("%m/%d/%Y %I:%M:%S %p", ",", "utf-8",
        "Incident ID*+ = i; Reported Date+ = o; Last Resolved Date = c1970; Assigned Group*+ = g; Priority* = p; "
        "Status* = st Assigned/Closed; First Response Date = r; Customer Satisfaction = s 5/1/"),
    "clocks with an h": ("%d/%m/%Y", ";", "utf-8",
        "Numéro = i; Date ouverture = o; Heure ouverture = oh; Date clôture = c; Heure clôture = ch2; "
        "Délai de première réponse (min) = rm; Note de satisfaction = s 5/1/"),
}  # fmt: skip


def write_screen(name: str, folder: Path) -> Path:
    """Write a list of the story in the form of a screen."""
    form, mark, encoding, columns = SCREENS[name]
    plan = [part.strip(" ").split(" = ", 1) for part in columns.split(";")]
    out = io.StringIO()
    writer = csv.writer(out, delimiter=mark, lineterminator="\n")
    writer.writerow([head for head, _ in plan])
    writer.writerows([[_cell(case, what, form) for _, what in plan] for case in story()])
    file = folder / "export.csv"
    file.write_bytes(out.getvalue().encode(encoding))
    return file


def _cell(case: Case, what: str, form: str) -> str:
    code, _, rest = what.partition(" ")
    took = {"r": case.replied - case.opened, "c": case.ended - case.opened if case.ended else None}.get(code[0])
    if code == "=":
        return rest
    if code == "st":
        return rest.split("/")[case.ended is not None]
    if code == "s":
        good, bad, other = rest.split("/")
        return {"good": good, "bad": bad}.get(case.answer, other)
    if code in ("oh", "ch2"):
        at = case.opened if code == "oh" else case.ended
        return f"{at:%Hh%M}" if at else ""
    if code in ("rm", "cm"):
        return "" if took is None else str(round(took.total_seconds() / 60))
    if code in ("rc", "cc"):
        seconds = 0 if took is None else round(took.total_seconds())
        return "" if took is None else f"{seconds // 3600}:{seconds % 3600 // 60:02d}:{seconds % 60:02d}"
    if code == "c1970":
        return f"{case.ended or dt.datetime(1970, 1, 1):{form}}"
    times = {"o": case.opened, "r": case.replied, "c": case.ended, "u": case.ended or case.replied}
    times["d"] = case.opened + dt.timedelta(hours=24 + 24 * (case.number % 3))
    if code in times:
        return f"{times[code]:{form}}" if times[code] else ""
    return {
        "i": str(case.number),
        "g": "AB"[case.number % 2],
        "p": str(1 + case.number % 3),
        "w": f"P {case.number % 7}",
    }[code]


def read(paths, folder):
    """Return what ``init`` and a run make of files: tables by name, and the configuration."""
    text = format_config(paths, folder)
    config = parse_config(tomllib.loads(text), folder=folder)
    tables = {}
    for spec in config.sources:
        tables |= load_source(spec, folder).tables
    return tables, text
