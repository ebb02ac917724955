"""Locust's page in front of the master, behind a login: a person starts and stops the load, there is no verdict.

For a closed load the page's number is that of users, as Locust means it. For an open load it is the rate: arrivals per
second, of all workers together.
"""

import hmac
import os
import time
from typing import Any

import gevent
from flask import redirect, request, session, url_for
from flask_login import UserMixin, login_user
from gevent.event import Event
from locust.web import WebUI

from sagemaker_loadtest.measure import wire
from sagemaker_loadtest.measure.wire import Job, Page
from sagemaker_loadtest.swarm.channel import tell
from sagemaker_loadtest.swarm.cluster import BEGIN, LEAD_SECONDS, SHARE, STOP, Master

_WRONG_LOGIN_SECONDS = 0.5
_SUBMIT = "/login-submit"


class PageMaster(Master):
    """Serves the page until it is told to end. Workers may come and go all the while."""

    def __init__(self, job: Job) -> None:
        if job.page is None:
            raise ValueError("a master without a page is a Master")
        super().__init__(job)
        self._running = False
        self._told_to_end = Event()
        environment = self._runner.environment
        environment.events.test_start.add_listener(lambda **_: self._start_load())  # type: ignore[no-untyped-call]
        environment.events.test_stop.add_listener(lambda **_: self._stop_load())  # type: ignore[no-untyped-call]
        self._page = job.page
        self._web: WebUI = environment.create_web_ui(job.page.host, job.page.port, web_login=True, delayed_start=True)
        protect(self._web, job.page)

    def run(self) -> int:
        self._web.start()  # type: ignore[no-untyped-call]
        gevent.spawn(self._watch)
        tell(wire.READY, port=self._runner.server.port)
        self._stopped.wait()
        self._web.stop()  # type: ignore[no-untyped-call]
        self._runner.quit()
        tell(wire.END)
        return 0

    def _hello(self, client: str, data: dict[str, Any]) -> None:
        if data["run"] != self._job.run:
            self._runner.send_message("quit", client_id=client)
            return
        self._names[client] = data["name"]
        self._begun.add(data["name"])
        tell(wire.CONNECTED, worker=data["name"])
        if self._running:
            self._deal(time.time() - self._start + LEAD_SECONDS, fresh=client)

    def _start_load(self) -> None:
        """Locust fires this before it sends users out, so that each worker knows its share when they come."""
        self._running = True
        self._start = time.time() + LEAD_SECONDS
        self._final.clear()
        present = self._present()
        for place, (client, _) in enumerate(present):
            self._runner.send_message(BEGIN, self._share(place, len(present), 0.0), client_id=client)

    def _stop_load(self) -> None:
        self._running = False
        self._runner.send_message(STOP, {})

    def _deal(self, since: float, *, fresh: str) -> None:
        present = self._present()
        for place, (client, _) in enumerate(present):
            message = BEGIN if client == fresh else SHARE
            self._runner.send_message(message, self._share(place, len(present), since), client_id=client)

    def _share(self, place: int, workers: int, since: float) -> dict[str, Any]:
        rate = self._runner.target_user_count if self._job.test.load.open else None
        return {"start": self._start, "place": place, "workers": workers, "since": since, "rate": rate}


class _Person(UserMixin):  # type: ignore[misc]  # flask_login has no types
    def __init__(self, name: str) -> None:
        self.id = name


def protect(web: WebUI, page: Page) -> None:
    """Locust's login page checks name and password against `page`; a wrong one costs half a second."""
    app: Any = web.app
    app.debug = False
    app.secret_key = os.urandom(32)
    app.config.update(SESSION_COOKIE_HTTPONLY=True, SESSION_COOKIE_SAMESITE="Lax")
    web.login_manager.user_loader(lambda name: _Person(name) if name == page.username else None)
    web.auth_args = {"username_password_callback": _SUBMIT}

    @app.route(_SUBMIT, methods=["POST"])  # type: ignore[untyped-decorator]  # Flask is Any here
    def submit() -> Any:
        if right(page, request.form.get("username", ""), request.form.get("password", "")):
            login_user(_Person(page.username))
            return redirect(url_for("locust.index"))
        gevent.sleep(_WRONG_LOGIN_SECONDS)
        session["auth_error"] = "Wrong user or password"
        return redirect(url_for("locust.login"))


def right(page: Page, username: str, password: str) -> bool:
    """Compared in constant time, and both, so that a wrong name takes as long as a wrong password."""
    name_agrees = hmac.compare_digest(username.encode(), page.username.encode())
    return hmac.compare_digest(password.encode(), page.password.encode()) and name_agrees
