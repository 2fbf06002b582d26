"""Files of code pages: each language is read in its own, Western files stay Western, doubts are asked about."""

import pytest
from deskcast.features.readers.code_pages import find_code_page, sample_lines
from deskcast.features.readers.many_files import read_files
from deskcast.features.readers.read import read_raw
from deskcast.features.recognise.collection import look_at
from deskcast.pipelines.init.init import write_config
from hypothesis import given, settings
from hypothesis import strategies as st

#: Language -> the header of an export, and the values of two of its columns.
WORDS = {
    "Polish": ("Numer zgłoszenia;Data utworzenia;Data zamknięcia;Priorytet;Zespół", "Wysoki,Średni,Wsparcie łączy"),
    "Czech": ("Číslo požadavku;Vytvořeno;Uzavřeno;Priorita;Tým", "Střední,Nižší,Síť,Zpožděná žádost"),
    "Slovak": ("Číslo žiadosti;Vytvorené;Uzavreté;Priorita;Tím", "Stredná,Nízka,Sieť a pripojenie"),
    "Hungarian": ("Azonosító;Létrehozva;Lezárva;Prioritás;Csoport", "Közepes,Sürgős,Ügyfélszolgálat"),
    "Russian": ("Номер заявки;Дата создания;Дата закрытия;Приоритет;Группа", "Высокий,Низкий,Поддержка"),
    "Ukrainian": ("Номер заявки;Дата створення;Дата закриття;Пріоритет;Група", "Високий,Низький,Підтримка"),
    "Greek": ("Αριθμός;Ημερομηνία;Κλείσιμο;Προτεραιότητα;Ομάδα", "Υψηλή,Χαμηλή,Υποστήριξη"),
    "Turkish": ("Talep No;Açılış Tarihi;Kapanış Tarihi;Öncelik;Ekip", "Yüksek,Düşük,Müşteri ilişkileri"),
    "Latvian": ("Numurs;Izveidots;Slēgts;Prioritāte;Grupa", "Augsta,Vidēja,Lietotāju atbalsts"),
    "Hebrew": ("מספר;תאריך פתיחה;תאריך סגירה;עדיפות;צוות", "גבוהה,נמוכה,תמיכה טכנית"),
    "Japanese": ("問い合わせ番号;受付日時;完了日時;優先度;担当", "高,低,山田,佐藤"),
    "Chinese": ("工单编号;创建时间;关闭时间;优先级;服务台", "高,低,网络,客户问题"),
    "traditional Chinese": ("工單編號;建立時間;關閉時間;優先級;服務台", "高,低,網路,客戶問題"),
    "Korean": ("문의번호;접수일시;완료일시;우선순위;담당자", "높음,낮음,고객지원"),
    "German": ("Vorgang;Eröffnet;Gelöst;Priorität;Gruppe", "Hoch,Größe m³,Müller & Söhne – 12 €"),
    "French": ("Numéro;Créé le;Clôturé le;Priorité;Équipe", "Élevée,Réseau,L’accès à l’œuvre"),
    "Spanish": ("Número;Abierto;Cerrado;Prioridad;Título", "Crítica,Señal,¿Cuándo?,2.ª línea"),
    "Portuguese": ("Número;Abertura;Conclusão;Prioridade;Descrição", "Média,Não há ligação,Operações"),
    "Danish": ("Sagsnr;Åbnet;Løst;Prioritet;Kø", "Høj,Lav,Færøerne"),
    "Swedish": ("Ärende;Öppnat;Löst;Prioritet;Kö", "Hög,Låg,Växel"),
    "Finnish": ("Pyyntö;Avattu;Päättynyt;Tärkeys;Ryhmä", "Matala,Käyttäjätuki"),
    "Italian": ("Numero;Apertura;Chiusura;Priorità;Qualità", "Più alta,Perché no,È urgente"),
}
ENCODINGS = [
    *[(language, "cp1250") for language in ("Polish", "Czech", "Slovak", "Hungarian")],
    *[(language, "iso8859_2") for language in ("Polish", "Czech")],
    *[("Russian", encoding) for encoding in ("cp1251", "koi8_u", "cp866", "iso8859_5")],
    ("Ukrainian", "cp1251"), ("Greek", "cp1253"), ("Turkish", "cp1254"), ("Latvian", "cp1257"), ("Hebrew", "cp1255"),
    ("Japanese", "cp932"), ("Japanese", "euc_jp"), ("Japanese", "iso2022_jp"), ("Chinese", "gb18030"),
    ("traditional Chinese", "cp950"), ("Korean", "cp949"),
    *[(language, "cp1252") for language in ("German", "French", "Spanish", "Portuguese", "Danish", "Swedish",
                                            "Finnish", "Italian")],
    *[(language, "mac_roman") for language in ("German", "French", "Swedish")],
    ("German", "cp850"), ("Spanish", "cp850"),
]  # fmt: skip
WESTERN = [language for language, encoding in ENCODINGS if encoding == "cp1252"]


