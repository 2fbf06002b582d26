"""Tables of a database."""

import psycopg


def test_the_server_of_the_tests_answers(postgres_uri):
    with psycopg.connect(postgres_uri) as connection:
        assert connection.execute("SELECT 1 + 1").fetchone() == (2,)
