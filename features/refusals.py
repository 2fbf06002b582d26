"""The codes of errors: what each means, why the input is rejected, and how to correct it.

A code names a kind of mistake by two words, such as ``column.missing``. It stays what it is from release to release, so
that a script can tell kinds apart where the sentence is written for readers.
"""

from __future__ import annotations

from collections.abc import Mapping

from .row_refusals import ROW_REFUSALS, Refusal

#: Code -> what it means.
REFUSALS: Mapping[str, Refusal] = {
    "file.missing": Refusal(
        "Missing file",
        "The path of an export, a configuration or a result names nothing on this machine. A path in "
        "deskcast.toml is seen from the folder of that file, and a pattern such as exports/*.csv may fit nothing.",
        "Look at the names that the message lists, correct the path, or run the command in the folder where "
        "deskcast.toml is (or with --config).",
    ),
    "file.empty": Refusal(
        "The file has no rows",
        "The file, sheet or list holds nothing, only blank lines, or a header without a row below it. An export"
        " that was filtered to nothing looks like this.",
        "Export again with a wider filter; take the file out of the folder if it is meant to be empty.",
    ),
    "file.unreadable": Refusal(
        "The file cannot be read or written",
        "The operating system rejects it: rights are missing, the disk is full, the path is a folder, or another "
        "program holds the file.",
        "Look at the rights of the file and its folder, free space, or name another place.",
    ),
    "file.damaged": Refusal(
        "The file is damaged",
        "The bytes are not what the ending or the first bytes announce: an archive is cut short, a workbook, "
        "Parquet or database file is broken, or a file of deskcast's own was changed by hand.",
        "Copy or export it again; a file of deskcast's own can be removed if what it remembers may be lost.",
    ),
    "file.locked": Refusal(
        "The file needs a password",
        "A workbook or an archive is encrypted. Its content is never guessed at.",
        "Save it without a password, or unpack it first.",
    ),
    "file.kind": Refusal(
        "The file is of another kind than is needed",
        "A binary file was given for a table, a picture for a chart, or a file for a folder (or the other way round).",
        "Give a CSV, JSON, Excel, Parquet, SQLite or DuckDB file, and write charts and reports to the endings "
        "that the message names.",
    ),
    "file.exists": Refusal(
        "The place is taken",
        "Something is there that deskcast does not replace: a deskcast.toml without --force, or a folder"
        " with other files than results.",
        "Choose another folder, or use --force where the message offers it.",
    ),
    "folder.missing": Refusal(
        "Missing folder",
        "A file should be read from or written into a folder that does not exist, or a folder holds no table.",
        "Make the folder, or correct the path.",
    ),
    "text.encoding": Refusal(
        "The text cannot be decoded",
        "The bytes fit neither the encoding that was stated nor one that is recognised.",
        'Set encoding in the source, such as "cp1252" or "utf-16", or save the file as UTF-8.',
    ),
    "text.shape": Refusal(
        "The rows cannot be separated",
        "Rows have other numbers of values than the header, quotes are open, or no delimiter divides the text "
        "into columns.",
        "Set delimiter, quote values that hold the delimiter, or export as XLSX.",
    ),
    "json.invalid": Refusal(
        "This is not JSON that is a table",
        "The text breaks the rules of JSON, a record is no object, or objects are nested too deep.",
        "Export a list of flat objects, or one object a line.",
    ),
    "toml.invalid": Refusal(
        "The configuration is not TOML",
        "The file cannot be parsed, so nothing in it was read. The message has the line.",
        "Mend the line: texts stand in quotes, and a section begins with [name].",
    ),
    "table.unknown": Refusal(
        "Unknown table",
        "A canonical table, a result table, a sheet or a table of a database was named that is not there.",
        "Take a name from those that the message lists.",
    ),
    "column.missing": Refusal(
        "A needed column is missing",
        "A table was given without a column that the task cannot do without, or the map of columns does not say"
        " which it is.",
        'Add it to [source.NAME.columns] as: our name = "the file\'s name", or add the column to the frame.',
    ),
    "column.unknown": Refusal(
        "Unknown column",
        "A name in a map, a list of segments or an option fits no column of the file or of the canonical table."
        " It may be misspelt, or the export has changed.",
        "Compare with the names in the message; deskcast check shows what the file has.",
    ),
    "column.doubled": Refusal(
        "Duplicate column name",
        "Two columns have one name, or a name is taken already, so it is unclear which is meant.",
        "Rename one of them, or leave it out.",
    ),
    "column.empty": Refusal(
        "No row has a value in this column",
        "The column is there, but none of its values can be used. Often the export has filled another "
        "column, or marks missing values by a word.",
        "Choose the other column, or add the word to missing.",
    ),
    "rows.none": Refusal(
        "No row can be used",
        "Every row was rejected, or nothing is left after filters. The message gives the reason of the first.",
        "Mend that reason first: it is likely the same in all rows.",
    ),
    "row.doubled": Refusal(
        "Duplicate row",
        "A case, interval, segment or other key is in several rows where one is possible. Counting both would "
        "be wrong, and leaving one out unasked as well.",
        "Leave one of them out, or add the column that tells them apart.",
    ),
    **ROW_REFUSALS,
    "value.missing": Refusal(
        "A value is missing",
        "A value that has to be there is empty or NaN. It is not taken for 0.",
        "Fill it, or leave the row out.",
    ),
    "value.unreadable": Refusal(
        "The value cannot be read",
        "A text should be a number, a flag or a word of a list, and is none.",
        "Write the value as the message shows what was wanted.",
    ),
    "value.unknown": Refusal(
        "The value is none of those that are possible",
        "A kind, method, level, direction or other choice was given by a name that does not exist.",
        "Take one of the names in the message.",
    ),
    "value.range": Refusal(
        "The value is out of range",
        "A number is negative, above its most, no share between 0 and 1, or not whole, where it has to be.",
        "Give a number within the limits of the message.",
    ),
    "value.length": Refusal(
        "Values do not belong together",
        "Lists or arrays that go together differ in length or shape, or contradict each other.",
        "Give one value for each, in the same order.",
    ),
    "time.none": Refusal(
        "No column of times was found",
        "A log is of things that happened at some time, and no column can be read as dates or times, or none "
        "can be the time of an opening.",
        "Export the column with the date of creation, or say which it is in [source.cases.columns] created_at.",
    ),
    "time.unreadable": Refusal(
        "The time cannot be read",
        "A text should be a date, a time of day or an instant and is none, or none of a column is written in "
        "the format that was stated.",
        'Write it such as 2024-03-01 09:30, or set date_format, such as "%d/%m/%Y %H:%M".',
    ),
    "time.zone": Refusal(
        "The zone of a time is missing or unknown",
        "An instant without a zone means another instant on each clock; or a name is not one of the IANA list.",
        'Give the zone, such as "Europe/Lisbon", or times with their offset.',
    ),
    "time.missing": Refusal(
        "A time is missing",
        "A row, interval or snapshot has no time, so it cannot be placed.",
        "Fill it, or leave the row out.",
    ),
    "time.order": Refusal(
        "The times are in the wrong order",
        "A span ends before it begins, spans overlap, or an instant is after the end of the log.",
        "Exchange the two, or name an instant within the log.",
    ),
    "duration.unreadable": Refusal(
        "The duration cannot be read",
        "Durations carry a unit, as 30min, 2h or 1d, or are clocks (4:25) or numbers of a stated unit.",
        'Write it such as "30min", or say the unit in [source.NAME.units].',
    ),
    "duration.unit": Refusal(
        "Nothing tells the unit of a duration",
        "Numbers may be seconds, minutes or hours, and a time may be the total of an interval or the average of"
        " a contact; a guess could be wrong by a factor of sixty.",
        "Say it in [source.NAME.units], or name the column as total or average, as the message shows.",
    ),
    "calendar.unreadable": Refusal(
        "The opening hours cannot be read",
        "Hours or holidays are written in a way that has no meaning, overlap, are never open, or no country has"
        " this name.",
        'Write open = { mon-fri = ["09:00-18:00"] } and holidays = "PT" or a list of dates.',
    ),
    "calendar.unknown": Refusal(
        "Unknown calendar",
        "A setting names a calendar that no section [calendar.NAME] describes, or the business clock has none.",
        "Add the section, or take one of the names in the message.",
    ),
    "reading.unclear": Refusal(
        "The values do not decide what the file is",
        "Two readings explain the file about equally well, or what is needed is missing: whether a "
        "row is a case or an interval, which time opens a case, how long an interval is. A guess that could be wrong"
        " is asked about, not made.",
        "Run deskcast init on a terminal and answer, or write the lines of the message into deskcast.toml.",
    ),
    "reading.contradicted": Refusal(
        "The values speak against the best reading",
        "The likeliest reading is contradicted by values that it cannot explain, such as rows that repeat one "
        "id, or ends before their opening.",
        "Write the lines of the reading that is right into deskcast.toml, as the message gives them.",
    ),
    "reading.none": Refusal(
        "Nothing here is recognised",
        "No file can be read as cases, events, contacts, surveys or counts, or a report lacks the number of contacts.",
        'Say what the columns mean in a source of kind "table", or give another export.',
    ),
    "source.unknown": Refusal(
        "Unknown kind of source",
        "The kind of a source, or a part of it, is none that deskcast reads; or no source is configured at all.",
        'Take a kind from the message, or "table" with a map of columns.',
    ),
    "source.incomplete": Refusal(
        "The export lacks a table that is needed",
        "A system exports several tables, and the one without which the others say nothing is not there.",
        "Add the file of the table that the message names.",
    ),
    "database.unreachable": Refusal(
        "The database cannot be reached",
        "No server answers at the address, or it does not let this user in. Passwords are never shown.",
        "Check host, port, user and network; write signs such as / ? # @ in a password as %2F %3F %23 %40.",
    ),
    "database.refused": Refusal(
        "The database rejects the query",
        "The server was reached, and what was asked fails: a table is not there, a query is wrong, or a value "
        "has no meaning here.",
        "Try the query in the database's own client, and mend it.",
    ),
    "package.missing": Refusal(
        "A package is not installed",
        "This door or engine needs a library that is not among those that deskcast always brings.",
        "Install the extra that the message names.",
    ),
    "setting.unknown": Refusal(
        "Unknown key",
        "A key of deskcast.toml is unknown. It would be ignored elsewhere; here it is rejected as a likely slip.",
        "Compare with the suggestion in the message.",
    ),
    "setting.missing": Refusal(
        "A setting is needed",
        "A section lacks a key without which it means nothing.",
        "Add the key; the message lists the values it can have.",
    ),
    "setting.invalid": Refusal(
        "The value of a setting cannot be used",
        "A setting is of the wrong type, or out of its limits.",
        "Write the value as the message shows what was wanted.",
    ),
    "setting.conflict": Refusal(
        "Settings contradict each other",
        "Two settings or options exclude each other, or one needs the other.",
        "Leave one of them out, or give both, as the message states.",
    ),
    "kpi.unknown": Refusal(
        "Unknown KPI",
        "The name is in no catalogue and not among those that a plug-in adds.",
        "deskcast history --list shows all names.",
    ),
    "kpi.unavailable": Refusal(
        "This log cannot give it",
        "What was asked needs a table or column that the log does not have, or cannot be split in this way.",
        "deskcast history --list shows what each KPI needs; add the source, or ask for another.",
    ),
    "metric.unknown": Refusal(
        "Unknown SLA",
        "The metric of an [[sla]], a goal or a model is none that is known, or no policy has it.",
        "Take one of the names in the message.",
    ),
    "series.unknown": Refusal(
        "Unknown series",
        "A name fits no series, segment or column of the history or the forecast.",
        "Take one of the names in the message.",
    ),
    "frequency.invalid": Refusal(
        "The frequency or interval cannot be used",
        "A period is none that is known, does not divide a day, or does not fit the intervals of the data.",
        "Use 15min, 30min, h, D, W or MS.",
    ),
    "history.short": Refusal(
        "The history is too short or empty",
        "There is not enough past for what was asked: a fold, a week, a complete time step, a label.",
        "Ask for a shorter horizon or fewer windows, or wait until there is more.",
    ),
    "model.unknown": Refusal(
        "Unknown model or method",
        "The name is not among the methods that are built in or registered.",
        "Take one of the names in the message.",
    ),
    "model.unfitted": Refusal(
        "The model cannot be used for this",
        "It is not fitted yet, was fitted for something else, or gets other columns than it learnt from.",
        "Fit it first, or give the frame that snapshots makes.",
    ),
    "model.altered": Refusal(
        "The stored model is not the one that was promoted",
        "The files of the model in use are gone, or differ from those whose checksum was written down when it was "
        "promoted. Loading a model runs code, so one that somebody may have changed is not loaded.",
        "deskcast models --promote VERSION or --rollback takes another version; deskcast train makes a new one.",
    ),
    "labels.none": Refusal(
        "Nothing can be learnt yet",
        "No case has an outcome that is known, so a model would learn from nothing.",
        "Wait until cases have ended, or add the source of their outcomes.",
    ),
    "queue.empty": Refusal(
        "Nothing is known of this queue",
        "No contact or case has arrived, or the AHT is not known, so no number of agents can be given.",
        "Check the names in [staffing.NAME], or give aht there.",
    ),
    "plan.impossible": Refusal(
        "No plan meets all limits",
        "The limits exclude each other: no shift fits, no agent can serve a queue, or no number is within them.",
        "Loosen the limit that the message names.",
    ),
    "plan.missing": Refusal(
        "No plan was issued for these days",
        "The first run came after them, and a run plans no deferred work as of a past Monday.",
        "Call deskcast review, which does, or wait until a run has issued the plan of a week.",
    ),
    "plan.too_large": Refusal(
        "The task is larger than can be computed",
        "The number of paths, queues, agents or rows exceeds what memory or time allow.",
        "Ask for fewer, or for a shorter time.",
    ),
    "memory.full": Refusal(
        "The engine has no room left",
        "A step needs more than [engine] memory and its temporary folder have, or a worker was ended for want of it.",
        "Set memory higher, name a folder with more room as temp, or set since. The last results are untouched.",
    ),
    "results.missing": Refusal(
        "There are no results yet",
        "The command shows what an earlier run wrote, and no run, or no table of this name, is here.",
        "Run deskcast run first, or name the folder with --config.",
    ),
    "results.damaged": Refusal(
        "The results are damaged",
        "The folder of results is incomplete or was changed by hand.",
        "Run deskcast run again; it replaces them as a whole.",
    ),
    "state.invalid": Refusal(
        "What is remembered cannot be read",
        "The memory of KPI alerts, selected cases or notes is not a file of deskcast, or names something that is not "
        "there.",
        "Correct the name; restore the file from a copy, or remove it if what it remembers may be lost.",
    ),
    "state.unavailable": Refusal(
        "The state cannot be opened or written",
        "The database that remembers alerts, forecasts and answers is held by another run, is full or damaged, cannot "
        "be reached, belongs to another desk, or was written by a newer deskcast.",
        "Wait for the other run; otherwise deskcast doctor shows what is damaged and how to correct it.",
    ),
    "tracking.unavailable": Refusal(
        "The tracking store cannot be used",
        "The store of MLflow cannot be opened, moved or written, or its experiment was deleted.",
        "Check [tracking] uri; deskcast doctor shows more.",
    ),
    "stage.failed": Refusal(
        "A stage could not be done",
        "An earlier stage that this one needs has failed or was skipped.",
        "Correct what the message states of the first one.",
    ),
    "command.invalid": Refusal(
        "The command cannot be done like this",
        "Options exclude each other, one needs another, or a question was not answered.",
        "deskcast COMMAND --help lists them.",
    ),
}


def explain_refusal(code: str) -> str:
    """Return what a code means, as a short text of paragraphs.

    Raises
    ------
    InputError
        If the code is unknown.

    Examples
    --------
    >>> print(explain_refusal("file.locked"))
    file.locked: The file needs a password.
    A workbook or an archive is encrypted. Its content is never guessed at.
    To mend it: Save it without a password, or unpack it first.
    """
    from .errors import InputError, did_you_mean

    found = REFUSALS.get(code.strip("[] "))
    if found is None:
        raise InputError(
            "unknown error code", where="--explain", got=code, hint=did_you_mean(code, tuple(REFUSALS)),
            code="value.unknown",
        )  # fmt: skip
    return f"{code.strip('[] ')}: {found.title}.\n{found.explanation}\nTo mend it: {found.mend}"