def table(language, rows=12):
    """Return an export of a desk that speaks a language."""
    header, values = WORDS[language]
    several = values.split(",")
    return header + "\n" + "".join(
        f"Z{i};2024-01-{1 + i % 28:02d} 09:00;2024-01-{1 + i % 28:02d} 17:00;{several[i % 2]};{several[-1 - i % 2]}\n"
        for i in range(rows)
    )  # fmt: skip


def write(folder, text, encoding, name="x.csv"):
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return folder / name


@pytest.mark.parametrize(("language", "encoding"), ENCODINGS)
def test_a_table_is_read_as_its_language_writes_it(tmp_path, language, encoding):
    if encoding in ("mac_roman", "cp850", "iso8859_2"):
        text = (
            table(language).replace("–", "-").replace("€", "EUR").replace("’", "'").replace("œ", "oe").replace("³", "")
        )
    else:
        text = table(language)
    raw = read_raw(write(tmp_path, text, encoding))
    assert list(raw.frame.columns) == text.splitlines()[0].split(";")
    assert raw.frame.iloc[:, 4].tolist() == [line.split(";")[4] for line in text.splitlines()[1:]]
    assert raw.encoding == encoding
    assert any(encoding in note for note in raw.notes)
    assert raw.doubt == () or encoding == "iso8859_2"


@settings(max_examples=25, deadline=None)
@given(language=st.sampled_from(WESTERN), data=st.data())
def test_a_few_western_words_are_never_another_code_page(language, data):
    words = ";".join(WORDS[language]).replace(",", ";").split(";")
    beyond = [w for w in words if not w.isascii()]
    few = data.draw(st.lists(st.sampled_from(beyond), min_size=1, max_size=4, unique=True))
    page = find_code_page("\n".join(few).encode("cp1252"))
    assert (page.encoding, page.rivals) == ("cp1252", ())


@pytest.mark.parametrize(
    ("name", "encoding"),
    [("Łódź", "cp1250"), ("Świętokrzyskie", "cp1250"), ("Győr és Környéke", "cp1250"), ("Москва", "cp1251")],
)
def test_one_name_in_three_rows_is_enough(tmp_path, name, encoding):
    text = f"id;opened;town\n1;2024-01-01 09:00;Oslo\n2;2024-01-02 09:00;{name}\n3;2024-01-03 09:00;Rome\n"
    assert read_raw(write(tmp_path, text, encoding)).frame["town"].tolist() == ["Oslo", name, "Rome"]


@pytest.mark.parametrize(
    "words",
    ["CO²;Nm³;kWh/m²", "£12.50;20°C;« fermé »;¿Cómo?", "GRÖSSE;RØDOVRE;JYVÄSKYLÄ;À TRAITER", "1\xa0234;N° 12;1º;Café"],
)
def test_units_and_money_and_capitals_in_a_few_rows_stay_western(words):
    for word in [*words.split(";"), words]:
        page = find_code_page(f"1;{word};?\n".encode("cp1252"))
        assert page is None or (page.encoding, page.rivals) == ("cp1252", ()), word


@pytest.mark.parametrize("word", ["Siân", "ß", "ÿ", "naïve", "Zoë"])
def test_one_western_letter_in_all_is_read_as_ever(word):
    assert find_code_page(f"1;{word};?\n".encode("cp1252")).encoding == "cp1252"


@pytest.mark.parametrize("word", ["Wrocław", "Pilność", "Šimek", "Střední"])
def test_one_word_that_is_none_in_the_west_is_enough(word):
    assert find_code_page(f"1;{word};?\n".encode("cp1250")).encoding == "cp1250"


@pytest.mark.parametrize("word", ["Заявка", "Высокий", "поддержка"])
def test_frames_of_dos_and_two_scripts_in_a_word_are_no_language(word):
    assert find_code_page(f"1;{word};?\n".encode("cp1251")).encoding == "cp1251"


