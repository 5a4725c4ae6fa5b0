"""A broker that is away costs a delay, never a page."""

import time

import pytest
from celery import current_app
from django.db import transaction
from kombu import pools

from carbon_portal.kernel.dispatch import enqueue_on_commit
from carbon_portal.kernel.services.paths import valkey_socket


@pytest.fixture
def broker_away(services, tmp_path):
    """Celery's producers speak to a socket where nobody listens."""
    settled = current_app.conf.broker_write_url, current_app.conf.broker_url
    current_app.conf.broker_write_url = current_app.conf.broker_url = f"redis+socket://{tmp_path}/nobody.sock"
    _forget_connections()
    yield
    current_app.conf.broker_write_url, current_app.conf.broker_url = settled
    _forget_connections()


def _forget_connections():
    # kombu keeps its pools by address for the whole process: a closed one would be handed out again.
    pools.reset()
    current_app.amqp._producer_pool = None
    current_app._pool = None


def test_a_commit_wakes_a_worker_and_a_rollback_does_not(own_database):
    import redis

    queue = redis.from_url(f"unix://{valkey_socket()}?db=0")
    queue.flushdb()
    with transaction.atomic():
        enqueue_on_commit("kernel.heartbeat")
        assert queue.llen("interactive") == 0
    assert queue.llen("interactive") == 1
    with transaction.atomic():
        enqueue_on_commit("kernel.heartbeat")
        transaction.set_rollback(True)
    assert queue.llen("interactive") == 1
    queue.flushdb()


def test_a_broker_that_is_away_fails_no_commit(own_database, broker_away, caplog):
    began = time.monotonic()
    with transaction.atomic():
        enqueue_on_commit("kernel.heartbeat")
    assert time.monotonic() - began < 5
    assert "broker away, kernel.heartbeat left to the sweep" in caplog.text
