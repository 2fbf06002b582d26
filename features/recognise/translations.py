"""The words of column names in other languages, and the English for them."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

#: Names in German, French, Spanish, Portuguese, Italian, Dutch and Polish, without accents, and the English for them.
TRANSLATED_NAMES: tuple[tuple[str, str], ...] = (
    (
        r"(ticket|(kunden)?vorgangs?|fall|auftrags|storungs|incident|anfrage|meldungs|aufgaben) ?"
        r"(nummer|nr|id|kennung)",
        "ticket id",
    ),
    (r"vorgang|fall|auftrag|storung|meldung|anfrage", "ticket"),
    (
        r"(numero|num|no|n|n o|id|codigo|codice|rif|ref)( de| do| du| del| di| d)? (ticket|caso|incident|incidente|"
        r"incidencia|dossier|"
        r"chamado|demande|solicitud|segnalazione|richiesta|ocorrencia|zgloszenia|reclamo|protocolo)",
        "ticket id",
    ),
    (r"nummer|numero|referenz|referencia|riferimento|rif|numer|n o|protocolo|kennung", "number"),
    (
        r"chamado|demande|solicitud|segnalazione|richiesta|incidencia|ocorrencia|zgloszenie|melding|aanvraag|verzoek",
        "ticket",
    ),
    (
        r"erstellt|eroffnet|geoffnet|angelegt|eingegangen|gemeldet|aufgegeben|erfasst|aangemaakt|utworzono|zgloszono",
        "created",
    ),
    (
        r"aangemeld|geopend|ingediend|ontvangen|cree|ouvert|recu|enregistre|creado|abierto|abierta|creada|registrado|criado|criada|aberto|aberta|registrado|"
        r"creato|aperto|aperta|creata|ricevuto|registrato",
        "created",
    ),
    (
        r"(erstell|erstellungs|eroffnungs|eingangs|melde|anlage|meldungs|erfassungs|aanmaak)(datum|zeit|zeitpunkt)",
        "created date",
    ),
    (
        r"(datum|zeit|zeitpunkt|datum uhrzeit|datum (und|u) uhrzeit|tag) (der |des |von |vom )?"
        r"((er)?offnung|erstellung|anlage|meldung|eingangs?|erfassung)",
        "created date",
    ),
    (
        r"(datum|zeit|zeitpunkt|datum uhrzeit|datum (und|u) uhrzeit|tag) (der |des |von |vom )?"
        r"(abschlusse?s|schliessung|schlieung|beendigung)",
        "closed date",
    ),
    (
        r"(datum|tijd|datum (en )?tijd|tijdstip) (van )?(gesloten|afgesloten|afgerond|gereed|afhandeling|sluiting)|"
        r"(sluit|sluitings|afsluit|afhandel|eind)(datum|tijd)|abschluss|"
        r"schliessung|cloture|fermeture|cierre|fechamento|encerramento|chiusura",
        "closed date",
    ),
    (
        r"(datum|tijd|datum (en )?tijd|tijdstip) (van )?(opgelost|oplossing)|oplos(datum|tijdstip)|erledigung|behebung",
        "resolved date",
    ),
    (
        r"(datum|tijd|datum (en )?tijd|tijdstip) (van )?(aangemaakt|aangemeld|gemeld|melding|geopend)|"
        r"(meldings?|aanmeldings?|aanmeld|openings|registratie|start)datum|data (rejestracji|otwarcia|"
        r"zgloszenia)|eingang|eroffnung|ouverture|apertura|abertura",
        "created date",
    ),
    (r"beginn|begin|inicio|debut|inizio", "start"),
    (r"ende|einde|fin|fim|fine|koniec", "end"),
    (r"streefdatum|(verwachte|geplande) einddatum|uiterste datum|date limite|termin realizacji", "due date"),
    (r"(incident|melding|aanvraag|ticket|zaak|verzoek)s?nummer|(numer|nr|id) (zgloszenia|sprawy)", "ticket id"),
    (r"folio|expediente|(n|no) expediente", "number"),
    (r"(behandelaars?|toegewezen )?groep|grupa( przypisana)?", "team"),
    (r"behandelaar|toegewezen aan|przypisany", "agent"),
    (r"aanmelder|klant|melder", "customer"),
    (r"(soort|type) (melding|aanvraag|zaak)", "type"),
    (r"zrodlo", "channel"),
    (
        r"(datum|zeit|zeitpunkt|datum uhrzeit|datum (und|u) uhrzeit|tag) (der |des |von |vom )?"
        r"(losung|erledigung|behebung)",
        "resolved date",
    ),
    (
        r"(data|fecha|date|datum|hora|heure|ora)( (e |y |et )?(hora|heure|ora))?( (de|d|do|da|du|del|di|van|la|l))* "
        r"(creation|ouverture|reception|enregistrement|creacion|apertura|alta|recepcion|registro|inicio|criacao|"
        r"abertura|creazione|aanmaak|utworzenia|zgloszenia|debut|inizio|ingreso)",
        "created date",
    ),
    (
        r"geschlossen|abgeschlossen|beendet|fermee?|cloturee?|clos|cerrad[oa]|fechad[oa]|encerrad[oa]|concluid[oa]|"
        r"finalizad[oa]|"
        r"chius[oa]|gesloten|afgesloten|afgerond|afgemeld|gereed|zamkniet[oy]|termine",
        "closed",
    ),
    (r"(abschluss|schluss|schliess|schliessungs|ende|end|schlie|schlieungs)(datum|zeit|zeitpunkt)", "closed date"),
    (
        r"(data|fecha|date|datum|hora|heure|ora)( (e |y |et )?(hora|heure|ora))?( (de|d|do|da|du|del|di|van|la|l))* "
        r"(cloture|fermeture|fin|cierre|fechamento|encerramento|conclusao|fim|chiusura|zamkniecia|sluiting)",
        "closed date",
    ),
    (
        r"gelost|erledigt|behoben|resolue?|resuelt[oa]|solucionad[oa]|resolvid[oa]|risolt[oa]|opgelost|rozwiazan[oy]",
        "resolved",
    ),
    (r"(losungs|erledigungs|behebungs)(datum|zeit|zeitpunkt)", "resolved date"),
    (
        r"(data|fecha|date|datum|hora|heure|ora)( (e |y |et )?(hora|heure|ora))?( (de|d|do|da|du|del|di|van|la|l))* "
        r"(resolution|solution|resolucion|solucion|resolucao|solucao|risoluzione|soluzione|rozwiazania)",
        "resolved date",
    ),
    (
        r"(erste (antwort|reaktion|ruckmeldung)|erstreaktion|erstantwort|premiere reponse|primera respuesta|"
        r"primeira resposta|"
        r"prima risposta)",
        "first response",
    ),
    (
        r"(datum|date|fecha|data)( de la| da| della| der| de)? (ersten antwort|premiere reponse|primera respuesta|"
        r"primeira resposta|prima risposta)",
        "first response date",
    ),
    (
        r"fallig|falligkeit|falligkeitsdatum|frist|abgabedatum|echeance|(date )?(d )?echeance|vencimiento|prazo|"
        r"vencimento|scadenza|"
        r"termin|(fecha|data)( de| di)? (limite|vencimiento|vencimento|scadenza|prevista)|data oddania|deadline|"
        r"zieldatum|"
        r"zieltermin|temps de resolution|tiempo para resolver|tempo para solucao",
        "due date",
    ),
    (
        r"(zuletzt )?(aktualisiert|geandert)|letzte (anderung|aktualisierung)|letztes update|anderungsdatum|(mis|"
        r"mise) a jour|"
        r"(date (de )?)?(derniere (modification|mise a jour))|actualizado|(ultima|fecha de) actualizacion|"
        r"atualizado|alterado|"
        r"ultima (atualizacao|alteracao|modifica|modificacion)|(ultimo )?aggiornament[oi]|aggiornato|modificado|"
        r"modificato|"
        r"laatst (gewijzigd|bijgewerkt)|(data )?(ostatniej )?aktualizacji",
        "updated",
    ),
    (
        r"prioritat|dringlichkeit|priorite|prioridade?|urgence|urgencia|urgenza|priorita|prioriteit|priorytet|"
        r"severidade?|gravite",
        "priority",
    ),
    (
        r"kanal|eingangskanal|canale?|kontaktart|herkunft|origine?|origen|origem|meldeweg|medium|via de entrada|kanaal",
        "channel",
    ),
    (r"produkt|produit|producto|produto|prodotto|servicio|servico|servizio|dienst", "product"),
    (r"kategorie|categorie|categoria|kategoria", "category"),
    (
        r"(ticket|vorgangs|anfrage)?(typ|art)|typ|type de (ticket|demande)|tipo( de (ticket|caso|chamado|solicitud|"
        r"incidente))?|"
        r"tipo di richiesta",
        "type",
    ),
    (r"kunden ?(nummer|nr|id)|(id|numero)( de| du| do| del)? client[e]?", "customer id"),
    (
        r"kunde|client|cliente|antragsteller|anforderer|melder|demandeur|appelant|solicitante|requerente|"
        r"richiedente|chiamante|"
        r"aanvrager|zglaszajacy|klient",
        "customer",
    ),
    (
        r"(zuweisungs|bearbeiter|support)?gruppe|abteilung|(groupe|grupo|gruppo)( de| di| d)? (assignation|"
        r"affectation|atribuicao|"
        r"asignacion|assegnazione)|equipe|equipo|squadra|groupe|grupo|gruppo|zespol|departamento|departement|"
        r"service|fila|afdeling|"
        r"bereich|zustandige (gruppe|abteilung)",
        "team",
    ),
    (
        r"bearbeiter|agente|operatore|operador|tecnico|technicien|responsavel|zugewiesen an|assigne a|attribue a|"
        r"asignado a|"
        r"atribuido (a|para)|assegnato a|toegewezen aan|przypisany do|analista",
        "agent",
    ),
    (r"status|statut|etat|estado|estatus|stato|situacao|zustand", "status"),
    (r"region|standort|ort|pays|pais|paese|land|localidad|localidade|sede|ubicacion", "region"),
    (r"zeitstempel|zeitpunkt|horodatage|marca temporal", "timestamp"),
    (r"datum|fecha|data", "date"),
    (r"uhrzeit|zeit|hora|heure|ora|godzina|tijd", "time"),
    (
        r"aktivitat|activite|actividad|atividade|attivita|ereignis|evenement|evento|vorgangsart|aktion|accion|acao|"
        r"azione",
        "activity",
    ),
    (
        r"anrufe|appels|llamadas|chamadas|ligacoes|chiamate|telefonate|gesprache|gesprekken|oproepen|polaczenia|samtal|opkald",
        "calls",
    ),
    (r"anzahl|nombre|cantidad|quantidade|quantita|menge", "count"),
)


_LETTERS = str.maketrans({"ß": "ss", "ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "đ": "d", "æ": "ae", "œ": "oe"})
#: What a date is of, where the file has no other: the creation of the ticket.
_OF_CASE = re.compile(
    r" ((du|de|del|da|do|di|des|van|van de|van het|de la|de l|dell) ?)?(ticket|dossier|demande|incident|incidente|caso|"
    r"chamado|solicitud|segnalazione|richiesta|melding|zgloszenia|sprawy|appel|vorgangs|tickets)$"
)
_TIME_PREPOSITION = r"( (am|um|le|el|em|a|il|op|en|la))?"


def strip_accents(name: str) -> str:
    """Return a name in plain letters; some letters have no accent to take off.

    >>> strip_accents("Data zgłoszenia, Größe")
    'Data zgloszenia, Grosse'
    """
    return unicodedata.normalize("NFKD", name.translate(_LETTERS)).encode("ascii", "ignore").decode()


def strip_to_words(name: str) -> str:
    """Return a name in lower case words without accents and signs, in its own language.

    >>> strip_to_words("Date d'échéance (1re réponse)")
    'date d echeance 1re reponse'
    """
    bare = strip_accents(name).lower()
    return re.sub(r"[^a-z0-9]+", " ", bare).strip()


@lru_cache(maxsize=4096)
def translate_column_name(words: str) -> str:
    """Return the English for a name in lower case without accents, or the name itself.

    >>> translate_column_name("data de abertura"), translate_column_name("colour")
    ('created date', 'colour')
    """
    for said in dict.fromkeys((words, _OF_CASE.sub("", words))):
        found = next((e for word, e in TRANSLATED_NAMES if re.fullmatch(f"({word}){_TIME_PREPOSITION}", said)), "")
        if found and (said == words or found.endswith("date")):
            return found
    return words
