"""The states of cases in German, French, Spanish, Portuguese and Italian, and what each means."""

from __future__ import annotations

import re
import unicodedata

_STATES: tuple[tuple[str, str], ...] = (
    ("on_hold", r"(wartet|warten|wartend) auf (lieferant\w*|dritte\w*|hersteller|extern\w*)|"
                r"en attente (du |d un )?(fournisseur|tiers)|"
                r"(pendiente|esperando|en espera) (de(l)? )?(proveedor|tercer\w*)|"
                r"(pendente|aguardando|esperando) (o |de )?(fornecedor|terceiros?)|in attesa (del )?(fornitore|terzi)|"
                r"zuruckgestellt|suspendu|suspendido|suspenso|sospeso"),
    ("open", r"neue?[rs]?|offene?[rs]?|in bearbeitung( .*)?|zugewiesen|angenommen|eroffnet|wieder ?eroffnet|"
             r"nouve(au|lle)|ouverte?|en cours( .*)?|attribuee?|assignee?|rouverte?|"
             r"nuev[oa]|abiert[oa]|en curso( .*)?|en proceso|asignad[oa]|reabiert[oa]|"
             r"nov[oa]|abert[oa]|em (andamento|curso|atendimento)( .*)?|atribuid[oa]|reabert[oa]|"
             r"nuov[oa]|apert[oa]|in (corso|lavorazione|elaborazione)( .*)?|assegnat[oa]|riapert[oa]"),
    ("paused", r"warte(n|t|nd)?( .*)?|ausstehend|in wartestellung|en attente( .*)?|pendiente( .*)?|en espera( .*)?|"
               r"esperando( .*)?|pendente( .*)?|em espera|aguardando( .*)?|in attesa( .*)?|in sospeso"),
    ("resolved", r"gelost|erledigt|behoben|resolue?|traitee?|resuelt[oa]|solucionad[oa]|resolvid[oa]|solucionado|"
                 r"risolt[oa]|evas[oa]|fertig|terminee?|complet(ad|at)[oa]"),
    ("closed", r"geschlossen|abgeschlossen|beendet|abgewiesen|abgelehnt|storniert|abgebrochen|fermee?|close?|cloturee?|"
               r"rejetee?|annulee?|cerrad[oa]|rechazad[oa]|cancelad[oa]|anulad[oa]|finalizad[oa]|fechad[oa]|"
               r"encerrad[oa]|"
               r"rejeitad[oa]|concluid[oa]|chius[oa]|rifiutat[oa]|annullat[oa]"),
)  # fmt: skip


def classify_foreign_state(state: str) -> str:
    """Return what a state in another language than English means, or nothing.

    >>> [classify_foreign_state(s) for s in ("In Bearbeitung (zugewiesen)", "Clos", "Pendiente", "Encerrado", "Blau")]
    ['open', 'closed', 'paused', 'closed', '']
    """
    bare = unicodedata.normalize("NFKD", state).encode("ascii", "ignore").decode()
    words = " ".join(re.sub(r"[^a-z0-9]+", " ", bare.lower()).split())
    return next((name for name, pattern in _STATES if re.fullmatch(pattern, words)), "")