def test_the_euro_of_latin_9_is_no_sign_of_currencies(tmp_path):
    raw = read_raw(write(tmp_path, "id;opened;cost\n1;2024-01-01;12 €\n2;2024-01-02;7 €\n", "iso8859_15"))
    assert (raw.encoding, raw.frame["cost"].tolist()) == ("iso8859_15", ["12 €", "7 €"])


def test_a_damaged_byte_does_not_turn_a_whole_file_into_another_code_page(tmp_path):
    whole = table("German", 60) + "x;2024-01-01 09:00;2024-01-02 09:00;ü;ok\n"
    broken = whole.encode("utf-8").replace("ü;ok".encode(), b"\xfc;ok")
    raw = read_raw(write(tmp_path, broken, ""))
    assert (raw.encoding, raw.frame.iloc[-1, 3]) == ("utf-8", "ü")
    assert "1 place of the text is not UTF-8" in " ".join(raw.notes)
    russian = table("Russian", 60).encode("cp1251") + b"x;2024-01-01 09:00;2024-01-02 09:00;\x98;ok\n"
    raw = read_raw(write(tmp_path, russian, ""))
    assert (raw.encoding, raw.frame.columns[0]) == ("cp1251", "Номер заявки")
    assert "1 place of the text is not cp1251" in " ".join(raw.notes)


def test_a_page_says_its_own_encoding(tmp_path):
    rows = "".join(f"<tr><td>{i}</td><td>2024-01-0{i}</td><td>Žluč</td></tr>" for i in range(1, 6))
    page = (
        f'<html><meta charset="windows-1250"><table><tr><th>id</th><th>opened</th><th>a</th></tr>{rows}</table></html>'
    )
    raw = read_raw(write(tmp_path, page, "cp1250", "x.html"))
    assert raw.frame.iloc[0, 2] == "Žluč"
    assert "as it declares" in " ".join(raw.notes)


@pytest.mark.parametrize("end", ["\n", "\x85"])
def test_a_text_of_a_mainframe_is_read(tmp_path, end):
    text = "id,opened,team\n1,2024-03-01 09:00,Billing\n2,2024-03-02 10:00,Network\n"
    raw = read_raw(write(tmp_path, text.replace("\n", end), "cp037"))
    assert (raw.encoding, raw.frame["team"].tolist()) == ("cp037", ["Billing", "Network"])


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_large_text_is_sampled_from_its_whole_length(end):
    plain = ("x" * 60 + end) * 40_000
    data = (plain + "Zgłoszenie pilne" + end + plain + "Średni" + end).encode("cp1250")
    assert sample_lines(data).decode("cp1250").split() == ["Zgłoszenie", "pilne", "Średni"]
    long = ("Größe, " * 400_000).encode("cp1252")
    assert 0 < len(sample_lines(long)) < 1_000_000


def test_a_doubt_is_said_and_asked_about_and_its_answer_is_kept(tmp_path):
    file = write(tmp_path, "case_id;created_at;team\n1;2024-01-01 09:00;Oslo\n2;2024-01-02 09:00;Kodėl\n", "cp1257")
    raw = read_raw(file)
    assert "cp1257" in dict(raw.doubt)
    assert "set encoding" in " ".join(raw.notes)
    asked = []

    def answer(question, options):
        asked.append((question, options))
        return next(i for i, o in enumerate(options) if o.startswith("cp1257"))

    text = write_config(file, tmp_path, ask=answer).read_text()
    assert len(asked) == 1
    assert "Kodėl" in " ".join(asked[0][1])
    assert 'encoding = "cp1257"' in text
    assert look_at([file], answer).seen[0].raw.frame["team"].tolist() == ["Oslo", "Kodėl"]
    assert (
        f'encoding = "{raw.encoding}"  # the words fit several' in write_config(file, tmp_path, force=True).read_text()
    )


def test_a_doubtful_file_is_read_as_the_clear_ones_beside_it(tmp_path):
    first = write(tmp_path, "case_id;created_at;team\n1;2024-01-01 09:00;Kodėl, Žmogus ir šalis\n", "cp1257", "a.csv")
    second = write(tmp_path, "case_id;created_at;team\n2;2024-01-02 09:00;Kodėl\n", "cp1257", "b.csv")
    assert (read_raw(first).doubt == (), read_raw(second).doubt == ()) == (True, False)
    assert read_files([first, second]).frame["team"].tolist()[1] == "Kodėl"
